"""Reading pictures into RGB and writing RGB as JPEG."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from edge.camera.port import Pixels
from edge.errors import PictureError

SMALL_QUALITY = 80
SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"})


def read_picture(path: Path) -> Pixels:
    """Read a picture as RGB, upright as its EXIF orientation says; of an animation the first frame.

    Raises:
        PictureError: the file is missing, no picture, cut off, or too large to be one.
    """
    try:
        with Image.open(path) as image:
            upright = ImageOps.exif_transpose(image)
            return np.asarray(upright.convert("RGB"))
    except FileNotFoundError as error:
        raise PictureError(f"{path}: no such file") from error
    except UnidentifiedImageError as error:
        raise PictureError(
            f"{path}: not a picture that can be read", hint="use JPEG, PNG, WebP, BMP, GIF or TIFF"
        ) from error
    except (
        OSError,
        SyntaxError,
        ValueError,
        Image.DecompressionBombError,
    ) as error:  # Pillow raises all of these on damaged files
        raise PictureError(f"{path}: damaged picture: {error}", hint="replace the file") from error


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
    try:
        with Image.open(path) as image:
            if image.format == "JPEG" and max(image.size) <= max_edge_px and path.stat().st_size <= max_bytes:
                return path.read_bytes()
            image.draft("RGB", (max_edge_px, max_edge_px))  # the decoder scales by two, four or eight for nothing
            pixels = np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PictureError(f"{path}: cannot be read: {error}") from error
    edge_px, quality = max_edge_px, SMALL_QUALITY
    while True:
        jpeg, _ = encode_jpeg(pixels, quality=quality, max_edge_px=edge_px)
        if len(jpeg) <= max_bytes:
            return jpeg
        edge_px, quality = edge_px * 3 // 4, max(40, quality - 15)
