"""Which sources serve on this machine: those that are configured, else those that are found."""

import importlib.util
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from edge import config
from edge.clock import Clock, Instant
from edge.config import Config
from edge.device.bus import has_system_bus
from edge.device.firmware import firmware, has_firmware
from edge.device.merging import Limits
from edge.device.monitor import Monitor
from edge.device.networkmanager import NetworkManager
from edge.device.nut import Nut, parse_address
from edge.device.pin import PowerGoodPin, PowerPins
from edge.device.port import NetworkReading, Reading, Report, Source
from edge.device.routes import netlink
from edge.device.storage import storage
from edge.device.supplies import find_supplies, sysfs_power
from edge.device.synchronised import synchronised
from edge.device.thermal import thermal
from edge.device.upower import UPower

QUICK_S = 5.0
"""For what tells nothing by itself and must be known soon."""
UPS_S = 1.0
"""For a UPS that tells nothing by itself: work that waits for mains must have stopped 5 s after it went."""
ROOT = Path("/")
OpenPins = Callable[[], PowerPins | None]


def make_monitor(
    settings: Config,
    clock: Clock,
    open_pins: OpenPins,
    *,
    idle: Callable[[Instant], bool] = lambda _: False,
    root: Path = ROOT,
) -> Monitor:
    """The monitor that the configuration asks for; nothing runs yet."""
    limits = Limits(
        low_battery_percent=settings.power.low_percent,
        hot_c=settings.limits.hot_c,
        low_storage_percent=settings.limits.low_storage_percent,
    )
    sources = find_sources(settings, open_pins, root)
    return Monitor(sources, clock, limits=limits, idle=idle, settle_s=settings.limits.settle_s)


def find_sources(settings: Config, open_pins: OpenPins, root: Path = ROOT) -> list[Source]:
    """
    Args:
        open_pins: gives the board's pins, None where it has none.
        root: folder that holds `sys`, `proc`, `run` and `etc`.
    """
    poll_s = settings.limits.poll_s
    quick_s = min(QUICK_S, poll_s)
    sources = list(_power(settings, open_pins, root, quick_s))
    if has_firmware(root):
        sources.append(firmware(root, quick_s))
    sources.append(_network(settings, root))
    sources.append(thermal(root, poll_s))
    sources.append(storage(settings.data_dir, poll_s))
    sources.append(synchronised(poll_s))
    return sources


def _power(settings: Config, open_pins: OpenPins, root: Path, quick_s: float) -> Iterator[Source]:
    power, poll_s = settings.power, settings.limits.poll_s
    for name in power.sources or _found_power(power, root):
        if name == "nut":
            yield Nut(parse_address(power.nut), min(UPS_S, quick_s))
        elif name == "upower":
            yield UPower(poll_s)
        elif name == "pin" and power.pin is not None:
            low = (power.low_pin, power.low_pin_low) if power.low_pin is not None else None
            yield PowerGoodPin(open_pins, power.pin, power.pin_good, low)
        elif name == "sysfs":
            yield sysfs_power(root, poll_s)


def _found_power(settings: config.Power, root: Path) -> list[str]:
    found = ["nut"] if settings.nut or nut_is_set_up(root) else []
    if settings.pin is not None:
        found.append("pin")
    if find_supplies(root):
        found.append("sysfs")
    elif not found and _has_usb_ups(root) and has_system_bus():
        found.append("upower")
    return found or ["sysfs"]


def nut_is_set_up(root: Path) -> bool:
    """NUT is installed on this machine and switched on."""
    try:
        text = (root / "etc/nut/nut.conf").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    modes = re.findall(r"^\s*MODE\s*=\s*\"?(\w+)", text, re.MULTILINE)
    return bool(modes) and modes[-1] in ("standalone", "netserver", "netclient")


def _has_usb_ups(root: Path) -> bool:
    """UPower is there, and something that may be a UPS for it."""
    service = root / "usr/share/dbus-1/system-services/org.freedesktop.UPower.service"
    return service.exists() and any(root.glob("dev/usb/hiddev*"))


def _network(settings: Config, root: Path) -> Source:
    network, poll_s = settings.network, settings.limits.poll_s
    by_bus = network.source == "networkmanager" or (network.source == "auto" and networkmanager_serves(root))
    source: Source = NetworkManager(poll_s) if by_bus else netlink(root, poll_s)
    return source if network.metered == "auto" else _Metered(source, network.metered == "yes")


def networkmanager_runs(root: Path) -> bool:
    return (root / "run/NetworkManager").is_dir() and has_system_bus()


def networkmanager_serves(root: Path) -> bool:
    """It runs, and it can be asked."""
    return networkmanager_runs(root) and importlib.util.find_spec("dbus_fast") is not None


class _Metered:
    """The owner knows better what the traffic costs."""

    def __init__(self, source: Source, metered: bool) -> None:
        self.name = source.name
        self.facet = source.facet
        self._source = source
        self._metered = metered

    async def run(self, report: Report) -> None:
        def told(reading: Reading) -> None:
            if isinstance(reading, NetworkReading):
                reading = msgspec.structs.replace(reading, metered=self._metered)
            report(reading)

        await self._source.run(told)
