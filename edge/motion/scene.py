"""What moved since the last frame, told from a few thousand bytes of it. Pure: frames and times in, boxes out."""

from collections.abc import Sequence
from math import log
from typing import NamedTuple

import numpy as np

from edge.camera.port import Frame
from edge.geometry import Box
from edge.masks import Mask, grown, rasterise
from edge.motion.areas import ACTIVE, areas_of
from edge.motion.background import Background, Samples, sample
from edge.polygons import Polygon

LEARN_EVERY_S = 0.25
"""What shows nothing new is learnt so often; what does, always."""
SWITCHED_SHARE, SWITCHED_GAIN = 0.8, 1.3
"""So much of the picture has changed, or all of it is brighter or darker by this factor: a light was switched, nothing moved."""
SETTLE_S = 1.0
"""So long after the first frame or a switched light the background is learnt quickly: the camera adjusts its exposure."""


class Motion(NamedTuple):
    """What one frame showed."""

    boxes: tuple[Box, ...] = ()
    switched: bool = False
    """A light was switched, or it is the first frame: everything is to be looked at once."""


class Scene:
    """The background of one camera, and what differs from it.

    Args:
        threshold: levels of 0..255 by which a place must differ.
        min_area: share of the picture that must differ in one connected area.
        ignored: polygons in which motion is none.

    Thread: one.
    """

    def __init__(self, threshold: float, min_area: float, ignored: Sequence[Polygon] = ()) -> None:
        self._threshold = threshold
        self._min_area = min_area
        self._ignored = ignored
        self._background: Background | None = None
        self._watched: Mask | None = None
        self._cells = self._least = 0
        self._settled_s = 0.0

    def reset(self) -> None:
        """Forget the background; the next frame is the first."""
        self._background = None

    def update(self, frame: Frame) -> Motion:
        levels, at_s = sample(frame.pixels if frame.small is None else frame.small), frame.taken.boot_s
        background = self._background
        if background is None or levels.shape != background.shape:
            self._begin(levels, at_s)
            return Motion(switched=True)
        gain = background.gain(levels)
        changed = background.differs(levels, gain)
        if self._watched is not None:
            changed &= self._watched
        count = int(np.count_nonzero(changed))
        settling = at_s < self._settled_s
        if not settling and (count > SWITCHED_SHARE * self._cells or abs(log(gain)) > log(SWITCHED_GAIN)):
            self._settled_s = at_s + SETTLE_S
            background.replace(levels)
            return Motion(switched=True)
        quiet = count < self._least
        if settling or not quiet or at_s - background.learnt_s >= LEARN_EVERY_S:
            background.learn(levels, at_s, quickly=settling)
        return Motion() if settling or quiet else Motion(areas_of(changed, self._least))

    def _begin(self, levels: Samples, at_s: float) -> None:
        self._background = Background(levels, self._threshold, at_s)
        self._watched = self._watched_places(levels.shape)
        self._cells = levels.size if self._watched is None else int(np.count_nonzero(self._watched))
        self._least = max(ACTIVE, round(self._min_area * levels.size))
        self._settled_s = at_s + SETTLE_S

    def _watched_places(self, shape: tuple[int, ...]) -> Mask | None:
        if not self._ignored:
            return None
        rows, columns = shape
        # Samples reach one further to each side than they stand.
        mask = grown(rasterise(self._ignored, (columns + 2, rows + 2)))
        return ~mask[1:-1, 1:-1]
