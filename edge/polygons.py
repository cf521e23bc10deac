"""Areas of the picture as the configuration draws them: polygons in 0..1. Without numpy: every command reads a configuration."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Annotated

import msgspec

from edge.geometry import Box

MOST_POINTS = 64
LEAST_AREA = 1e-6
"""Of the picture: one pixel of a million."""

Place = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Points = Annotated[tuple[tuple[Place, Place], ...], msgspec.Meta(min_length=3, max_length=MOST_POINTS)]
"""What a configuration section declares: `[[x, y], …]`, x from the left and y from the top, each a share of the picture."""


@dataclass(frozen=True, slots=True)
class Polygon:
    """A closed polygon: the last point is joined to the first. Where it crosses itself, what is inside is told by even and odd.

    Args:
        points: at least three, in 0..1.
    """

    points: Points
    box: Box = field(init=False, compare=False)
    """The smallest that holds it."""

    def __post_init__(self) -> None:
        across, down = zip(*self.points, strict=True)
        object.__setattr__(self, "box", Box(min(across), min(down), max(across), max(down)))

    def contains(self, x: float, y: float) -> bool:
        inside = False
        for (x1, y1), (x2, y2) in edges(self.points):
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
                inside = not inside
        return inside


def flaw_of(points: Points) -> str:
    """Why these points are no area, in words; empty: they are one. For the checks of the configuration."""
    x, y = points[0]
    arms = [(px - x, py - y) for px, py in points]
    largest_triangle = max(abs(ax * by - bx * ay) for (ax, ay), (bx, by) in combinations(arms, 2)) / 2
    return "the points lie on one line" if largest_triangle < LEAST_AREA else ""


def edges(points: Sequence[tuple[float, float]]) -> Iterable[tuple[tuple[float, float], tuple[float, float]]]:
    """Each from one point to the next, and the last to the first."""
    return zip(points, (*points[1:], points[0]), strict=True)
