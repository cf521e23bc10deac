"""What moved since the last frame, told from a few thousand bytes of it. Pure: frames and times in, boxes out."""

from collections.abc import Sequence
from math import exp, log
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from edge.camera.port import Frame, Pixels
from edge.geometry import Box
from edge.motion.areas import ACTIVE, areas_of
from edge.polygons import Mask, Polygon, grown, rasterise

ROWS = 120
"""About so many rows of the frame are sampled."""
UNIT = 9
"""Samples are sums over 3 × 3, so a level of brightness is nine units."""
Levels = npt.NDArray[np.float32]

ADAPT_S = 8.0
"""The background follows the scene with this time constant: dusk is no motion, and a thing that stops becomes background."""
NOISE_ADAPT_S = 20.0
NOISE_FACTOR = 5.0
"""A change must be so many times the usual deviation of its place and of all places: noise in the dark, leaves, a flickering screen."""
NOISE_LIMIT = 15.0 * UNIT
"""The most that counts as usual: no place becomes blind."""
FULL_CONTRAST, LEAST_SHARE = 100.0 * UNIT, 0.4
"""A scene of less contrast has a lower threshold, down to this share."""
CONTRAST_S = 10.0
SWITCHED_SHARE, SWITCHED_GAIN = 0.8, 1.3
"""So much of the picture has changed, or all of it is brighter or darker by this factor: a light was switched, nothing moved."""
SETTLE_S = 1.0
"""So long after the first frame or a switched light the background is learnt quickly: the camera adjusts its exposure."""
SETTLE_SHARE, SETTLE_NOISE_SHARE = 0.5, 0.15
BLACK = 8.0 * UNIT
"""Added before brightnesses are divided: near black a ratio says nothing."""


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
        self._threshold = threshold * UNIT
        self._min_area = min_area
        self._ignored = ignored
        self._shape: tuple[int, ...] = ()
        self._settled_s = 0.0
        self.reset()

    def reset(self) -> None:
        """Forget the background; the next frame is the first."""
        self._known = False

    def update(self, frame: Frame) -> Motion:
        levels, at_s = sample(frame.pixels if frame.small is None else frame.small), frame.taken.boot_s
        if not self._known or levels.shape != self._shape:
            self._begin(levels, at_s)
            return Motion(switched=True)
        gain = self._gain(levels)
        np.multiply(levels, gain, out=self._deviation)
        self._deviation -= self._background
        np.abs(self._deviation, out=self._deviation)
        changed = self._deviation > self._limit
        if self._watched is not None:
            changed &= self._watched
        count = int(np.count_nonzero(changed))
        if at_s >= self._settled_s and self._is_switch(count, gain):
            self._settled_s = at_s + SETTLE_S
            self._background[:] = levels
            return Motion(switched=True)
        settling = at_s < self._settled_s
        self._learn(levels, at_s, settling)
        if settling or count < self._least:
            return Motion()
        return Motion(areas_of(changed, self._least))

    def _begin(self, levels: npt.NDArray[np.uint16], at_s: float) -> None:
        self._known, self._shape = True, levels.shape
        self._background: Levels = levels.astype(np.float32)
        self._noise: Levels = np.zeros(levels.shape, np.float32)
        self._deviation: Levels = np.empty(levels.shape, np.float32)
        self._step: Levels = np.empty(levels.shape, np.float32)
        self._limit: Levels = np.full(levels.shape, self._threshold, np.float32)
        self._watched = self._watched_cells()
        self._cells = levels.size if self._watched is None else int(np.count_nonzero(self._watched))
        self._least = max(ACTIVE, round(self._min_area * levels.size))
        self._learnt_s = at_s
        self._settled_s = at_s + SETTLE_S
        self._contrast_s = 0.0
        self._contrast = 1.0

    def _watched_cells(self) -> Mask | None:
        if not self._ignored:
            return None
        rows, columns = self._shape
        # Samples reach one further to each side than they stand.
        mask = grown(rasterise(self._ignored, (columns + 2, rows + 2)))
        return ~mask[1:-1, 1:-1]

    def _gain(self, levels: npt.NDArray[np.uint16]) -> np.float32:
        """By what the frame must be multiplied to be as bright as the background, in most places."""
        ratios = ((self._background[::6, ::6] + BLACK) / (levels[::6, ::6] + np.float32(BLACK))).ravel()
        ratios.sort()
        return np.float32(ratios[len(ratios) // 2])

    def _is_switch(self, changed: int, gain: np.float32) -> bool:
        return changed > SWITCHED_SHARE * self._cells or abs(log(gain)) > log(SWITCHED_GAIN)

    def _learn(self, levels: npt.NDArray[np.uint16], at_s: float, settling: bool) -> None:
        passed_s, self._learnt_s = max(0.0, at_s - self._learnt_s), at_s
        share = SETTLE_SHARE if settling else 1 - exp(-passed_s / ADAPT_S)
        np.subtract(levels, self._background, out=self._step)
        self._step *= np.float32(share)
        self._background += self._step
        share = SETTLE_NOISE_SHARE if settling else 1 - exp(-passed_s / NOISE_ADAPT_S)
        np.minimum(self._deviation, np.float32(NOISE_LIMIT), out=self._deviation)
        self._deviation -= self._noise
        self._deviation *= np.float32(share)
        self._noise += self._deviation
        if at_s - self._contrast_s > CONTRAST_S:
            self._contrast_s, self._contrast = at_s, contrast_of(self._background)
        np.multiply(self._noise, np.float32(NOISE_FACTOR), out=self._limit)
        floor = max(self._threshold * self._contrast, NOISE_FACTOR * float(self._noise.mean()))
        np.maximum(self._limit, np.float32(floor), out=self._limit)


def sample(pixels: Pixels) -> npt.NDArray[np.uint16]:
    """About `ROWS` rows of brightness; each sample is the sum of nine bytes around it.

    Every (3 n + 1)th byte of a row is taken, so that red, green and blue take turns and the sum of three has all of them: a third of the
    memory is read that three planes would need.
    """
    height, width = pixels.shape[:2]
    step = max(1, round(height / ROWS))
    bytes_ = pixels.reshape(height, width * 3)[step // 2 :: step, :: 3 * step + 1].astype(np.uint16)
    bytes_ = (
        np.pad(bytes_, [(0, max(0, 3 - length)) for length in bytes_.shape], mode="edge")
        if min(bytes_.shape) < 3
        else bytes_
    )
    across = bytes_[:, :-2] + bytes_[:, 1:-1]
    across += bytes_[:, 2:]
    down = across[:-2] + across[1:-1]
    down += across[2:]
    return down


def contrast_of(background: Levels) -> float:
    """1 for a scene of full contrast, less for a dim one."""
    ordered = np.sort(background[::4, ::4].ravel())
    spread = float(ordered[len(ordered) * 95 // 100] - ordered[len(ordered) * 5 // 100])
    return min(1.0, max(LEAST_SHARE, spread / FULL_CONTRAST))
