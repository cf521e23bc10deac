"""Counting lines: who crossed, and which way. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from edge.events.zones import stands_at
from edge.geometry import Box
from edge.store.port import Crossing

Point = tuple[float, float]
CLEAR = 0.1
"""A thing is on a side of a line only when it stands farther from it than this share of its height: it may tremble on the line."""


class Line(NamedTuple):
    """`in` is to the right of one who goes from `start` to `end`. Places are in 0..1 of the picture."""

    name: str
    start: Point
    end: Point
    labels: frozenset[str] = frozenset()
    """Only these are counted; empty: all."""


@dataclass(slots=True)
class LineState:
    """One thing and the lines of its camera."""

    lines: Sequence[Line]
    _clear: dict[str, tuple[bool, Point]] = field(default_factory=dict)
    """On which side it stood clearly, and where."""

    def look(self, label: str, box: Box) -> list[Crossing]:
        """Take one sight of it; the lines that it has crossed since the sights before."""
        crossed = []
        place = stands_at(box)
        for line in self.lines:
            if line.labels and label not in line.labels:
                continue
            distance = _right_of(line, place)
            if abs(distance) <= CLEAR * box.height:
                continue
            side, before = distance > 0, self._clear.get(line.name)
            self._clear[line.name] = (side, place)
            if before is not None and before[0] != side and _between(line, before[1], place):
                crossed.append(Crossing(line.name, label, "in" if side else "out"))
        return crossed


def _right_of(line: Line, place: Point) -> float:
    """Distance from the endless line; positive on its right, where y grows downwards."""
    (x0, y0), (x1, y1) = line.start, line.end
    dx, dy = x1 - x0, y1 - y0
    return float((dx * (place[1] - y0) - dy * (place[0] - x0)) / max(1e-9, (dx * dx + dy * dy) ** 0.5))


def _between(line: Line, before: Point, after: Point) -> bool:
    """The way from `before` to `after` leads between the two ends of the line."""
    a, b = _right_of(line, before), _right_of(line, after)
    share = a / (a - b)
    x, y = before[0] + share * (after[0] - before[0]), before[1] + share * (after[1] - before[1])
    (x0, y0), (x1, y1) = line.start, line.end
    dx, dy = x1 - x0, y1 - y0
    along = ((x - x0) * dx + (y - y0) * dy) / (dx * dx + dy * dy)
    return 0.0 <= along <= 1.0
