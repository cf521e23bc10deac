"""Areas of the picture as the configuration draws them: polygons in 0..1."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated

import msgspec
import numpy as np
import numpy.typing as npt

from edge.geometry import Box, Size

MOST_POINTS = 64
LEAST_AREA = 1e-6
"""Of the picture: one pixel of a million."""

Place = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
Points = Annotated[tuple[tuple[Place, Place], ...], msgspec.Meta(min_length=3, max_length=MOST_POINTS)]
"""What a configuration section declares: `[[x, y], …]`, x from the left and y from the top, each a share of the picture."""
Mask = npt.NDArray[np.bool_]
"""Shape (height, width)."""


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
        for (x1, y1), (x2, y2) in _edges(self.points):
            if (y1 > y) != (y2 > y) and x < x1 + (y - y1) * (x2 - x1) / (y2 - y1):
                inside = not inside
        return inside

    def rasterise(self, size: Size) -> Mask:
        """Which pixels of a picture of that size have their centre inside."""
        width, height = size
        across, down = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
        mask = np.zeros((height, width), np.bool_)
        for (x1, y1), (x2, y2) in _edges(self.points):
            rows = np.flatnonzero((y1 > down) != (y2 > down))
            if len(rows):
                crossings = x1 + (down[rows] - y1) * ((x2 - x1) / (y2 - y1))
                mask[rows] ^= across < crossings[:, np.newaxis]
        return mask


def rasterise(polygons: Iterable[Polygon], size: Size) -> Mask:
    """Which pixels are inside any of them."""
    mask = np.zeros((size[1], size[0]), np.bool_)
    for polygon in polygons:
        mask |= polygon.rasterise(size)
    return mask


def grown(mask: Mask) -> Mask:
    """With every pixel beside one that is set, also across corners."""
    rows = mask.copy()
    rows[1:] |= mask[:-1]
    rows[:-1] |= mask[1:]
    result = rows.copy()
    result[:, 1:] |= rows[:, :-1]
    result[:, :-1] |= rows[:, 1:]
    return result


def flaw_of(points: Points) -> str:
    """Why these points are no area, in words; empty: they are one. For the checks of the configuration."""
    x, y = (np.array(points) - points[0]).T
    largest_triangle = np.abs(np.outer(x, y) - np.outer(y, x)).max() / 2
    return "the points lie on one line" if largest_triangle < LEAST_AREA else ""


def _edges(points: Sequence[tuple[float, float]]) -> Iterable[tuple[tuple[float, float], tuple[float, float]]]:
    return zip(points, (*points[1:], points[0]), strict=True)
