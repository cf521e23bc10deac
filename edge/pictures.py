"""Reading pictures into RGB and writing RGB as JPEG."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from edge.camera.port import Pixels
from edge.errors import PictureError

SMALL_QUALITY = 80
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})
MOST_PX, MOST_WEBP_PX = 22_000_000, 12_500_000
"""Decoding takes some twelve bytes a pixel, of WebP 22: with more, `recognise-folder` would exceed the memory that it may take."""
ORIENTATION = 0x0112
"""The EXIF tag."""
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What undoes each orientation."""


def read_picture(path: Path) -> Pixels:
    """Read a picture as RGB, upright as its EXIF orientation says; of an animation the first frame.

    A JPEG above `MOST_PX` is read at a half, a quarter or an eighth of its width and height.

    Raises:
        PictureError: the file is missing, no picture, cut off, or too large to be one; `retryable`: it cannot be reached.
    """
    with _opened(path) as image:
        _reduce(image, path)
        image.load()  # a TIFF is turned by this, and then says no more that it lay on its side
        turn = _turn(image)
        picture = image.convert("RGB") if image.mode != "RGB" else image
        if turn is not None:
            picture = picture.transpose(turn)
        if picture is not image:
            image.close()  # gives its pixels back before they are needed again
        return np.asarray(picture)


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    """The picture, with all that goes wrong with it as `PictureError`."""
    try:
        with Image.open(path) as image:
            yield image
    except PictureError:
        raise
    except Exception as error:
        raise _problem(path, error) from error


def _problem(path: Path, error: Exception) -> PictureError:
    """In our words. Pillow's decoders raise whatever a damaged file leads them to, MemoryError too."""
    if isinstance(error, UnidentifiedImageError):
        return PictureError(f"{path}: not a picture that can be read", hint="use JPEG, PNG, WebP, BMP, GIF or TIFF")
    if isinstance(error, OSError) and error.errno is not None:  # the system's, not Pillow's: the file may be whole
        problem = PictureError(f"{path}: {(error.strerror or 'cannot be read').lower()}")
        problem.retryable = True
        return problem
    return PictureError(f"{path}: damaged picture: {error}", hint="replace the file")


def _reduce(image: Image.Image, path: Path) -> None:
    """Have the decoder of a JPEG scale it down to `MOST_PX`; a progressive one is in memory whole before it is scaled."""
    width, height = image.size
    if not image.info.get("progressive"):
        share = next((each for each in (1, 2, 4) if width * height <= MOST_PX * each * each), 8)
        image.draft("RGB", (width // share, height // share))  # does nothing but for JPEG
    if image.width * image.height > (MOST_WEBP_PX if image.format == "WEBP" else MOST_PX):
        raise PictureError(f"{path}: {width}x{height} is too large", hint="scale it down")


def _turn(image: Image.Image) -> Image.Transpose | None:
    """By the one tag alone: to understand the others is to stumble over what cameras and editors write into them."""
    try:
        return _UPRIGHT.get(image.getexif().get(ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - a picture that may lie on its side is better than none
        return None


def encode_jpeg(pixels: Pixels, *, quality: int, max_edge_px: int) -> tuple[bytes, tuple[int, int]]:
    """JPEG bytes and their width and height; scaled down so that the longer edge is at most `max_edge_px`."""
    image = Image.fromarray(pixels)
    if max(image.size) > max_edge_px:
        image.thumbnail((max_edge_px, max_edge_px), Image.Resampling.BILINEAR, reducing_gap=2.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue(), image.size


def small_jpeg(path: Path, *, max_edge_px: int, max_bytes: int) -> bytes:
    """A picture as a JPEG within both bounds; as it is when it keeps them.

    Raises:
        PictureError: as `read_picture`.
    """
    with _opened(path) as image:
        if image.format == "JPEG" and max(image.size) <= max_edge_px and path.stat().st_size <= max_bytes:
            return path.read_bytes()
        image.draft("RGB", (max_edge_px, max_edge_px))  # the decoder scales by two, four or eight for nothing
        pixels = np.asarray(image.convert("RGB"))
    edge_px, quality = max_edge_px, SMALL_QUALITY
    while True:
        jpeg, _ = encode_jpeg(pixels, quality=quality, max_edge_px=edge_px)
        if len(jpeg) <= max_bytes:
            return jpeg
        edge_px, quality = edge_px * 3 // 4, max(40, quality - 15)
