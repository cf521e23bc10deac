"""Nothing was seen and nobody asked for anything for a while."""

from edge.clock import Clock, Instant


class Idleness:
    """Counts from the start, then from the last `touch`. Thread: any.

    Args:
        after_s: idle when the last touch is so long ago.
    """

    def __init__(self, clock: Clock, after_s: float) -> None:
        self._clock = clock
        self._after_s = after_s
        self._touched_s = clock.now().boot_s

    def touch(self) -> None:
        """Something was seen or asked for."""
        self._touched_s = self._clock.now().boot_s

    def __call__(self, now: Instant) -> bool:
        return now.boot_s - self._touched_s >= self._after_s
