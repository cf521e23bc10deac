"""A clock that goes only when it is told to."""

from edge.clock import Instant


class SimulatedClock:
    """`edge.clock.Clock` set by hand. Wall and boot time move together in `advance`; `set_wall` moves wall time alone."""

    def __init__(self, wall_s: float = 1_700_000_000.0, boot_s: float = 100.0, boot_id: str = "simulated") -> None:
        self._now = Instant(wall_s, boot_s)
        self.boot_id = boot_id

    def now(self) -> Instant:
        return self._now

    def advance(self, seconds: float) -> None:
        self._now = self._now.later(seconds)

    def set_wall(self, wall_s: float) -> None:
        self._now = Instant(wall_s, self._now.boot_s)
