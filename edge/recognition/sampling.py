"""Making pictures smaller at a fraction of what a resampling filter costs.

Pixels of three bytes are slow to gather one by one. So whole rows are taken first, which is a plain copy, and then the columns by
reading four bytes at each pixel, unaligned: numpy moves one machine word a pixel, many times as fast. The fourth byte is the next
pixel's red, and nobody looks at it. Means are taken of four bytes at once within the word.
"""

import numpy as np
import numpy.typing as npt

from edge.camera.port import Pixels
from edge.geometry import Size

Rgbx = npt.NDArray[np.uint8]
"""Shape (height, width, 4): red, green, blue, and a byte without meaning."""

Words = npt.NDArray[np.uint32]
Rectangle = tuple[float, float, float, float]
"""Left, top, right, bottom, in pixels."""

LEAST_SCALE = 1.5
"""Below it a filter is needed and cheap enough."""
MANY_FROM = 6.0
LOW_BITS = np.uint32(0xFEFEFEFE)


class Sampler:
    """Shrinks a part of frames of one size to one smaller size.

    Each pixel is the mean of two places along the diagonal of what it stands for, or of four where that is large: enough against flicker
    and false patterns.

    Args:
        frame: width and height of the frames.
        part: what of them is wanted.
        size: to which it is made smaller, by `LEAST_SCALE` or more both ways.

    Thread: one caller at a time.
    """

    def __init__(self, frame: Size, part: Rectangle, size: Size) -> None:
        left, top, right, bottom = part
        width, height = size
        scale_x, scale_y = (right - left) / width, (bottom - top) / height
        count = 2 if min(scale_x, scale_y) < MANY_FROM else 4
        shifts = [(place + 0.5) / count for place in range(count)]
        self._places = [
            (_positions(top, scale_y, height, shift, frame[1]), _positions(left, scale_x, width, shift, frame[0]))
            for shift in shifts
        ]
        self._step = _equal_step([columns for _, columns in self._places], frame[0])
        row_bytes = frame[0] * 3
        self._frame = frame
        store = np.zeros(height * row_bytes + 4, np.uint8)  # the last pixel is read with a byte behind it
        self._rows = store[: height * row_bytes].reshape(height, row_bytes)
        self._words: Words = np.ndarray((height, frame[0]), np.uint32, buffer=store.data, strides=(row_bytes, 3))

    def sample(self, pixels: Pixels) -> Rgbx:
        """`pixels`: RGB of the frames' size, contiguous."""
        width, height = self._frame
        source = pixels.reshape(height, width * 3)
        words = [self._gather(source, rows, columns) for rows, columns in self._places]
        while len(words) > 1:
            words = [_mean(a, b) for a, b in zip(words[::2], words[1::2], strict=True)]
        # numpy gathers columns one behind the other; from here on rows are wanted.
        return np.ascontiguousarray(words[0]).view(np.uint8).reshape(*words[0].shape, 4)

    def _gather(
        self, source: npt.NDArray[np.uint8], rows: npt.NDArray[np.intp], columns: npt.NDArray[np.intp]
    ) -> Words:
        if self._step:  # columns at equal distances: both at once, without the copy of the rows
            shape, strides = (len(source), len(columns)), (source.strides[0], self._step * 3)
            words: Words = np.ndarray(shape, np.uint32, buffer=source.data, offset=int(columns[0]) * 3, strides=strides)
            return words[rows]
        np.take(source, rows, axis=0, out=self._rows, mode="clip")
        return self._words[:, columns]


def _positions(begin: float, scale: float, count: int, shift: float, end: int) -> npt.NDArray[np.intp]:
    places = np.asarray(begin + (np.arange(count) + shift) * scale, np.intp)
    return np.minimum(places, end - 1)


def _equal_step(places: list[npt.NDArray[np.intp]], width: int) -> int:
    """The distance between columns where it is the same for all; 0: it is not, or the last one has no byte behind it."""
    steps = {int(step) for columns in places for step in np.diff(columns)}
    fits = all(columns[-1] < width - 1 for columns in places)
    return steps.pop() if fits and len(steps) == 1 else 0


def _mean(a: Words, b: Words) -> Words:
    """The mean of each of the four bytes, rounded down, without unpacking them; `a` and `b` are used up."""
    common = np.bitwise_and(a, b)
    np.bitwise_xor(a, b, out=a)
    np.bitwise_and(a, LOW_BITS, out=a)
    np.right_shift(a, 1, out=a)
    return np.add(common, a, out=common)
