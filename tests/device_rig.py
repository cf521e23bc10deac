"""What tests of real sources of the device's state need: a device with one work beside them, and what it said."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT, environment, until

Line = dict[str, Any]
QUICK = "[limits]\nsettle_s = 0.3\n"


class Device:
    """The process and its lines."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self.process = process
        self.lines: list[Line] = []
        self._log = log
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def until(self, what: str, fits: Callable[[Line], Any], timeout_s: float = 20) -> Line:
        """Wait until the newest line fits."""
        try:
            until(lambda: self.lines and fits(self.lines[-1]), timeout_s, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; last: {self.lines[-1:]}; log: {self._log.read_text()[-2000:]}") from None
        return self.lines[-1]

    def runs(self, timeout_s: float = 20) -> Line:
        """Wait until the work runs."""
        return self.until("the work's run", lambda line: line["work"] == "running", timeout_s)

    def waits_for(self, words: str, timeout_s: float = 20) -> Line:
        """Wait until the work waits, for this."""
        return self.until(
            f"waiting for {words!r}", lambda line: line["work"] == "enqueued" and words in line["waits_for"], timeout_s
        )

    def _read(self) -> None:
        assert self.process.stdout is not None
        for text in self.process.stdout:
            self.lines.append(json.loads(text))


@contextmanager
def device(
    folder: Path,
    needs: Sequence[Mapping[str, Any]],
    *,
    config: str = "",
    root: Path = Path("/"),
    prefix: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> Iterator[Device]:
    """Run `tests.device_child` while the block goes on.

    Args:
        prefix: what the command is started with, such as `nsenter …`.
    """
    (folder / "work").mkdir()
    arguments = [str(folder / "work"), str(root), QUICK + config, json.dumps(list(needs))]
    log = folder / "device.log"
    with log.open("ab") as errors:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "tests.device_child", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=ROOT,
            env=environment() | dict(variables or {}),
            start_new_session=True,
        )
    try:
        yield Device(process, log)
    finally:
        end(process)
        assert process.stdout is not None
        process.stdout.close()


@contextmanager
def server(command: Sequence[object], log: Path, **options: Any) -> Iterator["subprocess.Popen[bytes]"]:
    """A program in the foreground while the block goes on."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [str(word) for word in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **options,
        )
    try:
        yield process
    finally:
        end(process)


def end(process: "subprocess.Popen[Any]") -> None:
    """With what it started: `nsenter` starts the program that it is for."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(10)


@contextmanager
def system_bus(folder: Path, prefix: Sequence[object] = ()) -> Iterator[dict[str, str]]:
    """A D-Bus of its own; the variables that lead programs to it."""
    address = f"unix:path={folder / 'bus'}"
    command = [*prefix, "dbus-daemon", f"--config-file={ROOT / 'tests/bus.conf'}", f"--address={address}"]
    with server([*command, "--nofork", "--nopidfile"], folder / "bus.log"):
        until((folder / "bus").exists, 20, "the bus")
        yield {"DBUS_SYSTEM_BUS_ADDRESS": address}


def need_programs(*names: str) -> None:
    """Skip without them; scripts/setup --dev installs them."""
    missing = [name for name in names if shutil.which(name, path="/usr/sbin:/usr/bin:/sbin:/bin") is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}; scripts/setup --dev installs them on Debian")


def need_root() -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, for namespaces")
