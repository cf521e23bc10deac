"""Privacy masks: parts of the picture that nobody ever sees, burnt into the pixels before anything else has the frame."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from edge.camera.port import Camera, Frame, Pixels
from edge.camera.wrapper import WrappedCamera
from edge.errors import CameraError
from edge.geometry import Size
from edge.masks import Mask, grown, rasterise
from edge.polygons import Polygon

GREY = 127
SIZES = 8
"""Frame sizes whose blocks are kept: a folder of pictures may hold any number of sizes."""
SENSOR_RESULTS = "Cnn"
"""How libcamera's metadata of a network inside the sensor begin. It saw what the masks hide."""


class Block(NamedTuple):
    """A rectangle of pixels; its end does not belong to it."""

    top: int
    bottom: int
    left: int
    right: int


class MaskedCamera(WrappedCamera):
    """A camera in whose pictures `polygons` are grey, `small` ones too. Everything else is the camera's own.

    The polygons are grown by a pixel, so that a scaled-down picture whose border pixels mix both sides shows nothing either. Frames whose
    metadata carry what a network in the sensor found are refused with a `CameraError`.
    """

    def __init__(self, camera: Camera, polygons: Sequence[Polygon]) -> None:
        super().__init__(camera)
        self._polygons = polygons
        self._blocks: dict[Size, list[Block]] = {}

    def read(self, timeout_s: float) -> Frame | None:
        frame = super().read(timeout_s)
        if frame is None:
            return None
        if any(key.startswith(SENSOR_RESULTS) for key in frame.metadata):
            raise CameraError(
                f"camera {self.name}: its sensor recognises by itself, before anything can be masked",
                hint="remove camera.privacy, or use another model on this camera",
            )
        small = None if frame.small is None else self._burn(frame.small)
        return replace(frame, pixels=self._burn(frame.pixels), small=small)

    def _burn(self, pixels: Pixels) -> Pixels:
        """In place where nobody else can hold the array, else on a copy."""
        if not (pixels.flags.writeable and pixels.flags.owndata):
            pixels = pixels.copy()
        for top, bottom, left, right in self._blocks_of((pixels.shape[1], pixels.shape[0])):
            pixels[top:bottom, left:right] = GREY
        return pixels

    def _blocks_of(self, size: Size) -> list[Block]:
        blocks = self._blocks.get(size)
        if blocks is None:
            if len(self._blocks) >= SIZES:
                self._blocks.clear()
            blocks = self._blocks[size] = blocks_of(grown(rasterise(self._polygons, size)))
        return blocks


def blocks_of(mask: Mask) -> list[Block]:
    """Rectangles that cover exactly what is set: filling them costs a tenth of writing through a mask."""
    edges = np.flatnonzero(np.any(mask[1:] != mask[:-1], axis=1)) + 1
    tops = [0, *edges.tolist(), len(mask)]
    blocks = []
    for top, bottom in pairwise(tops):
        sides = np.flatnonzero(np.diff(mask[top].astype(np.int8), prepend=0, append=0)).tolist()
        blocks += [Block(top, bottom, left, right) for left, right in zip(sides[::2], sides[1::2], strict=True)]
    return blocks
