"""How the parts of the device are: the newest condition of each, told to whoever listens when it changes."""

import threading
from collections.abc import Callable
from typing import Literal

import msgspec

from edge.clock import Clock, Instant

Part = Literal[
    "camera",
    "accelerator",
    "broker",
    "outbox",
    "card",
    "clips",
    "motion",
    "gpio",
    "button",
    "light",
    "input",
    "output",
    "rule",
    "page",
    "power",
    "network",
    "heat",
    "storage",
    "configuration",
    "program",
]
State = Literal[
    "running", "failed", "stalled", "ended", "degraded", "absent", "moving", "still", "full", "on", "off",
    "flushing", "asking", "pairing", "safe", "fault", "busy", "starting", "private", "missing", "armed",
]  # fmt: skip
"""running · failed: an error, it is tried again · stalled: silent without an error · ended: a finite source is over · degraded: something
else serves in its place · absent: not there · moving, still: what a camera sees · full: no room, so that pictures are not kept · on, off:
what an input says, what an output does · flushing, safe: the program writes what it has, and has done so and rests · asking to armed: what
the light says (`edge.buttons.light`)."""


TROUBLE = frozenset({"failed", "stalled", "degraded", "absent", "full"})
DISPENSABLE = frozenset({"accelerator", "gpio", "network"})
CAUSE_S = 10.0
"""A new cause of the same state is told at most this often."""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """How one part is. `cause` says in words why, empty when it is well; `before` is the state that this one followed.

    `before` is `state` when only the cause is new.
    """

    part: Part
    name: str
    state: State
    cause: str
    since: Instant
    before: State | None = None

    @property
    def is_trouble(self) -> bool:
        """Something is not as it should be. What is absent and may never have been wanted is none: an offline device is a whole one, and
        one that has to reach a broker says so of the broker."""
        return self.state in TROUBLE and not (self.state == "absent" and self.part in DISPENSABLE)

    @property
    def is_news(self) -> bool:
        """Something went wrong, or is well again; not that a start or an end went as it should."""
        return self.before != self.state and (self.state in TROUBLE or self.before in TROUBLE)


Listener = Callable[[Condition], None]


class Health:
    """Keeps the newest condition of each part and passes changes on.

    Thread: any; listeners are called in the reporter's thread, one at a time, and must not block for long. `conditions` waits for none.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._telling = threading.Lock()
        self._lock = threading.Lock()
        self._conditions: dict[tuple[str, str], Condition] = {}
        self._told_s: dict[tuple[str, str], float] = {}
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Be told of every change from now on."""
        self._listeners.append(listener)

    def report(self, part: Part, name: str, state: State, cause: str = "") -> None:
        """Say how a part is; saying the same again changes nothing, and a new cause is told when the last is `CAUSE_S` old."""
        with self._telling:
            now, known = self._clock.now(), self._conditions.get((part, name))
            since, before = now, known.state if known is not None else None
            if known is not None and known.state == state:
                if known.cause == cause or now.boot_s - self._told_s[part, name] < CAUSE_S:
                    return
                since = known.since
            condition = Condition(part=part, name=name, state=state, cause=cause, since=since, before=before)
            with self._lock:
                self._conditions[part, name] = condition
            self._told_s[part, name] = now.boot_s
            for listener in self._listeners:
                listener(condition)

    def conditions(self) -> list[Condition]:
        with self._lock:
            return list(self._conditions.values())
