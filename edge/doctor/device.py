"""What the device can afford: each source of its state, asked once, and what the firmware remembers."""

import asyncio
from collections.abc import Iterator

from edge.buttons.gpio import open_pins
from edge.clock import SystemClock
from edge.device.finding import make_monitor, networkmanager_runs, networkmanager_serves
from edge.device.firmware import THROTTLED, UNDER_VOLTAGE
from edge.device.monitor import SourceStatus, running
from edge.device.words import describe
from edge.doctor.port import Finding, Patient

SOURCES_S = 8.0
SINCE_BOOT = 16
"""Bits of what has been since the boot stand so many places higher."""


def sources(patient: Patient) -> Iterator[Finding]:
    """Each source of the device's state, asked once."""
    for status in asyncio.run(_ask_sources(patient)):
        if status.value is not None:
            yield Finding(level="ok", what=status.facet, value=f"{status.name}: {describe(status.value)}")
        else:
            value = status.problem or f"{status.name} says nothing"
            yield Finding(level="warn", what=status.facet, value=value, remedy="see docs/device.md")


async def _ask_sources(patient: Patient) -> list[SourceStatus]:
    driver = patient.config.gpio.driver
    monitor = make_monitor(patient.config, SystemClock(), lambda: open_pins(driver), root=patient.root)
    async with running(monitor, SOURCES_S):
        return monitor.statuses


def unasked(patient: Patient) -> Iterator[Finding]:
    """NetworkManager runs and could tell more than the routes do."""
    automatic = patient.config.network.source == "auto"
    if automatic and networkmanager_runs(patient.root) and not networkmanager_serves(patient.root):
        remedy = "apt install python3-dbus-fast, or pip install 'edge-appliance[dbus]'"
        value = "NetworkManager runs and is not asked: the package dbus-fast is not installed"
        yield Finding(level="warn", what="network", value=value, remedy=remedy)


def supply(patient: Patient) -> Iterator[Finding]:
    """A supply that has sagged since the boot, though it does not now."""
    try:
        bits = int((patient.root / THROTTLED).read_text(encoding="ascii"), 16)
    except (OSError, ValueError):
        return
    if bits & (UNDER_VOLTAGE << SINCE_BOOT):
        remedy = "use the Pi's own power supply and a short cable; a weak one damages the card in the end"
        yield Finding(level="warn", what="supply", value="its voltage has been too low since the start", remedy=remedy)
    else:
        yield Finding(level="ok", what="supply", value="its voltage has held since the start")
