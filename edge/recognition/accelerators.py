"""Which accelerators are plugged in, as the kernel shows them; no driver is loaded for it."""

import os
from pathlib import Path
from typing import Literal, NamedTuple

from edge.errors import DetectorError

EDGETPU_USB_IDS = {("1a6e", "089a"): False, ("18d1", "9302"): True}
"""By vendor and product: whether the firmware runs. The library loads it at first use, and the device comes back under the other id."""


class AbsentError(DetectorError):
    """No accelerator is plugged in; that is no trouble unless one was asked for."""


class Accelerator(NamedTuple):
    """One device.

    `firmware` is False for one that has not been used since it was plugged in. `accessible` says whether this user may open `node`.
    """

    bus: Literal["usb", "pcie"]
    place: str
    node: Path
    firmware: bool
    accessible: bool


def find_edgetpus(root: Path = Path("/")) -> list[Accelerator]:
    """Look for Edge TPUs now. Look again each time: the USB id changes when the firmware is loaded.

    Args:
        root: folder that holds `sys` and `dev`.
    """
    return [*_on_usb(root), *_on_pcie(root)]


def _on_usb(root: Path) -> list[Accelerator]:
    found = []
    for folder in sorted(root.glob("sys/bus/usb/devices/*")):
        ids = (_read(folder / "idVendor"), _read(folder / "idProduct"))
        if ids in EDGETPU_USB_IDS:
            bus, number = _read(folder / "busnum").zfill(3), _read(folder / "devnum").zfill(3)
            node = root / "dev/bus/usb" / bus / number
            found.append(Accelerator("usb", folder.name, node, EDGETPU_USB_IDS[ids], _may_open(node)))
    return found


def _on_pcie(root: Path) -> list[Accelerator]:
    return [Accelerator("pcie", node.name, node, True, _may_open(node)) for node in sorted(root.glob("dev/apex_*"))]


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # interfaces have no such file, and a device may go while it is looked at
        return ""


def _may_open(node: Path) -> bool:
    return os.access(node, os.R_OK | os.W_OK)
