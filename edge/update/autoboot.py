"""`autoboot.txt`: from which partition the Raspberry Pi's firmware boots, and from which it boots once when it is asked for a try.

https://www.raspberrypi.com/documentation/computers/config_txt.html#autoboot-txt
"""

import re
from pathlib import Path

import msgspec

from edge.errors import UpdateError
from edge.files import write_durably

NAME = "autoboot.txt"
MOST_BYTES = 512
"""The firmware reads no more."""


class Autoboot(msgspec.Struct, frozen=True):
    """Numbers of partitions: `boot` always, `trial` after a restart that asks for a try."""

    boot: int
    trial: int


def read(folder: Path) -> Autoboot:
    """Raises UpdateError: it is not there or says something else."""
    path = folder / NAME
    try:
        text = path.read_bytes()[:MOST_BYTES].decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise UpdateError(f"{path}: cannot be read: {error}", hint="is the boot partition mounted?") from error
    found: dict[str, int] = {}
    section = "all"
    for line in text.splitlines():
        if header := re.fullmatch(r"\s*\[(\w+)\]\s*", line):
            section = header[1]
        elif value := re.fullmatch(r"\s*boot_partition\s*=\s*(\d+)\s*", line):
            found[section] = int(value[1])
    if "all" not in found or "tryboot" not in found:
        raise UpdateError(f"{path}: names no boot_partition in [all] or [tryboot]", hint="see docs/update.md")
    return Autoboot(found["all"], found["tryboot"])


def write(folder: Path, wanted: Autoboot) -> None:
    """Replace it: the firmware sees the old one or the new one.

    Raises:
        UpdateError: it cannot be written; the old one stands.
    """
    text = f"[all]\ntryboot_a_b=1\nboot_partition={wanted.boot}\n[tryboot]\nboot_partition={wanted.trial}\n"
    try:
        write_durably(folder / NAME, text.encode())
    except OSError as error:
        raise UpdateError(f"{folder / NAME}: {error.strerror}", hint="mount the boot partition writable") from error
