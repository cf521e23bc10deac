"""Buttons, light, inputs and outputs at lines of a real kernel.

The emulated board's own power button gives edges; the emulated Pi 3 has the Pi's 54 lines, whose levels can be set and read, and no edges.
"""

import json
import sys
import time
from pathlib import Path

from scripts.image.running import ImageError, run
from scripts.image.twin import firmware, lgpio, steps
from scripts.image.twin.card import Card
from scripts.image.twin.firmware import Choice
from scripts.image.twin.machine import VIRT, Board, Machine, power_on
from scripts.image.twin.shell import Shell

PI3, MODULE3 = "a02082", "a020a0"
"""Revisions, which gpiozero finds in the device tree: of a Pi 3, and of a Compute Module, whose GPIO3 nothing pulls up."""
PI3_CARD_BYTES = 8 << 30
"""The emulator takes cards of a power of two only."""
PI3_TREE = "usr/lib/linux-image-*/broadcom/bcm2837-rpi-3-b.dtb"
BUTTON_TOML = """
[[button]]
name = "privacy"
pin = 3
active = "high"
press = "disarm"

[light]
pin = 5
"""
LINES_TOML = """
[light]
pin = 27

[[input]]
name = "door"
pin = 4
active = "high"

[[output]]
name = "siren"
pin = 25
max_s = 600.0
"""
NO_WATCHDOG = "modprobe.blacklist=bcm2835_wdt"
"""The emulated one resets the board when it is set."""
LIBRARY = "/run/lgpio"
STATE_S = 300.0


def virtual_press(card: Card, data: Path, work: Path) -> None:
    """A press of the emulated board's power button, taken from the kernel and given to the program, disarms the device.

    Raises:
        ImageError: it does not.
    """
    tree = _as_board(_tree_of_virt(work / "virt.dtb"), MODULE3)
    drive = f"file={card.path},format=raw,cache=writeback"
    with power_on(_prepared(card, data), work / "run", [drive], board=Board(device_tree=tree)) as machine:
        shell = machine.shell()
        steps.up(shell)
        shell.run(
            "cd /sys/bus/platform/drivers/gpio-keys && for f in *; do test -L $f/driver && echo $f >unbind; done; true"
        )
        _configure(shell, BUTTON_TOML)
        _expect(shell, "light", "status", "armed")
        machine.press_power()
        _expect(shell, "light", "status", "private")
        _say(machine, "a press at a line of the kernel disarmed the device")
        _off(machine, shell)


def pi3_lines(card: Card, data: Path, work: Path) -> None:
    """On the emulated Pi 3: light and output drive the Pi's lines, an input reads one.

    Raises:
        ImageError: they do not.
    """
    trees = sorted((data / "image" / "root").glob(PI3_TREE))
    if not trees:
        raise ImageError("no device tree of a Pi 3", hint="run scripts/image/build first")
    tree = work / "pi3.dtb"
    tree.write_bytes(trees[-1].read_bytes())
    board = Board("raspi3b", terminal="ttyS1", device_tree=_as_board(tree, PI3))
    drives = [f"format=raw,file={card.path}"]
    with power_on(_prepared(card, data), work / "run", drives, NO_WATCHDOG, board) as machine:
        shell = machine.shell()
        steps.up(shell)
        _say(machine, shell.run("gpiodetect"))
        for level, state in ((1, "on"), (0, "off")):
            shell.run("systemctl stop edge")
            # The emulated line keeps the level that it was driven to when it is an input again.
            shell.run(f"gpioset --toggle 0 --chip gpiochip0 4={level}")
            _configure(shell, LINES_TOML if level else "")
            _expect(shell, "input", "door", state)
            _say(machine, f"GPIO4 is {level}: the input says {state}")
        _expect_line(shell, 27, "hi")
        _say(machine, "the light's line is high")
        _expect_line(shell, 25, "lo")
        shell.run("runuser -u edge -- edge ask output name=siren on=true")
        _expect_line(shell, 25, "hi")
        _say(machine, "the output's line is high when it is asked for")
        _halt(machine, shell)


