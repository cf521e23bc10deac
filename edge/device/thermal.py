"""The hottest thermal zone."""

from functools import partial
from pathlib import Path

from edge.device.polled import Polled
from edge.device.port import HeatReading

LOWEST_C, HIGHEST_C = -40.0, 200.0
"""A zone that tells something else is not connected."""


def thermal(root: Path, interval_s: float) -> Polled:
    """The source.

    Args:
        root: folder that holds `sys`.
    """
    return Polled("thermal", "heat", partial(read_thermal, root), interval_s)


def read_thermal(root: Path) -> HeatReading:
    zones = [_read(path) for path in root.glob("sys/class/thermal/thermal_zone*/temp")]
    return HeatReading(celsius=max((zone for zone in zones if zone is not None), default=None))


def _read(path: Path) -> float | None:
    try:
        celsius = int(path.read_text(encoding="ascii")) / 1000
    except (OSError, ValueError):  # a disabled zone refuses to be read
        return None
    return celsius if LOWEST_C <= celsius <= HIGHEST_C else None
