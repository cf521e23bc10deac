"""Reading pictures into RGB and writing RGB as JPEG."""

import io
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from edge.camera.port import Pixels
from edge.errors import PictureError

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
