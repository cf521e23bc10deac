from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from edge.camera.planes import Buffer, BufferLayout, is_readable, to_rgb
from edge.camera.port import Pixels

WIDTH, HEIGHT = 12, 8
PADDING = 20  # bytes behind each row


def gradients() -> Pixels:
    """Each quarter of another colour, so that neither order, nor direction, nor stride can be wrong unseen."""
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[:4, :6], pixels[:4, 6:], pixels[4:, :6] = (230, 40, 20), (30, 200, 60), (20, 50, 210)
    pixels[4:, 6:] = (240, 230, 90)
    return pixels


def padded(rows: Buffer, padding: int) -> Buffer:
    return np.pad(rows.reshape(len(rows), -1), ((0, 0), (0, padding)), constant_values=99)


def packed(order: list[int], filler: int | None = None) -> Callable[[Pixels], Buffer]:
    def lay(pixels: Pixels) -> Buffer:
        pixels = pixels[..., order]
        if filler is not None:
            pixels = np.concatenate([pixels, np.full_like(pixels[..., :1], filler)], axis=2)
        return padded(pixels, PADDING).ravel()

    return lay


def ycc(pixels: Pixels) -> tuple[Buffer, Buffer, Buffer]:
    """Luma and the halved chroma planes."""
    whole = np.asarray(Image.fromarray(pixels).convert("YCbCr"))
    return whole[..., 0], whole[::2, ::2, 1], whole[::2, ::2, 2]


def semi_planar(first: int, second: int) -> Callable[[Pixels], Buffer]:
    def lay(pixels: Pixels) -> Buffer:
        planes = ycc(pixels)
        pairs = np.stack([planes[first], planes[second]], axis=2)
        return np.concatenate([padded(planes[0], PADDING), padded(pairs, PADDING)]).ravel()

    return lay


def planar(first: int, second: int) -> Callable[[Pixels], Buffer]:
    def lay(pixels: Pixels) -> Buffer:
        planes = ycc(pixels)
        halves = [padded(planes[number], PADDING // 2).ravel() for number in (first, second)]
        return np.concatenate([padded(planes[0], PADDING).ravel(), *halves])

    return lay


# As libcamera (and DRM) define them: packed names run from the highest byte of a little-endian word to the lowest.
FORMATS: dict[str, tuple[int, Callable[[Pixels], Buffer]]] = {
    "BGR888": (3, packed([0, 1, 2])),
    "RGB888": (3, packed([2, 1, 0])),
    "XBGR8888": (4, packed([0, 1, 2], filler=255)),
    "XRGB8888": (4, packed([2, 1, 0], filler=255)),
    "NV12": (1, semi_planar(1, 2)),
    "NV21": (1, semi_planar(2, 1)),
    "YUV420": (1, planar(1, 2)),
    "YVU420": (1, planar(2, 1)),
}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("upside_down", [False, True])
def test_every_format_gives_the_picture(format: str, upside_down: bool) -> None:
    depth, lay = FORMATS[format]
    buffer = np.concatenate([lay(gradients()), np.full(64, 7, np.uint8)])  # buffers are as long as whole pages
    layout = BufferLayout(format, (WIDTH, HEIGHT), WIDTH * depth + PADDING)
    pixels = to_rgb(buffer, layout, upside_down=upside_down)
    expected = gradients()[::-1, ::-1] if upside_down else gradients()
    assert (pixels.shape, pixels.dtype, pixels.flags.c_contiguous) == (expected.shape, np.uint8, True)
    assert np.abs(pixels.astype(int) - expected).max() <= 3  # YUV rounds


@pytest.mark.parametrize("format", FORMATS)
def test_nothing_of_the_buffer_is_kept(format: str) -> None:
    depth, lay = FORMATS[format]
    buffer = lay(gradients())
    pixels = to_rgb(buffer, BufferLayout(format, (WIDTH, HEIGHT), WIDTH * depth + PADDING))
    before = pixels.copy()
    buffer[:] = 0
    assert (pixels == before).all()
    assert not np.shares_memory(pixels, buffer)


def test_only_known_formats_are_readable() -> None:
    assert [format for format in ("MJPEG", "YUYV", "SRGGB10") if is_readable(format)] == []
    assert all(map(is_readable, FORMATS))
