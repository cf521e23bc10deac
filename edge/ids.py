"""Event ids: UUIDv7 (RFC 9562), so that they sort by the time of their making, across restarts too."""

import secrets
import threading
import uuid

from edge.clock import Clock

_COUNTER_BITS = 12


class IdSource:
    """Makes ids that only ever grow.

    The first 48 bits are milliseconds of wall time, the next 12 a counter within the millisecond, the rest is random. When the clock
    stands still or goes back, the last millisecond is kept and counted on, so that the order of the ids is the order of making.

    Args:
        clock: where wall time comes from.
        after: the newest id already in use (empty: none). Ids made from now on sort behind it even if the clock has gone back.

    Thread: any.
    """

    def __init__(self, clock: Clock, after: str = "") -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._last = uuid.UUID(after).int >> 64 if after else 0

    def next(self) -> str:
        now_ms = int(self._clock.now().wall_s * 1000)
        with self._lock:
            self._last = max(_head(now_ms, 0), _successor(self._last))
            head = self._last
        # Version 7 stands in the head already; the variant is 0b10.
        return str(uuid.UUID(int=head << 64 | 0b10 << 62 | secrets.randbits(62)))


def _head(milliseconds: int, counter: int) -> int:
    return milliseconds << 16 | 7 << 12 | counter


def _successor(head: int) -> int:
    milliseconds, counter = head >> 16, head & ((1 << _COUNTER_BITS) - 1)
    if counter + 1 < 1 << _COUNTER_BITS:
        return _head(milliseconds, counter + 1)
    return _head(milliseconds + 1, 0)
