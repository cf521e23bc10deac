"""What wall times are worth: events that began before the clock was set are put right when it is, from boot time, which never jumps."""

import threading
from collections.abc import Callable

import msgspec

from edge.clock import Clock, Instant, local_day
from edge.events.message import message_of
from edge.store.events import EventStore
from edge.store.port import Event, Record

ASK_EVERY_S = 1.0
BATCH = 50


class WallClock:
    """Marks events, and corrects those of this boot that began before the clock was right.

    Args:
        synchronised: whether something keeps the wall clock right; None: nobody can tell, and it is taken as right.
        wake: called when messages were put into the outbox. Must not block.

    Thread: any.
    """

    def __init__(
        self, clock: Clock, synchronised: Callable[[], bool | None], device: str, wake: Callable[[], None]
    ) -> None:
        self._device = device
        self._wake = wake
        self._clock = clock
        self._synchronised = synchronised
        self._lock = threading.Lock()
        self._asked_boot_s = float("-inf")
        self._is_right = True
        self._was_wrong = False
        self._set_at: Instant | None = None

    def mark(self, event: Event) -> Event:
        """The event with its `clock`, and with right times as soon as they are known."""
        right, set_at = self._now()
        if not right:
            return msgspec.structs.replace(event, clock="unsynchronised")
        if set_at is None or event.started.boot_s >= set_at.boot_s or event.boot_id != self._clock.boot_id:
            return event
        return _corrected(event, set_at)

    def today(self) -> int | None:
        """The day in local time; None while the clock is not right."""
        right, _ = self._now()
        return local_day(self._clock.now().wall_s) if right else None

    def correct_kept(self, store: EventStore) -> int:
        """Put right some events that ended before the clock was; how many. Each is told as `updated`.

        Raises:
            StoreError: the database failed; nothing of the batch was changed.
        """
        right, set_at = self._now()
        if not right:
            return 0
        late = store.unsynchronised(self._clock.boot_id, BATCH)
        if late and set_at is None:  # of an earlier run in this boot
            set_at = self._clock.now()
        records = []
        for event in late:
            better = _corrected(msgspec.structs.replace(event, revision=event.revision + 1), set_at or event.started)
            records.append(Record((better,), (message_of("updated", better, self._device),)))
        if records:
            store.commit(records)
            self._wake()
        return len(records)

    def _now(self) -> tuple[bool, Instant | None]:
        """Whether the clock is right, and when it became so, if this run saw it wrong."""
        with self._lock:
            now = self._clock.now()
            if now.boot_s - self._asked_boot_s >= ASK_EVERY_S:
                self._asked_boot_s = now.boot_s
                self._is_right = self._synchronised() is not False
                if not self._is_right and self._set_at is None:
                    self._was_wrong = True
                if self._is_right and self._was_wrong and self._set_at is None:
                    self._set_at = now
            return self._is_right or self._set_at is not None, self._set_at


def _corrected(event: Event, right: Instant) -> Event:
    offset_s = right.wall_s - right.boot_s
    return msgspec.structs.replace(
        event,
        started=Instant(event.started.boot_s + offset_s, event.started.boot_s),
        seen=Instant(event.seen.boot_s + offset_s, event.seen.boot_s),
        clock="corrected",
    )
