"""Places of the picture that matter, and what is worth an event by its size. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from edge.geometry import Box, Size
from edge.polygons import Polygon
from edge.recognition.port import Detection


class Zone(NamedTuple):
    """A thing is where it stands: in the middle of its box's lower edge."""

    name: str
    area: Polygon
    labels: frozenset[str] = frozenset()
    """Only these can be in it; empty: all."""
    threshold: float = 0.0
    """Only looks with so high a score say that a thing is in it."""
    inertia: int = 3
    """So many looks more in than out are needed to be in, and as many to be out again."""
    loiter_s: float = 0.0
    """It is in only after it has stayed for so long."""


class Filter(NamedTuple):
    """What a finding of a label must be like; shares of the picture, and width ÷ height in pixels."""

    label: str
    min_area: float = 0.0
    max_area: float = 1.0
    min_aspect: float = 0.0
    max_aspect: float = float("inf")

    def passes(self, found: Detection, size: Size) -> bool:
        width, height = found.box.width * size[0], found.box.height * size[1]
        fits = self.min_area <= found.box.area <= self.max_area
        return fits and self.min_aspect * height <= width <= self.max_aspect * height


@dataclass(slots=True)
class _Stay:
    looks: int = 0
    inside: bool = False
    since_s: float = 0.0


@dataclass(slots=True)
class ZoneState:
    """One thing and the zones of its camera. Seconds are those of `look`'s `at_s`, which only grow."""

    zones: Sequence[Zone]
    current: tuple[str, ...] = ()
    entered: tuple[str, ...] = ()
    """Every zone that it has been in, in the order of entering."""
    _stays: dict[str, _Stay] = field(default_factory=dict)

    def look(self, found: Detection, at_s: float) -> bool:
        """Take one finding of the thing; whether it is in other zones than before."""
        x, y = stands_at(found.box)
        now = []
        for zone in self.zones:
            stay = self._stays.setdefault(zone.name, _Stay())
            if not zone.labels or found.label in zone.labels:
                _count(stay, zone, zone.area.contains(x, y), found.score, at_s)
            if stay.inside and at_s - stay.since_s >= zone.loiter_s:
                now.append(zone.name)
        changed = tuple(now) != self.current
        self.current = tuple(now)
        self.entered += tuple(name for name in now if name not in self.entered)
        return changed

    @property
    def loiters(self) -> bool:
        """It is somewhere where it must stay to count: it wants more looks."""
        return any(stay.inside and name not in self.current for name, stay in self._stays.items())


def _count(stay: _Stay, zone: Zone, inside: bool, score: float, at_s: float) -> None:
    if inside and score >= zone.threshold:
        if stay.looks == 0:
            stay.since_s = at_s
        stay.looks = min(stay.looks + 1, zone.inertia)
        stay.inside = stay.inside or stay.looks == zone.inertia
    elif not inside:
        stay.looks = max(stay.looks - 1, 0)
        stay.inside = stay.inside and stay.looks > 0


def stands_at(box: Box) -> tuple[float, float]:
    return (box.left + box.right) / 2, min(1.0, box.bottom)
