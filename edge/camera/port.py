"""The port of every camera, and the frame that it gives."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import numpy as np
import numpy.typing as npt

from edge.camera.still import Still
from edge.clock import Instant
from edge.geometry import Box, Size

Pixels = npt.NDArray[np.uint8]
"""RGB, shape (height, width, 3), C-contiguous. Nobody writes into the pixels of a frame once it has been given out."""


@dataclass(frozen=True, slots=True, eq=False)
class Frame:
    """One picture of a camera.

    `sequence` counts from 0 for each opening of the camera, dropped frames included. `taken` is when the light fell on the sensor as
    well as the source can tell; for a video file its recorded pace is kept, however fast it is read. `still` is set when the frame is a
    stored picture: then it has nothing to do with the frames before and after it. `metadata` is what the driver knows of the capture.
    `part_of` is set when this is cut out of another frame, to be recognised alone: that frame, and the place in it.
    `small` is the same view scaled down, where the camera's hardware did that on the way: cheaper to recognise from.
    """

    camera: str
    sequence: int
    pixels: Pixels
    taken: Instant
    still: Still | None = None
    metadata: Mapping[str, object] = field(default_factory=lambda: MappingProxyType({}))
    small: Pixels | None = None
    part_of: "tuple[Frame, Box] | None" = None

    @property
    def key(self) -> tuple[str, int, float]:
        """Names the frame, for those who want to know it again without keeping its pixels."""
        return self.camera, self.sequence, self.taken.boot_s

    @property
    def size(self) -> Size:
        return self.pixels.shape[1], self.pixels.shape[0]


class Camera(Protocol):
    """A source of frames.

    Life: `open`, then `read` again and again, then `close`; after `close` or an error it may be opened again.

    Thread: one, the camera's own; `close` comes from that thread too.
    """

    @property
    def name(self) -> str: ...

    @property
    def live(self) -> bool:
        """Frames come when they come: the newest wins and older ones are dropped. False: each frame waits until it is taken."""
        ...

    @property
    def ended(self) -> bool:
        """The source is finite and has been read to its end."""
        ...

    def open(self) -> None:
        """Take hold of the source.

        Raises:
            CameraError: it is not there or gives nothing; names place, value and remedy.
        """
        ...

    def read(self, timeout_s: float) -> Frame | None:
        """The next frame, or None when none came in `timeout_s` or the source has ended.

        A driver whose native call cannot be left so early says so and names its own bound, a few seconds.

        Raises:
            CameraStalledError: the source is silent beyond the driver's own bound; as below.
            CameraError: the source failed; close it, wait and open it again.
        """
        ...

    def close(self) -> None:
        """Let go of the source. Never raises; may be called when not open."""
        ...


class Ledger(Protocol):
    """Remembers which stored pictures are done. Both raise StoreError. Thread: the camera's."""

    def is_done(self, camera: str, still: Still) -> bool: ...

    def mark_unreadable(self, camera: str, still: Still, reason: str) -> None:
        """The file is no picture: it is not tried again until it changes."""
        ...
