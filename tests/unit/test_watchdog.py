"""Against a real datagram socket, as systemd listens at."""

import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.clock import Instant
from edge.health import Condition
from edge.runtime import summary
from edge.watchdog import Watchdog


class Manager:
    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.settimeout(0.05)

    def heard(self) -> list[str]:
        words = []
        try:
            while True:
                words.append(self.socket.recv(4096).decode())
        except TimeoutError:
            return words


@pytest.fixture(params=["path", "abstract"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(tmp_path / "notify") if request.param == "path" else f"@edge-test-{os.getpid()}"


@pytest.fixture
def manager(address: str) -> Iterator[Manager]:
    manager = Manager(address)
    yield manager
    manager.socket.close()


def test_the_words_of_a_life(manager: Manager, address: str) -> None:
    watchdog = Watchdog({"NOTIFY_SOCKET": address})
    watchdog.ready()
    watchdog.status("1 camera\nrunning")
    watchdog.status("1 camera\nrunning")
    watchdog.alive()
    watchdog.stopping()
    assert manager.heard() == ["READY=1", "STATUS=1 camera running", "STOPPING=1"], "nobody asked for a sign of life"


def test_a_sign_of_life_twice_in_the_time_given(manager: Manager, address: str) -> None:
    watchdog = Watchdog({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "400000", "WATCHDOG_PID": str(os.getpid())})
    begin_s = time.monotonic()
    while time.monotonic() - begin_s < 1.0:
        watchdog.alive()
        time.sleep(0.01)
    assert 4 <= manager.heard().count("WATCHDOG=1") <= 6


@pytest.mark.parametrize("extra", [{"WATCHDOG_PID": "1"}, {"WATCHDOG_USEC": "soon"}, {"WATCHDOG_USEC": ""}])
def test_no_sign_of_life_where_none_is_asked_of_us(manager: Manager, address: str, extra: dict[str, str]) -> None:
    Watchdog({"NOTIFY_SOCKET": address, "WATCHDOG_USEC": "1000", **extra}).alive()
    assert manager.heard() == []


def test_nobody_listens(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Watchdog({}).ready()
    assert not caplog.text
    Watchdog({"NOTIFY_SOCKET": str(tmp_path / "none")}).ready()
    assert "service manager not told word=READY" in caplog.text


def test_the_status_line() -> None:
    def condition(name: str, state: str) -> Condition:
        return Condition(part="camera", name=name, state=state, cause="", since=Instant(0, 0))  # type: ignore[arg-type]

    assert summary([]) == "no camera running"
    assert summary([condition("a", "running"), condition("b", "stalled")]) == "1 camera running; camera b stalled"