def _prepared(card: Card, data: Path) -> Choice:
    """A card with the library on the owner's partition, and what starts from it."""
    for name, path in lgpio.build(data / "image").items():
        card.write(card.layout.partitions[0], name, path.read_bytes())
    card.write(card.layout.partitions[0], "edge.toml", steps.EDGE_TOML.encode())
    return firmware.choose(card)


def _tree_of_virt(path: Path) -> Path:
    run([*VIRT[:2], f"{VIRT[2]},dumpdtb={path}", *VIRT[3:]])
    return path


def _as_board(tree: Path, revision: str) -> Path:
    """As the firmware does."""
    run(["fdtput", "-c", tree, "/system"])
    run(["fdtput", "-t", "x", tree, "/system", "linux,revision", revision])
    return tree


def _configure(shell: Shell, more: str) -> None:
    """Start the program with more in its configuration, and with the library."""
    unit = "/run/systemd/system/edge.service.d"
    shell.run(
        f"mkdir -p {LIBRARY} {unit}; mountpoint -q {LIBRARY} || mount -t tmpfs -o exec,mode=0755 tmpfs {LIBRARY}; "
        f"cp /bootcfg/lgpio.py /bootcfg/{lgpio.LIBRARY} {LIBRARY} && chmod 0644 {LIBRARY}/* && "
        f"printf '[Service]\\nEnvironment=PYTHONPATH={LIBRARY}\\n' >{unit}/lgpio.conf && systemctl daemon-reload"
    )
    shell.run(f"install -d -o edge -g edge {steps.INBOX}")
    shell.run(f"cat >>/etc/edge/edge.toml <<'END'\n{more}\nEND\n")
    shell.run("systemctl restart edge", deadline_s=steps.BOOT_S)


def _expect(shell: Shell, part: str, name: str, state: str) -> None:
    """Until the program says so of a part."""
    until_s = time.monotonic() + STATE_S
    while True:
        said = json.loads(shell.run("runuser -u edge -- edge ask status --json"))["result"]
        if any((each["part"], each["name"], each["state"]) == (part, name, state) for each in said):
            return
        if time.monotonic() > until_s:
            troubles = [
                f"{each['part']} {each['name']} {each['state']} {each['cause']}" for each in said if each["cause"]
            ]
            raise ImageError(f"{part} {name} does not become {state}: {'; '.join(troubles)}")
        time.sleep(1.0)


def _expect_line(shell: Shell, number: int, level: str) -> None:
    """As the kernel has it: the line is an output of that level."""
    until_s = time.monotonic() + STATE_S
    mount = "mountpoint -q /sys/kernel/debug || mount -t debugfs debugfs /sys/kernel/debug"
    while True:
        lines = shell.run(f"{mount}; cat /sys/kernel/debug/gpio")
        found = [line for line in lines.splitlines() if f"GPIO{number} " in line or f"gpio-{512 + number} " in line]
        if any(line.split(")")[-1].split()[:2] == ["out", level] for line in found):
            return
        if time.monotonic() > until_s:
            raise ImageError(f"GPIO{number}: {found or lines[-500:]}, not {level}")
        time.sleep(1.0)


def _off(machine: Machine, shell: Shell) -> None:
    shell.send("systemctl poweroff")
    machine.wait(steps.BOOT_S)


def _halt(machine: Machine, shell: Shell) -> None:
    """Without its watchdog, which turns it off, the emulated Pi 3 ends by standing still.

    Raises:
        ImageError: it does not come so far.
    """
    shell.send("systemctl halt")
    until_s = time.monotonic() + STATE_S
    while "System halted" not in machine.console():
        if time.monotonic() > until_s:
            raise ImageError("it does not halt", hint=f"see {machine.folder}/console.log")
        time.sleep(1.0)
    _say(machine, "halted in order")


def _say(machine: Machine, what: str) -> None:
    sys.stdout.write(f"{time.monotonic() - machine.started_s:8.1f} s  {what}\n")
    sys.stdout.flush()
