"""What the store keeps: events, their pictures, and messages that wait to be sent."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import msgspec

from edge.camera.still import Still
from edge.clock import Instant
from edge.geometry import Box, KeyPoint

EndReason = Literal["left", "camera", "stopped", "interrupted", "still", "disarmed"]
"""Why an event ended: its thing left · the camera stopped or its file ended · the program stopped in order · the program was killed and
found the event open when it came back · a stored picture has no before and after · the camera was disarmed."""


ClockState = Literal["synchronised", "unsynchronised", "corrected"]
"""What an event's wall times are worth: the clock was right · it was not (yet) and what it said stands · it was not, and the times were
put right when it was, later in the same boot."""


class Picture(msgspec.Struct, frozen=True):
    """A JPEG file in the picture folder, named by its content."""

    sha256: str
    width_px: int
    height_px: int
    size_bytes: int

    @property
    def path(self) -> str:
        """Relative to the picture folder."""
        return path_of_hash(self.sha256)


def path_of_hash(sha256: str) -> str:
    """Of the picture with this content, below the picture folder."""
    return f"{sha256[:2]}/{sha256}.jpg"


class Crossing(NamedTuple):
    """A counting line was crossed by a thing of that label."""

    line: str
    label: str
    way: Literal["in", "out"]


class PathPoint(NamedTuple):
    """Where a thing stood, in 0..1 of the picture, and how many seconds after its first sight."""

    x: float
    y: float
    since_start_s: float


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was seen, from its first frame to its last.

    `revision` grows with every change that is published. `score` is the best so far; `box` is where the thing is in
    `picture`. `end_reason` is None while the thing is there. `source` is the file of a stored picture. `picture` is None
    when it could not be kept. `sub_label`, `sub_score` and `keypoints` are what a second look found, None when there was none or it
    found nothing. `zones` are all that it has been in so far, in the order of entering, `current_zones` those that it is in. `path` is
    empty until it is over. `clock` says what the wall times are worth. `kept` is a person's wish:
    `EventStore.keep` sets it, `commit` never does.
    """

    id: str
    camera: str
    label: str
    score: float
    box: Box
    started: Instant
    seen: Instant
    boot_id: str
    revision: int = 1
    end_reason: EndReason | None = None
    source: str | None = None
    picture: Picture | None = None
    sub_label: str | None = None
    sub_score: float | None = None
    keypoints: tuple[KeyPoint, ...] | None = None
    zones: tuple[str, ...] = ()
    current_zones: tuple[str, ...] = ()
    stationary: bool = False
    path: tuple[PathPoint, ...] = ()
    clock: ClockState = "synchronised"
    kept: bool = False

    @property
    def title(self) -> str:
        """Label and sub-label, for people."""
        return title_of(self.label, self.sub_label)


ClipTrigger = Literal["track", "button", "command"]


class Clip(msgspec.Struct, frozen=True, kw_only=True):
    """A finished MP4 file in the clip folder, named by its id. `started` is the first picture in it; `events` are those it shows."""

    id: str
    camera: str
    trigger: ClipTrigger
    started: Instant
    boot_id: str
    duration_s: float
    size_bytes: int
    sha256: str
    events: tuple[str, ...] = ()


Importance = Literal[0, 1, 2]
"""What goes first when the outbox is full: 0 updates, then 1 everything else, then 2 starts and ends."""


@dataclass(frozen=True, slots=True)
class Message:
    """Something to be published: `topic` below the device's own, and the payload."""

    topic: str
    payload: bytes
    importance: Importance = 1


def title_of(label: str, sub_label: str | None) -> str:
    return f"{label} ({sub_label})" if sub_label else label


class Switch(NamedTuple):
    """Something that a person has set by hand, and when."""

    on: bool
    at_wall_s: float
    boot_id: str = ""
    """Of the boot whose clock was not set yet: only `at_boot_s` is right. Empty: `at_wall_s` is."""
    at_boot_s: float = 0.0


class Waiting(NamedTuple):
    """A message in the outbox; `seq` only grows."""

    seq: int
    topic: str
    payload: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """What belongs into one transaction: all of it is kept, or nothing."""

    events: tuple[Event, ...] = ()
    messages: tuple[Message, ...] = ()
    still: tuple[str, Still] | None = field(default=None)
    """Camera and stored picture that this record finishes."""
    new_pictures: frozenset[str] = frozenset()
    """Hashes of those pictures whose file was written for this record; any other was there before, and is shared."""
    clip: Clip | None = None
    """Its file stands under its name already."""
    crossings: tuple[tuple[Crossing, int], ...] = ()
    """Each with the day on which it is counted (`edge.clock.local_day`)."""
