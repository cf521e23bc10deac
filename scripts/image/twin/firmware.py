"""A MODEL of the Raspberry Pi's firmware, as far as the choice of the system goes. It is not the firmware.

It reads autoboot.txt of the first partition, with the one-shot tryboot flag, then config.txt of the chosen boot partition with its filters,
and hands kernel, initial RAM disk and command line over. What it knows is what Raspberry Pi documents: sections `[all]`, `[tryboot]`,
`[boot_partition=N]` and `[none]`; `boot_partition`, `tryboot_a_b`, `kernel`, `auto_initramfs`, `cmdline`. Everything else is passed over.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from scripts.image.layout import Partition
from scripts.image.running import ImageError
from scripts.image.twin.card import Card

NAME = "model of the Raspberry Pi's firmware"
FLAG = "0 tryboot"
"""What a restart hands over to be tried once."""


@dataclass(frozen=True, slots=True)
class Choice:
    """What starts. `trial`: by the one-shot flag."""

    partition: Partition
    trial: bool
    kernel: bytes
    ram_disk: bytes
    command_line: str


def settings(text: str, *, tryboot: bool = False, boot_partition: int = 0) -> dict[str, str]:
    """The settings that hold, the last of a name winning."""
    return dict(_settings(text, tryboot, boot_partition))


def _settings(text: str, tryboot: bool, boot_partition: int) -> Iterator[tuple[str, str]]:
    holds = True
    for raw in text.splitlines():
        line = raw.split("#")[0].strip()
        if line.startswith("["):
            holds = _holds(line.strip("[]"), tryboot, boot_partition)
        elif holds and "=" in line:
            name, _, value = line.partition("=")
            yield name.strip(), value.strip()


def _holds(section: str, tryboot: bool, boot_partition: int) -> bool:
    return section == "all" or (section == "tryboot" and tryboot) or section == f"boot_partition={boot_partition}"


def boot_partition(autoboot: str, *, tryboot: bool) -> int:
    """Which partition autoboot.txt names."""
    said = settings(autoboot, tryboot=tryboot)
    if tryboot and said.get("tryboot_a_b") != "1":
        raise ImageError(
            "autoboot.txt: no tryboot_a_b=1: the flag would look for tryboot.txt",
            hint="scripts/image/card.py writes it",
        )
    return int(said["boot_partition"])


def choose(card: Card, *, tryboot: bool = False) -> Choice:
    """What a power-on, or a restart with the flag, starts.

    Raises:
        ImageError: nothing that the firmware could start.
    """
    first = card.layout.partitions[0]
    number = boot_partition(card.read(first, "autoboot.txt").decode(), tryboot=tryboot)
    partition = card.layout.partitions[number - 1]
    config = settings(card.read(partition, "config.txt").decode(), boot_partition=number)
    command_line = card.read(partition, config.get("cmdline", "cmdline.txt")).decode().strip()
    # The firmware names the board's own serial port.
    command_line = command_line.replace("console=serial0", "console=ttyAMA0")
    kernel = config.get("kernel", "kernel8.img")
    if config.get("auto_initramfs") != "1":
        raise ImageError("config.txt: no auto_initramfs=1", hint="the root needs its initial RAM disk")
    ram_disk = kernel.replace("kernel", "initramfs").removesuffix(".img")
    return Choice(
        partition,
        tryboot,
        card.read(partition, kernel),
        card.read(partition, ram_disk),
        command_line,
    )
