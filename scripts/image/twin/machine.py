"""One run of the emulated machine, from power-on to power-off, reset or cut."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from scripts.image.running import ImageError
from scripts.image.twin.firmware import Choice
from scripts.image.twin.shell import Shell

EMULATION = "systemd.watchdog_sec=300 systemd.default_timeout_start_sec=300 systemd.default_device_timeout_sec=400"
"""On a busy host the emulated machine is too slow for the limits of a real one."""
ROOT_SHELL = "systemd.debug_shell=1 systemd.default_debug_tty=hvc0"
MEMORY_MIB = 1024
KILL_S = 30.0


@dataclass(frozen=True, slots=True)
class Ports:
    """Free loopback ports that lead into the machine."""

    page: int
    broker: int


@dataclass(slots=True)
class Machine:
    """A started machine. `ended`: how the run ended: guest-shutdown, guest-reset, cut, …; empty while it runs."""

    folder: Path
    choice: Choice
    ports: Ports
    process: "subprocess.Popen[bytes]"
    started_s: float
    ended: str = ""
    events: list[str] = field(default_factory=list)
    _monitor: threading.Thread | None = None

    @property
    def shell_path(self) -> Path:
        return self.folder / "shell"

    def shell(self) -> Shell:
        return Shell(self.shell_path)

    def wait(self, deadline_s: float) -> str:
        """Until the run ends.

        Returns:
            How.

        Raises:
            ImageError: it has not ended.
        """
        try:
            self.process.wait(deadline_s)
        except subprocess.TimeoutExpired:
            raise ImageError(
                f"the machine still runs after {deadline_s:.0f} s", hint=f"see {self.folder}/console.log"
            ) from None
        if self._monitor:
            self._monitor.join(KILL_S)
        self.ended = self.ended or next(
            (each for each in reversed(self.events) if each), f"exit code {self.process.returncode}"
        )
        return self.ended

    def cut(self) -> None:
        """The plug is pulled."""
        self.ended = "cut"
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGKILL)
        self.process.wait(KILL_S)

    def asked_for(self) -> str:
        """What the last restart handed to the firmware."""
        return (self.folder / "firmware").read_text(encoding="utf-8", errors="replace").strip()

    def console(self) -> str:
        path = self.folder / "console.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def free_ports() -> Ports:
    with contextlib.ExitStack() as stack:
        numbers = []
        for _ in range(2):
            listener = stack.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            numbers.append(int(listener.getsockname()[1]))
    return Ports(*numbers)


def command(choice: Choice, folder: Path, ports: Ports, drives: Sequence[str], more: str = "") -> list[str]:
    """The emulator's command line."""
    (folder / "vmlinuz").write_bytes(choice.kernel)
    (folder / "initrd.img").write_bytes(choice.ram_disk)
    forward = f"hostfwd=tcp:127.0.0.1:{ports.page}-:8080,hostfwd=tcp:127.0.0.1:{ports.broker}-:1883"
    words = [
        "qemu-system-aarch64", "-M", "virt,gic-version=3", "-cpu", "cortex-a72", "-smp", "2", "-m", str(MEMORY_MIB),
        "-accel", "tcg,thread=multi", "-nodefaults", "-display", "none", "-no-reboot",
        "-kernel", str(folder / "vmlinuz"), "-initrd", str(folder / "initrd.img"),
        "-append", " ".join([choice.command_line, EMULATION, ROOT_SHELL, more]).strip(),
        "-serial", f"file:{folder}/console.log",
        "-netdev", f"user,id=net,restrict=on,{forward}", "-device", "virtio-net-pci,netdev=net",
        "-object", "rng-random,filename=/dev/urandom,id=rng", "-device", "virtio-rng-pci,rng=rng",
        "-device", "i6300esb", "-action", "watchdog=reset",
        "-device", "virtio-serial-pci",
        "-chardev", f"socket,id=shell,path={folder}/shell,server=on,wait=off", "-device", "virtconsole,chardev=shell",
        "-chardev", f"file,id=firmware,path={folder}/firmware", "-device", "virtserialport,chardev=firmware,name=edge.firmware",
        "-qmp", f"unix:{folder}/monitor,server=on,wait=off",
    ]  # fmt: skip
    for index, drive in enumerate(drives):
        words += ["-drive", f"if=none,id=disk{index},{drive}", "-device", f"virtio-blk-pci,drive=disk{index}"]
    return words


@contextlib.contextmanager
def power_on(choice: Choice, folder: Path, drives: Sequence[str], more: str = "") -> Iterator[Machine]:
    """Start a machine; it is gone when this ends, whatever happens.

    Args:
        folder: for its console, sockets and copies; short, because sockets' names are.
        drives: `-drive` descriptions, the card first.
        more: words for the kernel.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("console.log", "firmware", "shell", "monitor"):
        (folder / name).unlink(missing_ok=True)
    ports = free_ports()
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            command(choice, folder, ports, drives, more),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=_last,
        )
    machine = Machine(folder, choice, ports, process, time.monotonic())
    machine._monitor = threading.Thread(target=_listen, args=(machine,), daemon=True)
    machine._monitor.start()
    try:
        yield machine
    finally:
        if process.poll() is None:
            machine.cut()


def _last() -> None:
    """An emulator is nobody's first concern."""
    os.nice(max(0, 19 - os.nice(0)))


def _listen(machine: Machine) -> None:
    """What the emulator says of the machine's end."""
    with socket.socket(socket.AF_UNIX) as monitor:
        while machine.process.poll() is None:
            try:
                monitor.connect(str(machine.folder / "monitor"))
                break
            except OSError:
                time.sleep(0.2)  # the emulator has not made it yet
        else:
            return
        lines = monitor.makefile("rw", encoding="utf-8")
        with contextlib.suppress(OSError, ValueError):
            lines.write('{"execute": "qmp_capabilities"}\n')
            lines.flush()
            for line in lines:
                said = json.loads(line)
                if said.get("event") == "SHUTDOWN":
                    machine.events.append(str(said["data"]["reason"]))
                elif said.get("event") == "WATCHDOG":
                    machine.events.append("watchdog")
