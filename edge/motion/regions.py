"""Which part of a frame to look at, and back from the part to the frame. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from math import ceil

import numpy as np

from edge.camera.port import Frame
from edge.geometry import WHOLE, Box, Size

MARGIN = 0.25
"""Of the size of what is to be seen, on each side."""
LEAST_PX = 320
"""No region is smaller, either way: models take about as much, and see more than enlarged pixels."""
STEPS = 8
"""Regions have the frame's aspect and one of these sizes, in eighths: scaling is prepared once a size."""
WHOLE_FROM = 0.6
"""A region of more than this share of the frame saves nothing: the whole frame is looked at."""
CUT = 0.015
"""What is found so near to an inner border of the region is probably cut off there."""


def region_for(boxes: Sequence[Box], size: Size, before: Box | None = None) -> Box:
    """One region of a frame of that size in which all boxes are seen with some room.

    Args:
        before: the last region; it is kept while it still serves, so that a thing keeps its scale.
    """
    wanted = union(boxes)
    need = max(wanted.width * (1 + 2 * MARGIN), wanted.height * (1 + 2 * MARGIN), LEAST_PX / min(size))
    steps = ceil(need * STEPS)
    if steps**2 > WHOLE_FROM * STEPS**2:
        return WHOLE
    if before is not None and before.width * STEPS < steps + 1.5 and before.shared(wanted) == wanted:
        return before
    return _placed(wanted.centre, steps / STEPS, size)


def _placed(centre: tuple[float, float], share: float, size: Size) -> Box:
    """On whole pixels, inside the frame."""
    sides = []
    for middle, length_px in zip(centre, size, strict=True):
        across_px = round(length_px * share)
        begin_px = min(max(0, round(middle * length_px - across_px / 2)), length_px - across_px)
        sides.append((begin_px / length_px, (begin_px + across_px) / length_px))
    (left, right), (top, bottom) = sides
    return Box(left, top, right, bottom)


def union(boxes: Sequence[Box]) -> Box:
    """The smallest box that holds all; at least one is given."""
    lefts, tops, rights, bottoms = zip(*boxes, strict=True)
    return Box(min(lefts), min(tops), max(rights), max(bottoms)).clipped()


def part(frame: Frame, region: Box) -> Frame:
    """The frame that shows only `region`; all of it: the frame itself."""
    if region == WHOLE:
        return frame
    left, top, right, bottom = region.to_pixels(frame.size)
    pixels = np.ascontiguousarray(frame.pixels[top:bottom, left:right])
    return replace(frame, pixels=pixels, small=None, part_of=(frame, region))


def in_whole(box: Box, region: Box) -> Box:
    """From a place in the region to the place in the frame."""
    return Box(
        region.left + box.left * region.width,
        region.top + box.top * region.height,
        region.left + box.right * region.width,
        region.top + box.bottom * region.height,
    )


def is_cut(box: Box, region: Box) -> bool:
    """A place in the region touches a border of it that is none of the frame."""
    return (
        (box.left < CUT and region.left > 0)
        or (box.top < CUT and region.top > 0)
        or (box.right > 1 - CUT and region.right < 1)
        or (box.bottom > 1 - CUT and region.bottom < 1)
    )
