"""Frames of any size into the model's input, and boxes back into the frame."""

from collections import deque
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from edge.camera.port import Pixels
from edge.geometry import Box, Size
from edge.recognition.catalogue import Fit
from edge.recognition.sampling import LEAST_SCALE, Sampler

GREY = 127
FILTER = Image.Resampling.HAMMING
"""As cheap as bilinear and sharper, which small models like."""


class View(NamedTuple):
    """Which part of the frame the model sees: frame = model * scale + offset, all normalised."""

    scale_x: float = 1.0
    scale_y: float = 1.0
    offset_x: float = 0.0
    offset_y: float = 0.0

    def to_frame(self, box: Box) -> Box:
        return Box(
            box.left * self.scale_x + self.offset_x,
            box.top * self.scale_y + self.offset_y,
            box.right * self.scale_x + self.offset_x,
            box.bottom * self.scale_y + self.offset_y,
        ).clipped()


class Layout(NamedTuple):
    """How a frame of one size lies in the input: which part is taken, its size and place there, and the view that this gives."""

    source: tuple[float, float, float, float]
    size: Size
    place: tuple[int, int]
    view: View


@lru_cache(16)
def lay_out(frame: Size, target: Size, fit: Fit) -> Layout:
    """Place a frame in the input.

    stretch: all of it, aspect lost · letterbox: all of it, centred on grey · crop: its middle, filling the input.
    """
    width, height = frame
    target_width, target_height = target
    if fit == "letterbox":
        scale = min(target_width / width, target_height / height)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        place = ((target_width - size[0]) // 2, (target_height - size[1]) // 2)
        view = View(target_width / size[0], target_height / size[1], -place[0] / size[0], -place[1] / size[1])
        return Layout((0, 0, width, height), size, place, view)
    if fit == "crop":
        scale = min(width / target_width, height / target_height)
        part = (target_width * scale / width, target_height * scale / height)
        left, top = (1 - part[0]) / 2, (1 - part[1]) / 2
        source = (left * width, top * height, (left + part[0]) * width, (top + part[1]) * height)
        return Layout(source, target, (0, 0), View(part[0], part[1], left, top))
    return Layout((0, 0, width, height), target, (0, 0), View())


@dataclass(slots=True)
class InputBuffer:
    """One input tensor, and which part of the frame it shows."""

    tensor: npt.NDArray[Any]
    frame_size: Size | None = None
    view: View = field(default_factory=View)


class Scaler:
    """Fills input buffers, and fills those again that are given back: there are as many as are in use at a time.

    Args:
        target: width and height of the model's input.
        dtype: of the input tensor: uint8, int8 or float32.
        mean, scale: for float32: (pixel - mean) / scale.
    """

    def __init__(self, target: Size, dtype: npt.DTypeLike, fit: Fit, *, mean: float, scale: float) -> None:
        self._target = target
        self._fit: Fit = fit
        self._factor = np.float32(1 / scale)
        self._shift = np.float32(mean / scale)
        width, height = target
        self._sampler: tuple[Size, Sampler] | None = None
        self._shape = (1, height, width, 3)
        self._dtype = dtype
        self._free: deque[InputBuffer] = deque()

    def is_fed_by(self, size: Size) -> bool:
        """A picture of this size fills the input without being enlarged."""
        layout = lay_out(size, self._target, self._fit)
        left, top, right, bottom = layout.source
        return right - left >= layout.size[0] and bottom - top >= layout.size[1]

    def fill(self, pixels: Pixels) -> InputBuffer:
        """Scale and convert. Thread: one caller at a time."""
        buffer = self._free.pop() if self._free else InputBuffer(np.zeros(self._shape, self._dtype))
        size = (pixels.shape[1], pixels.shape[0])
        layout = lay_out(size, self._target, self._fit)
        if buffer.frame_size != size:  # what the last size left beside the picture
            self._convert(np.full((*self._target[::-1], 3), GREY, np.uint8), buffer.tensor[0])
            buffer.frame_size, buffer.view = size, layout.view
        (left, top), (width, height) = layout.place, layout.size
        self._convert(self._resize(pixels, layout), buffer.tensor[0, top : top + height, left : left + width])
        return buffer

    def give_back(self, buffer: InputBuffer) -> None:
        """Nobody looks at it any more. One that is never given back goes with its last reference. Thread: any."""
        self._free.append(buffer)

    def _resize(self, pixels: Pixels, layout: Layout) -> Pixels:
        """The wanted part in the wanted size; may have a fourth byte behind each pixel that means nothing."""
        size = (pixels.shape[1], pixels.shape[0])
        if layout.size == size:
            return pixels  # it fits as it is: a camera stream of the model's own size costs nothing
        (left, top, right, bottom), (width, height) = layout.source, layout.size
        if min((right - left) / width, (bottom - top) / height) < LEAST_SCALE or not pixels.flags.c_contiguous:
            return _filter(pixels, layout)
        if self._sampler is None or self._sampler[0] != size:
            self._sampler = size, Sampler(size, layout.source, layout.size)
        return self._sampler[1].sample(pixels)

    def _convert(self, pixels: Pixels, into: npt.NDArray[Any]) -> None:
        # Of four bytes a pixel whole planes are taken: a loop over three out of four would take five times as long.
        planes = range(3) if pixels.shape[2] == 4 else (slice(None),)
        for plane in planes:
            source, target = pixels[..., plane], into[..., plane]
            if into.dtype == np.float32:
                np.multiply(source, self._factor, out=target, casting="unsafe")
            elif into.dtype == np.int8:
                np.subtract(source, 128, out=target, casting="unsafe")
            else:
                target[:] = source
        if into.dtype == np.float32:
            np.subtract(into, self._shift, out=into)


def _filter(pixels: Pixels, layout: Layout) -> Pixels:
    image = Image.fromarray(pixels)
    return np.asarray(image.resize(layout.size, FILTER, box=layout.source, reducing_gap=1.0))
