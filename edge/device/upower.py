"""Power as UPower tells it on the D-Bus: whatever it knows, a USB UPS that is no NUT's too."""

from typing import Any

from edge.device.bus import Service, follow
from edge.device.port import Facet, PowerReading, Report
from edge.device.state import PowerSource

NAME = "org.freedesktop.UPower"
PATH = "/org/freedesktop/UPower"
DISPLAY = "/org/freedesktop/UPower/devices/DisplayDevice"
LOW = (3, 4, 5)
"""WarningLevel: low, critical, action."""


class UPower:
    """The source."""

    name = "upower"
    facet: Facet = "power"

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s

    async def run(self, report: Report) -> None:
        await follow(NAME, _read, report, self._interval_s)


async def _read(service: Service) -> PowerReading:
    overall = await service.properties(PATH, NAME)
    return reading_of(overall, await service.properties(DISPLAY, f"{NAME}.Device"))


def reading_of(overall: dict[str, Any], display: dict[str, Any]) -> PowerReading:
    """From the properties of UPower and of the device that stands for all batteries."""
    present = bool(display.get("IsPresent"))
    source: PowerSource = "battery" if overall.get("OnBattery") else "mains"
    percent = float(display["Percentage"]) if present and "Percentage" in display else None
    low = present and display.get("WarningLevel") in LOW
    return PowerReading(source=source, percent=percent, low=low, told_by="UPower" if present else "UPower: no battery")
