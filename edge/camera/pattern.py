"""`test:` — a moving test pattern, for trying everything behind the camera without one."""

import time

import numpy as np

from edge.camera.port import Frame, Pixels
from edge.clock import Clock
from edge.geometry import Size

SIZE: Size = (1280, 720)
BARS = ((255, 255, 255), (255, 255, 0), (0, 255, 255), (0, 255, 0), (255, 0, 255), (255, 0, 0), (0, 0, 255), (0, 0, 0))
STEP_PX = 16


class PatternCamera:
    """Colour bars with a white block that runs along the lower edge, at a fixed rate.

    Args:
        frames: end after so many; None: never.
    """

    live = True

    def __init__(
        self, name: str, clock: Clock, *, fps: float = 10.0, size: Size = SIZE, frames: int | None = None
    ) -> None:
        self.name = name
        self._frames = frames
        self._clock = clock
        self._interval_s = 1 / fps
        self._background = _bars(size)
        self._sequence = 0
        self._due_s = 0.0

    @property
    def ended(self) -> bool:
        return self._frames is not None and self._sequence >= self._frames

    def open(self) -> None:
        self._sequence = 0
        self._due_s = time.monotonic()

    def read(self, timeout_s: float) -> Frame | None:
        if self.ended:
            return None
        wait_s = self._due_s - time.monotonic()
        if wait_s > timeout_s:
            time.sleep(timeout_s)
            return None
        if wait_s > 0:
            time.sleep(wait_s)
        self._due_s = max(self._due_s + self._interval_s, time.monotonic())
        frame = Frame(self.name, self._sequence, self._draw(), self._clock.now())
        self._sequence += 1
        return frame

    def _draw(self) -> Pixels:
        pixels = self._background.copy()
        block = max(1, pixels.shape[0] // 8)
        left = self._sequence * STEP_PX % max(1, pixels.shape[1] - block)
        pixels[-block:, left : left + block] = 255
        return pixels

    def close(self) -> None:
        """Nothing to let go of."""


def _bars(size: Size) -> Pixels:
    width, height = size
    colours = np.array(BARS, np.uint8)
    return np.repeat(colours[np.newaxis, np.arange(width) * len(BARS) // width], height, axis=0)
