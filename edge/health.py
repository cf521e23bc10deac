"""How the parts of the device are: the newest condition of each, told to whoever listens when it changes."""

import threading
from collections.abc import Callable
from typing import Literal

import msgspec

from edge.clock import Clock, Instant

Part = Literal["camera", "accelerator", "card", "motion", "gpio", "button", "light", "page"]
State = Literal["running", "failed", "stalled", "ended", "degraded", "absent", "moving", "still", "full"]
"""running · failed: an error, it is tried again · stalled: silent without an error · ended: a finite source is over · degraded: something
else serves in its place · absent: not there · moving, still: what a camera sees · full: no room, so that pictures are not kept."""


TROUBLE = frozenset({"failed", "stalled", "degraded", "absent", "full"})


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """How one part is. `cause` says in words why, empty when it is well; `before` is the state that this one followed."""

    part: Part
    name: str
    state: State
    cause: str
    since: Instant
    before: State | None = None

    @property
    def is_news(self) -> bool:
        """Something went wrong, or is well again; not that a start or an end went as it should."""
        return self.state in TROUBLE or self.before in TROUBLE


Listener = Callable[[Condition], None]


class Health:
    """Keeps the newest condition of each part and passes changes on.

    Thread: any; listeners are called in the reporter's thread, one at a time, and must not block for long.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._conditions: dict[tuple[str, str], Condition] = {}
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Be told of every change from now on."""
        self._listeners.append(listener)

    def report(self, part: Part, name: str, state: State, cause: str = "") -> None:
        """Say how a part is; saying the same state again changes nothing."""
        with self._lock:
            known = self._conditions.get((part, name))
            if known is not None and known.state == state:
                return
            before = known.state if known is not None else None
            condition = Condition(
                part=part, name=name, state=state, cause=cause, since=self._clock.now(), before=before
            )
            self._conditions[part, name] = condition
            for listener in self._listeners:
                listener(condition)

    def conditions(self) -> list[Condition]:
        with self._lock:
            return list(self._conditions.values())
