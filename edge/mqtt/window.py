"""Which messages of the outbox were handed to the broker, and which of those may be forgotten. Pure bookkeeping."""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import islice

GRACE_S = 60.0
GRACE_MESSAGES = 500
"""A broker that is killed may lose what it acknowledged but had not yet written. So what was acknowledged stays for so long, at most so
many, to be sent again when the broker comes back."""
RECENT_S = 10.0
"""As `GRACE_S`, for a broker that still knows our session: it lost little if anything."""
BATCH = 500
BATCH_S = 10.0
"""What may be forgotten is deleted so many at a time, or so often: each deletion writes to the card."""
KEPT_MOST = 20_000
"""Of what was acknowledged and cannot be deleted, because the database fails: so many are remembered, so as not to be sent again."""


class Window:
    """`position` is the last message that was looked at; all times are monotonic seconds.

    A message is waiting → in flight → kept (acknowledged) → expired. A lost connection sends all back to waiting but those kept; a new one
    sends back those of the kept ones that its broker may have lost.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._in_flight: dict[int, int] = {}
        self._kept: OrderedDict[int, float] = OrderedDict()
        self._lost_at_s = 0.0
        self.position = 0
        self.refused = 0
        """Messages that the broker of this connection did not want; they are tried again at the next."""

    @property
    def room(self) -> int:
        """How many more may be handed over."""
        return self._size - len(self._in_flight) if len(self._kept) < KEPT_MOST else 0

    @property
    def in_flight(self) -> int:
        """Handed over and not yet acknowledged."""
        return len(self._in_flight)

    @property
    def is_idle(self) -> bool:
        """Everything that was handed over has been acknowledged."""
        return not self._in_flight and not self.refused

    @property
    def keeps_any(self) -> bool:
        return bool(self._kept)

    def opened(self, size: int, *, session_present: bool) -> None:
        self._size = size
        doubtful_since_s = self._lost_at_s - (RECENT_S if session_present else GRACE_S)
        for seq in [seq for seq, at_s in self._kept.items() if at_s >= doubtful_since_s]:
            del self._kept[seq]
        self._start_over()

    def closed(self, now_s: float) -> None:
        self._lost_at_s = now_s
        self._start_over()

    def _start_over(self) -> None:
        self._in_flight.clear()
        self.position = 0
        self.refused = 0

    def is_settled(self, seq: int) -> bool:
        return seq in self._kept

    def sent(self, mid: int, seq: int) -> None:
        self._in_flight[mid] = seq

    def acknowledged(self, mid: int, now_s: float) -> bool:
        """Whether it was one of ours."""
        seq = self._in_flight.pop(mid, None)
        if seq is not None:
            self._kept[seq] = now_s
        return seq is not None

    def refuse(self, mid: int) -> bool:
        """Whether it was one of ours."""
        ours = self._in_flight.pop(mid, None) is not None
        self.refused += ours
        return ours

    def expired(self, now_s: float) -> list[int]:
        """What may be forgotten, when it is worth a deletion: the same again until `forget`."""
        if len(self._kept) >= GRACE_MESSAGES + BATCH:
            return list(islice(self._kept, len(self._kept) - GRACE_MESSAGES))
        if self._kept and next(iter(self._kept.values())) < now_s - GRACE_S - BATCH_S:
            return [seq for seq, at_s in self._kept.items() if at_s < now_s - GRACE_S]
        return []

    def kept(self) -> list[int]:
        """Everything that was acknowledged and not forgotten."""
        return list(self._kept)

    def forget(self, seqs: Sequence[int]) -> None:
        """These were deleted."""
        for seq in seqs:
            del self._kept[seq]
