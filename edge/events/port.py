"""What the room of events gives: what has changed about which event, and what one frame led to."""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

from edge.camera.port import Frame
from edge.camera.still import Still
from edge.clock import Instant
from edge.geometry import Box
from edge.recognition.port import Insight
from edge.store.port import Crossing, Event

Kind = Literal["started", "updated", "ended"]


class Change(NamedTuple):
    """An event has begun, something of it has changed, or it has ended.

    `frame` is the picture to keep with it; None: the one that it has already.
    """

    kind: Kind
    event: Event
    frame: Frame | None


class Outcome(NamedTuple):
    """All that one frame led to.

    `still` is the camera and the stored picture that are done with it. `likely` are frames whose picture will probably be
    wanted with the next frame: what can be done for it now need not be waited for then. `crossings` are counting lines that were
    crossed, `at` is when.
    """

    changes: list[Change]
    still: tuple[str, Still] | None = None
    likely: Sequence[Frame] = ()
    crossings: Sequence[Crossing] = ()
    at: Instant = Instant(0.0, 0.0)


class Thing(NamedTuple):
    """Something that was found in the last look and is followed. `counts`: it was found often and surely enough for an event."""

    label: str
    score: float
    box: Box
    counts: bool
    stationary: bool


class Scene(NamedTuple):
    """What was found in the frame that was recognised last."""

    frame: Frame
    things: tuple[Thing, ...]


class LookRequest(NamedTuple):
    """Look again at the thing that is in `box` of `frame`."""

    event: str
    label: str
    box: Box
    frame: Frame


class LookResult(NamedTuple):
    """What became of a request: every one has exactly one."""

    request: LookRequest
    insight: Insight


class Looks(Protocol):
    """Second looks, done elsewhere. Thread: any."""

    def wants(self, label: str) -> bool:
        """Things of this label are looked at again."""
        ...

    def ask(self, request: LookRequest) -> None:
        """Look later; never waits. The result comes to `LifeCycle.on_look`."""
        ...

    def look(self, request: LookRequest) -> Insight:
        """Look now."""
        ...
