"""From a camera's buffer, as it lies in memory, to RGB. Pure."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from edge.camera.port import Pixels
from edge.geometry import Size

Buffer = npt.NDArray[np.uint8]
"""The bytes of one stream of one capture, one-dimensional; may be longer than the picture."""


class BufferLayout(NamedTuple):
    """How a picture lies in its buffer.

    `format` is libcamera's name, which names the colours from the highest byte of a word down: RGB888 is B, G, R in memory. The stride
    is that of the first plane; planes follow each other without a gap, and a plane of half the width has half the stride.
    """

    format: str
    size: Size
    stride_bytes: int


def is_readable(format: str) -> bool:
    """`to_rgb` knows the format."""
    return format in _CHANNELS or format in _CHROMA


def to_rgb(buffer: Buffer, layout: BufferLayout, *, upside_down: bool = False) -> Pixels:
    """The picture as RGB of its own: nothing of the buffer is kept. YUV is taken as JPEG's: BT.601, full range.

    Args:
        upside_down: turn it by 180 degrees.
    """
    if layout.format in _CHANNELS:
        return _copy(_packed(buffer, layout), upside_down)
    pixels = _from_planes(buffer, layout)
    return _copy(pixels, True) if upside_down else pixels


def _copy(pixels: Pixels, upside_down: bool) -> Pixels:
    return np.array(pixels[::-1, ::-1] if upside_down else pixels, order="C")


_CHANNELS = {
    "BGR888": (3, slice(None)),
    "RGB888": (3, slice(None, None, -1)),
    "XBGR8888": (4, slice(3)),
    "XRGB8888": (4, slice(2, None, -1)),
}
"""Bytes a pixel, and where red, green and blue are among them."""


def _packed(buffer: Buffer, layout: BufferLayout) -> Pixels:
    """A view of the buffer."""
    (width, height), (depth, channels) = layout.size, _CHANNELS[layout.format]
    return _rows(buffer, height, layout.stride_bytes)[:, : width * depth].reshape(height, width, depth)[..., channels]


def _rows(buffer: Buffer, height: int, stride_bytes: int) -> Buffer:
    return buffer[: height * stride_bytes].reshape(height, stride_bytes)


def _from_planes(buffer: Buffer, layout: BufferLayout) -> Pixels:
    (width, height), stride_bytes = layout.size, layout.stride_bytes
    luma = _rows(buffer, height, stride_bytes)[:, :width]
    chroma = _CHROMA[layout.format](buffer[height * stride_bytes :], (width // 2, height // 2), stride_bytes)
    # Pillow converts by table, in C: a fifth of the time of numpy arithmetic.
    planes = [Image.fromarray(luma), *(Image.fromarray(half).resize(layout.size, _NEAREST) for half in chroma)]
    return np.asarray(Image.merge("YCbCr", planes).convert("RGB"))


_NEAREST = Image.Resampling.NEAREST


def _interleaved(buffer: Buffer, size: Size, stride_bytes: int) -> tuple[Buffer, Buffer]:
    pairs = _rows(buffer, size[1], stride_bytes)[:, : size[0] * 2]
    return np.ascontiguousarray(pairs[:, ::2]), np.ascontiguousarray(pairs[:, 1::2])


def _separate(buffer: Buffer, size: Size, stride_bytes: int) -> tuple[Buffer, Buffer]:
    width, height = size
    rows = _rows(buffer, height * 2, stride_bytes // 2)[:, :width]
    return rows[:height], rows[height:]


def _swapped(read: "_ReadChroma") -> "_ReadChroma":
    def swap(buffer: Buffer, size: Size, stride_bytes: int) -> tuple[Buffer, Buffer]:
        first, second = read(buffer, size, stride_bytes)
        return second, first

    return swap


_ReadChroma = Callable[[Buffer, Size, int], tuple[Buffer, Buffer]]
_CHROMA: dict[str, _ReadChroma] = {
    "NV12": _interleaved,
    "NV21": _swapped(_interleaved),
    "YUV420": _separate,
    "YVU420": _swapped(_separate),
}
"""From what follows the luma plane to Cb and Cr, each of half the width and height."""
