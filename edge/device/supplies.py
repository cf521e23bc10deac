"""Power supplies as the kernel shows them: a UPS HAT with a kernel driver, a gpio-charger pin, a laptop's battery."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

from edge.device.netlink import uevents
from edge.device.polled import Polled
from edge.device.port import PowerReading
from edge.device.state import PowerSource

FOLDER = "sys/class/power_supply"
STATUS: dict[str, PowerSource] = {
    "Discharging": "battery",
    "Charging": "mains",
    "Full": "mains",
    "Not charging": "mains",
}


class Supply(NamedTuple):
    """One entry. `online` of a charger, `status`, `level` and `percent` of a battery; what is not told is None or empty."""

    name: str
    battery: bool
    online: bool | None
    status: str
    level: str
    percent: float | None


def sysfs_power(root: Path, interval_s: float) -> Polled:
    """The source.

    Args:
        root: folder that holds `sys`.
    """
    return Polled("sysfs", "power", partial(read_power, root), interval_s, partial(uevents, "power_supply"))


def find_supplies(root: Path) -> list[Supply]:
    """What powers the device itself; a mouse's battery does not."""
    return [supply for folder in sorted((root / FOLDER).glob("*")) if (supply := _read_supply(folder)) is not None]


def read_power(root: Path) -> PowerReading:
    """Without any entry: mains, as a bare Pi."""
    supplies = find_supplies(root)
    batteries = [each for each in supplies if each.battery]
    percents = [each.percent for each in batteries if each.percent is not None]
    return PowerReading(
        source=_source(supplies),
        percent=min(percents, default=None),
        low=any(each.level in ("Low", "Critical") for each in batteries) or (False if not batteries else None),
        told_by=", ".join(each.name for each in supplies) or "no supply is listed",
    )


def _source(supplies: list[Supply]) -> PowerSource:
    """A charger knows best; else what the batteries do."""
    chargers = [each.online for each in supplies if each.online is not None]
    if chargers or not supplies:
        return "mains" if any(chargers) or not supplies else "battery"
    told = {STATUS.get(each.status, "unknown") for each in supplies}
    return "battery" if "battery" in told else "mains" if "mains" in told else "unknown"


def _read_supply(folder: Path) -> Supply | None:
    kind = _read(folder / "type")
    battery = kind in ("Battery", "UPS")
    if not kind or _read(folder / "scope") == "Device" or (battery and _read(folder / "present") == "0"):
        return None
    online, percent = _read(folder / "online"), _read(folder / "capacity")
    return Supply(
        name=folder.name,
        battery=battery,
        online=None if battery or not online else online != "0",
        status=_read(folder / "status"),
        level=_read(folder / "capacity_level"),
        percent=float(percent) if percent.isdecimal() else None,
    )


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="ascii", errors="replace").strip()
    except OSError:  # not every driver has every file, and a gauge that does not answer gives an error
        return ""
