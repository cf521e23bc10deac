"""Frames for benchmarks."""

from pathlib import Path

import numpy as np

from edge.camera.port import Pixels
from edge.pictures import read_picture

WIDTH_PX, HEIGHT_PX = 1280, 720
STEP_PX = 12
TOP_PX = 60


def noise() -> Pixels:
    return np.random.default_rng(7).integers(90, 130, (HEIGHT_PX, WIDTH_PX, 3), dtype=np.uint8)


def with_pictures(background: Pixels, pictures: list[Path], shift_px: int) -> Pixels:
    """The first two pictures beside each other on the background, moved to the right."""
    frame = background.copy()
    for place, path in enumerate(pictures[:2]):
        thing = read_picture(path)[: HEIGHT_PX - TOP_PX]
        height, width = thing.shape[:2]
        left = min(place * WIDTH_PX // 2 + shift_px, WIDTH_PX - width)
        frame[TOP_PX : TOP_PX + height, left : left + width] = thing
    return frame


def moving(pictures: list[Path], count: int = 24) -> list[Pixels]:
    """Frames in which the pictures move to and fro over noise."""
    background = noise()
    return [with_pictures(background, pictures, STEP_PX * min(number, count - number)) for number in range(count)]
