"""A Debian root file system in which a test may change what it likes, and in which the real systemd boots.

What is written goes into a layer above the cached root file system (scripts/debian-root), which never changes. All mounts are in name
spaces of their own and go with the processes.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support import ROOT, until

UNABLE = 3
MAKING_S = 900
PACKING_S = 300
BOOT_S = 100
WRITE = ("sh", "-c", 'mkdir -p "$(dirname "$1")" && printf %s "$2" >"$1"', "write")
NO_NETWORK = 'APT::Install-Recommends "false";\nAcquire::http::Proxy "http://127.0.0.1:9";\n'
INSTALL = ROOT / "scripts/install"
STOP_S = 100
NEEDS_MACHINE = (
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to boot a root file system"),
    pytest.mark.skipif(
        shutil.which("systemd-nspawn") is None, reason="needs systemd-nspawn: apt-get install systemd-container"
    ),
)
"""Marks of a test that boots one."""
LAYERS = """
set -eu
mount -t overlay overlay -o "lowerdir=$1,upperdir=$2/upper,workdir=$2/work" "$2/root"
shift 2
"""


def script(name: str, *arguments: object, base_dir: Path, timeout_s: float) -> str:
    """Run one of the project's scripts; the last line of its output. Skips the test where this machine cannot do it."""
    environment = {**os.environ, "EDGE_DATA": str(base_dir), "PYTHON": sys.executable}
    command = [str(ROOT / "scripts" / name), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s, env=environment)
    if done.returncode == UNABLE:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()[-1]


def debian_root(name: str, base_dir: Path) -> Path:
    """Makes it where it is not there yet, which takes some minutes."""
    return Path(script("debian-root", name, base_dir=base_dir, timeout_s=MAKING_S))


class Layered:
    """A layer above `base`: its own until it is removed.

    Args:
        folder: on a file system that an overlay can stand on; holds the layer and, while something runs, the whole.
    """

    def __init__(self, base: Path, folder: Path) -> None:
        self._base = base
        self._folder = folder
        self.root = folder / "root"
        for name in ("upper", "work", "root"):
            (folder / name).mkdir()
        done = subprocess.run(self.entered("true"), capture_output=True, text=True, check=False)
        if done.returncode:
            pytest.skip(f"this machine cannot lay one folder over another in {folder}: {done.stderr.strip()}")

    def entered(self, *command: object) -> list[str]:
        """The command line that runs `command` where the layers are mounted."""
        inner = [*map(str, command)]
        lay = ["unshare", "--mount", "sh", "-c", LAYERS + 'exec "$@"', "layers", str(self._base), str(self._folder)]
        return [*lay, *inner]

    def run(self, *command: object, timeout_s: float = 100, check: bool = True) -> subprocess.CompletedProcess[str]:
        """In the root file system, with /proc and /dev, not booted."""
        mounts = 'mount -t proc proc "$1/proc"; mount --rbind /dev "$1/dev"; mount -t tmpfs tmpfs "$1/run"'
        start = 'cd "$1"; shift; exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive chroot . "$@"'
        line = self.entered("sh", "-ec", f"{mounts}; {start}", "run", self.root, *command)
        done = subprocess.run(line, capture_output=True, text=True, check=False, timeout=timeout_s)
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def written(self, path: str) -> Path:
        """A file of the layer, seen from outside while nothing runs; one that was not changed is not there."""
        return self._folder / "upper" / path.lstrip("/")

    def write(self, path: str, text: str) -> None:
        self.run(*WRITE, path, text)

    def install(self, package: Path) -> None:
        """As an owner does, but from nowhere than here."""
        self.write("/etc/apt/apt.conf.d/90here", NO_NETWORK)
        for path, name in ((INSTALL, "/opt/edge/scripts/install"), (package, f"/opt/edge/{package.name}")):
            self.written(name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, self.written(name))
        self.run("/opt/edge/scripts/install", f"/opt/edge/{package.name}", timeout_s=PACKING_S)
        shutil.rmtree(self.written("/opt/edge"))


class Machine:
    """A booted one. `console` is what it has written to its console, without the colours."""

    def __init__(self, process: "subprocess.Popen[bytes]", console: Path) -> None:
        self._process = process
        self._console = console

    @property
    def console(self) -> str:
        return re.sub("\x1b\\[[0-9;]*m", "", self._console.read_text(encoding="utf-8", errors="replace"))

    @property
    def _init(self) -> int | None:
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text(encoding="ascii")
        return int(children.split()[0]) if children.split() else None

    def run(self, *command: object, timeout_s: float = 100) -> subprocess.CompletedProcess[str]:
        """A command inside, as root."""
        enter = ["nsenter", f"--target={self._init}", "--mount", "--uts", "--ipc", "--net", "--pid", "--root", "--wd"]
        clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LANG=C.UTF-8"]
        line = [*enter, *clean, *map(str, command)]
        return subprocess.run(line, capture_output=True, text=True, check=False, timeout=timeout_s)

    def ask(self, *command: object, timeout_s: float = 100) -> str:
        """The output of a command that must succeed."""
        done = self.run(*command, timeout_s=timeout_s)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout.strip()

    def write(self, path: str, text: str) -> None:
        self.ask(*WRITE, path, text)

    def show(self, unit: str, name: str) -> str:
        """A property of a unit."""
        return self.ask("systemctl", "show", "--value", f"--property={name}", unit)

    def until_active(self, unit: str, timeout_s: float = BOOT_S) -> None:
        def active() -> Any:
            return self._init and self.run("systemctl", "is-active", unit).returncode == 0

        try:
            until(active, timeout_s, f"{unit} active")
        except AssertionError as error:
            log = self.run("journalctl", "--no-pager", "--lines=40").stdout if self._init else self.console
            raise AssertionError(f"{error}\n{log}") from None

    def stop(self) -> None:
        """As a press on the power button does."""
        self._process.terminate()
        self._process.wait(STOP_S)

    def kill(self) -> None:
        """At once. Its first process goes first, and all others with it: it would outlive systemd-nspawn."""
        if self._process.poll() is not None:
            return
        if self._init is not None:
            os.kill(self._init, signal.SIGKILL)
        self._process.kill()
        self._process.wait(STOP_S)


@contextmanager
def booted(layered: Layered, console: Path, *options: str, kernel: str = "") -> Iterator[Machine]:
    """The layered root file system with its own systemd, and no network but its loopback.

    The kernel may be asked for the state of the clock, as on a device; systemd-nspawn by itself forbids that.

    Args:
        kernel: what the system takes for the kernel's command line.
    """
    spawn = [
        "systemd-nspawn", "--quiet", f"--directory={layered.root}", f"--machine=edge-{os.getpid()}", "--register=no",
        "--keep-unit", "--boot",
        "--console=read-only", "--private-network", "--system-call-filter=adjtimex clock_adjtime", *options, *kernel.split(),
    ]  # fmt: skip
    environment = {**os.environ, "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"}
    with console.open("wb") as output:
        process = subprocess.Popen(
            ["setpriv", "--pdeathsig=KILL", *layered.entered(*spawn)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            env=environment,
        )
    machine = Machine(process, console)
    try:
        yield machine
    finally:
        machine.kill()
