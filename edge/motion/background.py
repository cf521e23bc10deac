"""What a camera usually sees: the level of each place, and by how much it usually differs. Pure."""

from math import exp

import numpy as np
import numpy.typing as npt

from edge.camera.port import Pixels
from edge.masks import Mask

ROWS = 120
"""About so many rows of the frame are sampled."""
UNIT = 9
"""Samples are sums over 3 × 3, so a level of brightness is nine units."""
ADAPT_S = 8.0
"""The background follows the scene with this time constant: dusk is no motion, and a thing that stops becomes background."""
NOISE_ADAPT_S = 20.0
NOISE_FACTOR = 5.0
"""A change must be so many times the usual deviation of its place and of all places: noise in the dark, leaves, a flickering screen."""
NOISE_LIMIT = np.float32(15.0 * UNIT)
"""The most that counts as usual: no place becomes blind."""
SETTLE_SHARE, SETTLE_NOISE_SHARE = 0.5, 0.15
"""Of each frame, while the background is learnt quickly."""
FULL_CONTRAST, LEAST_SHARE = 100.0 * UNIT, 0.4
"""A scene of less contrast has a lower threshold, down to this share."""
CONTRAST_S = 10.0
SPARSE = (slice(None, None, 8), slice(None, None, 8))
"""Enough places to tell the brightness of all by."""
BLACK = np.float32(8.0 * UNIT)
"""Added before brightnesses are divided: near black a ratio says nothing."""

Samples = npt.NDArray[np.uint16]
Levels = npt.NDArray[np.float32]


class Background:
    """Begins with one frame, and follows the scene as it learns.

    Args:
        threshold: levels of 0..255 by which a place must differ in a scene of full contrast.
    """

    def __init__(self, levels: Samples, threshold: float, at_s: float) -> None:
        self._threshold = threshold * UNIT
        self._levels: Levels = levels.astype(np.float32)
        self._noise: Levels = np.zeros_like(self._levels)
        self._limit: Levels = np.full_like(self._levels, self._threshold)  # full until the noise is known
        # What is computed for each frame goes where the last one's was: new memory costs more than the sums.
        self._deviation: Levels = np.empty_like(self._levels)
        self._step: Levels = np.empty_like(self._levels)
        self._brightness: Levels = self._levels[SPARSE] + BLACK
        self._contrast, self._contrast_s = contrast_of(self._levels), at_s
        self.learnt_s = at_s

    @property
    def shape(self) -> tuple[int, ...]:
        return self._levels.shape

    def gain(self, levels: Samples) -> float:
        """By what a frame must be multiplied to be as bright as the background, in most places."""
        ratios = (self._brightness / (levels[SPARSE] + BLACK)).ravel()
        ratios.sort()
        return float(ratios[len(ratios) // 2])

    def differs(self, levels: Samples, gain: float) -> Mask:
        """Which places of a frame, multiplied by `gain`, differ more than they usually do."""
        np.multiply(levels, np.float32(gain), out=self._deviation)
        self._deviation -= self._levels
        np.abs(self._deviation, out=self._deviation)
        return self._deviation > self._limit

    def replace(self, levels: Samples) -> None:
        """This is how the scene looks now; what is usual stays."""
        self._levels[:] = levels
        np.add(self._levels[SPARSE], BLACK, out=self._brightness)

    def learn(self, levels: Samples, at_s: float, *, quickly: bool) -> None:
        """Follow the frame that `differs` was asked about last."""
        passed_s, self.learnt_s = max(0.0, at_s - self.learnt_s), at_s
        np.subtract(levels, self._levels, out=self._step)
        self._step *= np.float32(SETTLE_SHARE if quickly else 1 - exp(-passed_s / ADAPT_S))
        self._levels += self._step
        np.add(self._levels[SPARSE], BLACK, out=self._brightness)
        np.minimum(self._deviation, NOISE_LIMIT, out=self._deviation)
        self._deviation -= self._noise
        self._deviation *= np.float32(SETTLE_NOISE_SHARE if quickly else 1 - exp(-passed_s / NOISE_ADAPT_S))
        self._noise += self._deviation
        if at_s - self._contrast_s > CONTRAST_S:
            self._contrast, self._contrast_s = contrast_of(self._levels), at_s
        np.multiply(self._noise, np.float32(NOISE_FACTOR), out=self._limit)
        floor = max(self._threshold * self._contrast, NOISE_FACTOR * float(self._noise.mean()))
        np.maximum(self._limit, np.float32(floor), out=self._limit)


def sample(pixels: Pixels) -> Samples:
    """About `ROWS` rows of brightness; each sample is the sum of nine bytes around it.

    Every (3 n + 1)th byte of a row is taken, so that red, green and blue take turns and the sum of three has all of them: a third of the
    memory is read that three planes would need.
    """
    height, width = pixels.shape[:2]
    step = max(1, round(height / ROWS))
    taken = pixels.reshape(height, width * 3)[step // 2 :: step, :: 3 * step + 1].astype(np.uint16)
    if min(taken.shape) < 3:
        taken = np.pad(taken, [(0, max(0, 3 - length)) for length in taken.shape], mode="edge")
    across = taken[:, :-2] + taken[:, 1:-1]
    across += taken[:, 2:]
    down: Samples = across[:-2] + across[1:-1]
    down += across[2:]
    return down


def contrast_of(levels: Levels) -> float:
    """1 for a scene of full contrast, less for a dim one."""
    ordered = np.sort(levels[SPARSE].ravel())
    spread = float(ordered[len(ordered) * 95 // 100] - ordered[len(ordered) * 5 // 100])
    return min(1.0, max(LEAST_SHARE, spread / FULL_CONTRAST))
