"""Pictures for people, made from the clean one that is kept when somebody asks for them. Pure."""

import numpy as np
from PIL import Image

from edge.camera.port import Pixels
from edge.geometry import Box
from edge.recognition.drawing import draw_detections
from edge.recognition.port import Detection
from edge.store.port import Event

AROUND = 0.25
"""A thumbnail shows so much more on each side, in shares of the thing's longer side."""
THUMBNAIL_PX = 320


def annotated(pixels: Pixels, event: Event) -> Image.Image:
    """The picture with the thing's box, title and score."""
    return draw_detections(pixels, [Detection(event.title, event.score, event.box)])


def thumbnail(pixels: Pixels, box: Box, *, edge_px: int = THUMBNAIL_PX) -> Image.Image:
    """The thing with a little of what is around it, square where the picture allows it; the longer edge is at most `edge_px`."""
    height, width = pixels.shape[:2]
    left, top, right, bottom = box.clipped().to_pixels((width, height))
    side = max(2, round(max(right - left, bottom - top) * (1 + 2 * AROUND)))
    x, y = _place((left + right) / 2, side, width), _place((top + bottom) / 2, side, height)
    image = Image.fromarray(np.ascontiguousarray(pixels[y : y + side, x : x + side]))
    image.thumbnail((edge_px, edge_px), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return image


def _place(centre: float, side: int, size: int) -> int:
    """Where a span of that side begins that is around `centre` and inside."""
    return max(0, min(round(centre - side / 2), size - side))
