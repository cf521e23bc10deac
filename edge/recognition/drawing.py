"""Pictures with what was recognised drawn on them."""

import zlib
from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from edge.camera.port import Pixels
from edge.errors import PictureError
from edge.recognition.port import Detection

# Told apart by people who see red and green alike, and light enough for dark text.
COLOURS = ("#56b4e9", "#e69f00", "#2fd3a0", "#f0e442", "#ff9a6b", "#d9a3d9", "#9fc5ff", "#c8e06a")
INK = "#101418"


def colour_of(label: str) -> str:
    """The same label has the same colour everywhere."""
    return COLOURS[zlib.crc32(label.encode()) % len(COLOURS)]


def draw_detections(pixels: Pixels, detections: Sequence[Detection]) -> Image.Image:
    """A copy of the picture with a box and a label for each detection; line and text grow with the picture."""
    image = Image.fromarray(pixels).copy()
    draw = ImageDraw.Draw(image)
    unit = max(1, round(min(image.size) / 200))
    font = ImageFont.load_default(size=max(14, unit * 8))
    for found in reversed(detections):  # the best on top
        colour = colour_of(found.label)
        left, top, right, bottom = found.box.to_pixels(image.size)
        right, bottom = min(right, image.width - 1), min(bottom, image.height - 1)
        draw.rounded_rectangle(
            (left, top, max(left, right), max(top, bottom)), radius=unit * 3, outline=colour, width=max(3, unit * 2)
        )
        text = f"{found.label} {found.score:.0%}"
        ink_left, ink_top, ink_right, ink_bottom = draw.textbbox((0, 0), text, font=font)
        pad = unit * 3
        width, height = ink_right - ink_left + 2 * pad, ink_bottom - ink_top + 2 * pad
        tag_left = max(0, min(left, image.width - round(width) - 1))
        tag_top = top - height if top >= height else top
        draw.rounded_rectangle((tag_left, tag_top, tag_left + width, tag_top + height), radius=unit * 3, fill=colour)
        draw.text((tag_left + pad - ink_left, tag_top + pad - ink_top), text, font=font, fill=INK)
    return image


def save_picture(image: Image.Image, path: Path) -> None:
    """Raises:
    PictureError: the file cannot be written, or its name ends in no picture format.
    """
    try:
        image.save(path)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise PictureError(
            f"{path}: picture cannot be written: {reason}",
            hint="choose a name ending in .jpg or .png in a folder that is there",
        ) from error
