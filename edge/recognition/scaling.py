"""Frames of any size into the model's input, and boxes back into the frame."""

from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from edge.camera.port import Pixels
from edge.geometry import Box, Size
from edge.recognition.catalogue import Fit
from edge.recognition.sampling import MIN_ACROSS, MIN_DOWN, shrink

GREY = 127
FILTER = Image.Resampling.HAMMING
"""As cheap as bilinear and sharper, which small models like."""
BUFFERS = 3
"""One being looked at, one waiting, one being filled."""


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
    """Fills input buffers, three in turn.

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
        self._buffers = cycle([InputBuffer(np.zeros((1, height, width, 3), dtype)) for _ in range(BUFFERS)])

    def fill(self, pixels: Pixels) -> InputBuffer:
        """Scale and convert; the buffer is good until `fill` has been called twice more. Thread: one caller at a time."""
        buffer = next(self._buffers)
        size = (pixels.shape[1], pixels.shape[0])
        layout = lay_out(size, self._target, self._fit)
        if buffer.frame_size != size:  # what the last size left beside the picture
            self._convert(np.full((*self._target[::-1], 3), GREY, np.uint8), buffer.tensor[0])
            buffer.frame_size, buffer.view = size, layout.view
        (left, top), (width, height) = layout.place, layout.size
        self._convert(_resize(pixels, layout), buffer.tensor[0, top : top + height, left : left + width])
        return buffer

    def _convert(self, pixels: Pixels, into: npt.NDArray[Any]) -> None:
        if pixels.shape[2] == 4:
            for channel in range(
                3
            ):  # a loop over whole planes: over pixels of three out of four it would take five times as long
                self._convert_plain(pixels[..., channel], into[..., channel])
        else:
            self._convert_plain(pixels, into)

    def _convert_plain(self, pixels: Pixels, into: npt.NDArray[Any]) -> None:
        if into.dtype == np.float32:
            np.multiply(pixels, self._factor, out=into, casting="unsafe")
            np.subtract(into, self._shift, out=into)
        elif into.dtype == np.int8:
            np.subtract(pixels, 128, out=into, casting="unsafe")
        else:
            into[:] = pixels


def _resize(pixels: Pixels, layout: Layout) -> Pixels:
    """The wanted part in the wanted size; may have a fourth byte behind each pixel that means nothing."""
    width, height = layout.size
    if layout.size == (pixels.shape[1], pixels.shape[0]):
        return pixels  # it fits as it is: a camera stream of the model's own size costs nothing
    left, top, right, bottom = layout.source
    across, down = int((right - left) / width), int((bottom - top) / height)
    if across < MIN_ACROSS or down < MIN_DOWN or not pixels.flags.c_contiguous:
        image = Image.fromarray(pixels)
        return np.asarray(image.resize(layout.size, FILTER, box=layout.source, reducing_gap=1.0))
    # Whole blocks first, which is nearly all of the way and cheap, then the rest with a filter.
    part = (int(left), int(top), int(right), int(bottom))
    small = shrink(pixels, part, across, down)
    if small.shape[:2] != (height, width):
        image = Image.frombuffer("RGBX", (small.shape[1], small.shape[0]), small, "raw", "RGBX", 0, 1)
        inside = ((right - part[0]) / across, (bottom - part[1]) / down)
        box = (0.0, 0.0, min(inside[0], image.width), min(inside[1], image.height))
        packed = image.resize(layout.size, FILTER, box=box).convert("RGB").tobytes()
        return np.frombuffer(packed, np.uint8).reshape(height, width, 3)
    return small
