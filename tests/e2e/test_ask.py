"""`edge ask` and the appliance that it asks."""

import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.cli.run import RESTART_CODE
from edge.control import SOCKET_NAME, short_path
from edge.store.events import EventStore
from edge.store.pictures import PictureFolder
from tests.support import edge, start_edge, until

pytestmark = pytest.mark.e2e


@pytest.fixture
def config(base_dir: Path, tmp_path: Path) -> Path:
    path = tmp_path / "edge.toml"
    path.write_text(
        f"""
        [paths]
        data = "{tmp_path / ("data" + "-long" * 30)}"
        models = "{base_dir / "models"}"
        [[camera]]
        name = "door"
        source = "test:"
        """
    )
    return path


@pytest.fixture
def appliance(config: Path, tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    process = start_edge("run", "--config", config, log=tmp_path / "log")
    yield process
    process.kill()
    process.wait()


def asked(config: Path, *words: str) -> Any:
    return json.loads(edge("ask", *words, "--config", config, "--json").stdout or "null")


def test_an_appliance_answers_takes_pictures_and_restarts(config: Path, appliance: subprocess.Popen[bytes]) -> None:
    def running() -> Any:
        answer = asked(config, "status")
        return (
            answer
            and answer["ok"]
            and [part for part in answer["result"] if (part["part"], part["state"]) == ("camera", "running")]
        )

    (camera,) = until(running, 30, "a running camera")
    assert (camera["part"], camera["name"]) == ("camera", "door")

    answer = asked(config, "snapshot", "camera=door", "--id", "1")
    folder = next(config.parent.glob("data*"))
    (event,) = EventStore(folder).find(answer["result"][0]["event"])
    assert (event.label, event.camera, event.end_reason) == ("snapshot", "door", "still")
    assert event.picture is not None
    assert PictureFolder(folder).path_of(event.picture).stat().st_size == event.picture.size_bytes
    assert asked(config, "snapshot", "camera=door", "--id", "1") == answer

    assert asked(config, "disarm", "camera=door")["ok"]
    refused = asked(config, "snapshot")
    assert (refused["ok"], refused["error"]) == (False, "camera door is disarmed: nothing of it is kept")
    assert asked(config, "arm", "camera=door")["ok"]
    assert asked(config, "snapshot")["ok"]
    assert asked(config, "keep", f"event={event.id}")["ok"]
    assert EventStore(folder).find(event.id)[0].kept
    assert "is not there" in asked(config, "unkeep", "event=nothing")["error"]
    assert "makes no clips" in asked(config, "clip")["hint"]

    wrong = edge("ask", "snapshot", "camera=back", "--config", config)
    assert wrong.returncode == 1
    assert wrong.stderr.strip().endswith("edge: camera 'back' is not there (one of door, or none for all)")

    assert asked(config, "restart")["ok"]
    assert appliance.wait(20) == RESTART_CODE
    assert not (folder / SOCKET_NAME).exists()


def test_nobody_answers_where_no_appliance_runs(config: Path, tmp_path: Path) -> None:
    done = edge("ask", "status", "--data", tmp_path)
    assert done.returncode == 1
    assert "no appliance runs over this folder (start it with `edge run`" in done.stderr
    assert edge("ask", "snapshot", "camera", "--data", tmp_path).returncode == 2


def test_rubbish_on_the_socket_harms_nobody(config: Path, appliance: subprocess.Popen[bytes], tmp_path: Path) -> None:
    folder = until(lambda: next(tmp_path.glob("data*/" + SOCKET_NAME), None), 30, "the socket").parent
    for rubbish in (b"", b"\n", b"\xff\xfe\n", b"{}\n", b'{"id": 1}\n', b"x" * 100_000):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(5)
            with short_path(folder) as path:
                connection.connect(path)
            try:
                connection.sendall(rubbish)
                connection.shutdown(socket.SHUT_WR)
                connection.recv(1000)
            except ConnectionError:
                pass  # it may hang up while we still talk
    assert asked(config, "status")["ok"]
    assert appliance.poll() is None
