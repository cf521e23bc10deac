"""Polygons in the pixels of a picture."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from edge.geometry import Size
from edge.polygons import Polygon, edges

Mask = npt.NDArray[np.bool_]
"""Shape (height, width)."""


def rasterise(polygons: Iterable[Polygon], size: Size) -> Mask:
    """Which pixels of a picture of that size have their centre inside any of them."""
    mask = np.zeros((size[1], size[0]), np.bool_)
    for polygon in polygons:
        mask |= _inside(polygon, size)
    return mask


def _inside(polygon: Polygon, size: Size) -> Mask:
    width, height = size
    across, down = (np.arange(width) + 0.5) / width, (np.arange(height) + 0.5) / height
    mask = np.zeros((height, width), np.bool_)
    for (x1, y1), (x2, y2) in edges(polygon.points):
        rows = np.flatnonzero((y1 > down) != (y2 > down))
        if len(rows):
            crossings = x1 + (down[rows] - y1) * ((x2 - x1) / (y2 - y1))
            mask[rows] ^= across < crossings[:, np.newaxis]
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
