"""Whether an event is what a rule is about. Pure: time is an argument."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from edge.clock import Instant
from edge.events.arming import Period, planned
from edge.store.port import Event

PICTURES = "snapshot"
"""Label of the events that are pictures taken on request: a rule without labels is not about them, so that it cannot set itself off."""
STALE_S = 120.0
"""Nobody wants a siren for what happened so long ago: while the card could not be written, events waited."""
REMEMBERED = 1024
"""Events that are over: what a second look found may follow."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be true of an event; empty: anything. `zones`: it has been in one of them."""

    cameras: frozenset[str] = frozenset()
    labels: frozenset[str] = frozenset()
    zones: frozenset[str] = frozenset()
    min_score: float = 0.0
    period: Period | None = None
    armed: bool | None = None

    def holds(self, event: Event, *, armed: bool) -> bool:
        """Of an event at the time at which it was seen last."""
        return (
            (not self.cameras or event.camera in self.cameras)
            and (event.label in self.labels or (not self.labels and event.label != PICTURES))
            and (not self.zones or bool(self.zones.intersection(event.zones)))
            and event.score >= self.min_score
            and self.armed in (None, armed)
            and self._in_period(event)
        )

    def _in_period(self, event: Event) -> bool:
        return self.period is None or planned([self.period], event.camera, datetime.fromtimestamp(event.seen.wall_s))


class Trigger:
    """When a rule goes off: once an event, and not again within `cooldown_s`.

    Args:
        on: `start`: as soon as the condition holds; `end`: when the event is over and it holds.

    Thread: one caller at a time.
    """

    def __init__(self, condition: Condition, on: Literal["start", "end"] = "start", cooldown_s: float = 0.0) -> None:
        self._condition = condition
        self._on = on
        self._cooldown_s = cooldown_s
        self._open: OrderedDict[str, None] = OrderedDict()
        self._over: OrderedDict[str, None] = OrderedDict()
        self._at_s: float | None = None

    def fires(self, event: Event, *, armed: bool, now: Instant) -> bool:
        """For each revision of an event, in their order."""
        due = self._is_due(event, now) and self._condition.holds(event, armed=armed)
        self._remember(event, due)
        if not due:
            return False
        if self._at_s is not None and now.boot_s - self._at_s < self._cooldown_s:
            return False
        self._at_s = now.boot_s
        return True

    def _remember(self, event: Event, due: bool) -> None:
        """What has set it off, as long as it goes on; and the newest of what is over."""
        if not due and event.id not in self._open:
            return
        if event.end_reason is not None:
            self._open.pop(event.id, None)
        ids = self._open if event.end_reason is None else self._over
        ids[event.id] = None
        # So much never goes on at once, but an end may have been let go when too many events came.
        if len(ids) > REMEMBERED:
            ids.popitem(last=False)

    def _is_due(self, event: Event, now: Instant) -> bool:
        """What a killed program left open is over long since, and its times are of another boot."""
        if event.id in self._open or event.id in self._over:
            return False
        if event.end_reason == "interrupted" or now.boot_s - event.seen.boot_s > STALE_S:
            return False
        return self._on == "start" or event.end_reason is not None
