"""From a stream's own time to boot time."""

JUMP_S = 2.0
"""A stream's time that goes so far away from the time of arrival has been set anew."""
EARLIER, LATER = 0.05, 0.002
"""How fast the place of packets follows the time of their arrival, in seconds a second. What comes sooner than expected tells that the
first packets had waited somewhere; what comes later has mostly waited itself."""
STEP_S = 0.001
"""Packets are decoded at least so far apart: MP4 knows no two at once."""


class Timeline:
    """Maps time stamps of one opening of a stream.

    The pace is the stream's own, which knows no jitter of the network; that the two clocks drift apart is made up for slowly.
    """

    def __init__(self) -> None:
        self._offset_s: float | None = None
        self._own_s = 0.0
        self._last_s = float("-inf")

    def place(self, pts_s: float | None, dts_s: float | None, arrived_s: float) -> tuple[float, float]:
        """`boot_s` and `dts_s` of a packet. Without time stamps it is shown when it arrived."""
        own_s = dts_s if dts_s is not None else pts_s
        if own_s is None:
            own_s, offset_s = arrived_s, 0.0
        else:
            offset_s = self._follow(own_s, arrived_s)
        delay_s = pts_s - own_s if pts_s is not None else 0.0
        if not 0.0 <= delay_s < JUMP_S:
            delay_s = 0.0  # one of the two is wrong: the camera's clock was set, or the packet is damaged
        placed_s = max(own_s + offset_s, self._last_s + STEP_S)
        self._last_s = placed_s
        return placed_s + delay_s, placed_s

    def _follow(self, own_s: float, arrived_s: float) -> float:
        offset_s = arrived_s - own_s
        if self._offset_s is None or not -JUMP_S < offset_s - self._offset_s < JUMP_S:
            self._offset_s, self._own_s = offset_s, own_s
        passed_s = max(0.0, own_s - self._own_s)
        self._own_s = own_s
        self._offset_s += min(LATER * passed_s, max(-EARLIER * passed_s, offset_s - self._offset_s))
        return self._offset_s
