"""Network UPS Tools of a test's own, with the driver that plays a UPS."""

import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.device_rig import need_programs, server
from tests.support import until

DUMMY, UPSD = Path("/lib/nut/dummy-ups"), Path("/lib/nut/upsd")


class Nut:
    """A server and its driver, both real."""

    def __init__(self, folder: Path, prefix: Sequence[object]) -> None:
        self._folder = folder
        self._prefix = prefix
        self._stack = ExitStack()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self._variables = {
            name: str(folder) for name in ("NUT_CONFPATH", "NUT_STATEPATH", "NUT_PIDPATH", "NUT_ALTPIDPATH")
        }

    def start(self) -> None:
        files = {
            "nut.conf": "MODE=netserver\n",
            "ups.conf": "[dummy]\ndriver = dummy-ups\nport = dummy.dev\npollinterval = 1\n",
            "upsd.conf": f"LISTEN 127.0.0.1 {self.port}\n",
            "upsd.users": "[admin]\npassword = pw\nactions = SET\ninstcmds = ALL\n",
            "dummy.dev": "ups.status: OL\nbattery.charge: 88\n",
        }
        self._folder.mkdir()
        for name, text in files.items():
            (self._folder / name).write_text(text)
            (self._folder / name).chmod(0o640)
        log = self._folder / "nut.log"
        self.driver = self._stack.enter_context(
            server([*self._prefix, DUMMY, "-a", "dummy", "-u", "root", "-F"], log, env=self._variables)
        )
        until(lambda: (self._folder / "dummy-ups-dummy").exists(), 20, "the driver's socket")
        self._stack.enter_context(server([*self._prefix, UPSD, "-u", "root", "-F"], log, env=self._variables))
        until(self._answers, 20, "upsd's answer")

    def stop(self) -> None:
        self._stack.close()

    def becomes(self, status: str, charge: int) -> None:
        for name, value in (("battery.charge", charge), ("ups.status", status)):
            self._run(
                "upsrw", "-s", f"{name}={value}", "-u", "admin", "-p", "pw", f"dummy@127.0.0.1:{self.port}"
            ).check_returncode()

    def _answers(self) -> bool:
        return self._run("upsc", f"dummy@127.0.0.1:{self.port}", "ups.status").stdout.startswith(b"OL")

    def _run(self, *command: str) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run([*map(str, self._prefix), *command], check=False, timeout=60, capture_output=True)


@contextmanager
def nut(folder: Path, prefix: Sequence[object] = ()) -> Iterator[Nut]:
    """
    Args:
        prefix: what its programs are started with, such as `nsenter …`.
    """
    need_programs("upsc", "upsrw", str(DUMMY), str(UPSD))
    started = Nut(folder, prefix)
    try:
        started.start()
        yield started
    finally:
        started.stop()
