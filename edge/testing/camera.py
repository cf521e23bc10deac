"""A camera that gives frames from memory."""

from collections.abc import Sequence

from edge.camera.port import Frame, Pixels
from edge.clock import Instant


class MemoryCamera:
    """Gives each picture once, `interval_s` apart, none dropped.

    Args:
        start: when the first was taken.
    """

    live = False

    def __init__(self, name: str, pictures: Sequence[Pixels], *, start: Instant, interval_s: float = 0.1) -> None:
        self.name = name
        self._pictures = pictures
        self._start = start
        self._interval_s = interval_s
        self._sequence = 0

    @property
    def ended(self) -> bool:
        return self._sequence >= len(self._pictures)

    def open(self) -> None:
        self._sequence = 0

    def read(self, timeout_s: float) -> Frame | None:
        if self.ended:
            return None
        taken = self._start.later(self._sequence * self._interval_s)
        frame = Frame(self.name, self._sequence, self._pictures[self._sequence], taken)
        self._sequence += 1
        return frame

    def close(self) -> None:
        """Nothing to let go of."""
