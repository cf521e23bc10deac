"""One run of the emulated machine, from power-on to power-off, reset or cut."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import threading
import time
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TextIO

from scripts.image.running import ImageError
from scripts.image.twin.firmware import Choice
from scripts.image.twin.shell import Shell

PATIENCE = {"edge.service": "[Service]\nTimeoutStartSec=15min\nWatchdogSec=5min\n"}
"""Drop-ins: one inference takes ten seconds here, and more beside other work."""
EMULATION = " ".join([
    "systemd.watchdog_sec=300 systemd.default_timeout_start_sec=300 systemd.default_device_timeout_sec=400",
    *(f"systemd.set_credential_binary=systemd.unit-dropin.{unit}:{b64encode(text.encode()).decode()}" for unit, text in PATIENCE.items()),
])  # fmt: skip
"""Words for the kernel. On a busy host the emulated machine is too slow for the limits of a real one."""
MEMORY_MIB = 1024
KILL_S = 30.0
VIRT = ("qemu-system-aarch64", "-M", "virt,gic-version=3", "-cpu", "cortex-a72", "-smp", "2", "-m", str(MEMORY_MIB))


@dataclass(frozen=True, slots=True)
class Ports:
    """Free loopback ports that lead into the machine."""

    page: int
    broker: int


@dataclass(frozen=True, slots=True)
class Board:
    """What is emulated. `terminal`: of the test's root shell; `device_tree`: in place of the emulator's own."""

    name: Literal["virt", "raspi3b"] = "virt"
    terminal: str = "hvc0"
    device_tree: Path | None = None


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
    orders: TextIO | None = None
    """The emulator's monitor, once it answers."""
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

    def press_power(self) -> None:
        """Of the emulated board's own button: its line is up for a tenth of a second.

        Raises:
            ImageError: nobody listens.
        """
        if self.orders is None:
            raise ImageError("the emulator's monitor is not there")
        self.orders.write('{"execute": "system_powerdown"}\n')
        self.orders.flush()

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


def command(choice: Choice, folder: Path, ports: Ports, drives: Sequence[str], more: str, board: Board) -> list[str]:
    """The emulator's command line."""
    (folder / "vmlinuz").write_bytes(choice.kernel)
    (folder / "initrd.img").write_bytes(choice.ram_disk)
    words = _virt(folder, ports, drives) if board.name == "virt" else _pi3(folder, drives)
    if board.device_tree is not None:
        words += ["-dtb", str(board.device_tree)]
    return [
        *words,
        "-accel", "tcg,thread=multi", "-display", "none", "-no-reboot",
        "-kernel", str(folder / "vmlinuz"), "-initrd", str(folder / "initrd.img"),
        "-append", " ".join([choice.command_line, EMULATION, root_shell(board.terminal), more]).strip(),
        "-chardev", f"socket,id=shell,path={folder}/shell,server=on,wait=off",
        "-qmp", f"unix:{folder}/monitor,server=on,wait=off",
    ]  # fmt: skip


def root_shell(terminal: str) -> str:
    """Words for the kernel. The terminal is the shell's alone: a login prompt there would hang it up."""
    return f"systemd.debug_shell=1 systemd.default_debug_tty={terminal} systemd.mask=serial-getty@{terminal}.service"


def _virt(folder: Path, ports: Ports, drives: Sequence[str]) -> list[str]:
    forward = f"hostfwd=tcp:127.0.0.1:{ports.page}-:8080,hostfwd=tcp:127.0.0.1:{ports.broker}-:1883"
    words = [
        *VIRT, "-nodefaults",
        "-serial", f"file:{folder}/console.log",
        "-netdev", f"user,id=net,restrict=on,{forward}", "-device", "virtio-net-pci,netdev=net",
        "-object", "rng-random,filename=/dev/urandom,id=rng", "-device", "virtio-rng-pci,rng=rng",
        "-device", "i6300esb", "-action", "watchdog=reset",
        "-device", "virtio-serial-pci", "-device", "virtconsole,chardev=shell",
        "-chardev", f"file,id=firmware,path={folder}/firmware", "-device", "virtserialport,chardev=firmware,name=edge.firmware",
    ]  # fmt: skip
    for index, drive in enumerate(drives):
        words += ["-drive", f"if=none,id=disk{index},{drive}", "-device", f"virtio-blk-pci,drive=disk{index}"]
    return words


def _pi3(folder: Path, drives: Sequence[str]) -> list[str]:
    """Its memory and its four cores are given; it has a card, two serial ports, and no network."""
    cards = [word for drive in drives for word in ("-drive", f"if=sd,{drive}")]
    return [
        "qemu-system-aarch64",
        "-M",
        "raspi3b",
        *cards,
        "-serial",
        f"file:{folder}/console.log",
        "-serial",
        "chardev:shell",
    ]


@contextlib.contextmanager
def power_on(
    choice: Choice,
    folder: Path,
    drives: Sequence[str],
    more: str = "",
    board: Board = Board(),
) -> Iterator[Machine]:
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
            command(choice, folder, ports, drives, more, board),
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
            machine.orders = lines
            for line in lines:
                said = json.loads(line)
                if said.get("event") == "SHUTDOWN":
                    machine.events.append(str(said["data"]["reason"]))
                elif said.get("event") == "WATCHDOG":
                    machine.events.append("watchdog")
