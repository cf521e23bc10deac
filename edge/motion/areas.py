"""Connected areas of what changed. Pure."""

import numpy as np

from edge.geometry import Box
from edge.masks import Mask

CELL = 4
"""Areas are told apart by squares of so many samples; those that touch, also across a corner, belong together."""
ACTIVE = 3
"""Samples of a cell that must have changed: fewer are noise."""

Cell = tuple[int, int]


def areas_of(changed: Mask, least: int) -> tuple[Box, ...]:
    """The boxes of all connected areas in which at least `least` samples changed, the upper ones first."""
    rows, columns = changed.shape
    whole = np.zeros((-(-rows // CELL) * CELL, -(-columns // CELL) * CELL), np.bool_)
    whole[:rows, :columns] = changed
    counts = whole.reshape(len(whole) // CELL, CELL, -1, CELL).sum(axis=(1, 3))
    active = {(row, column): int(counts[row, column]) for row, column in np.argwhere(counts >= ACTIVE).tolist()}
    found = []
    while active:
        area = _take_connected(active, next(iter(active)))
        if sum(area.values()) >= least:
            found.append(_box(area, (rows, columns)))
    return tuple(found)


def _take_connected(active: dict[Cell, int], first: Cell) -> dict[Cell, int]:
    """The cells that hang together with `first`, taken out of `active`."""
    area = {first: active.pop(first)}
    edge = [first]
    while edge:
        row, column = edge.pop()
        for beside in [(row + down, column + across) for down in (-1, 0, 1) for across in (-1, 0, 1)]:
            if beside in active:
                area[beside] = active.pop(beside)
                edge.append(beside)
    return area


def _box(area: dict[Cell, int], shape: tuple[int, int]) -> Box:
    """With the sample that each side was summed with."""
    rows, columns = zip(*area, strict=True)
    height, width = shape[0] + 2, shape[1] + 2
    return Box(
        min(columns) * CELL / width,
        min(rows) * CELL / height,
        ((max(columns) + 1) * CELL + 2) / width,
        ((max(rows) + 1) * CELL + 2) / height,
    ).clipped()
