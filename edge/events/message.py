"""The event as it is published: the wire contract of docs/mqtt.md."""

from typing import Literal

import msgspec

from edge.clock import Instant, iso_utc
from edge.events.port import Kind
from edge.geometry import KeyPoint
from edge.health import Condition
from edge.store.clips import FOLDER_NAME as CLIPS
from edge.store.clips import relative_path
from edge.store.pictures import FOLDER_NAME as PICTURES
from edge.store.port import Clip, ClipTrigger, ClockState, Crossing, EndReason, Event, Message, Picture

TOPIC = "events"
NOTICES = "notices"
COUNTS = "counts"


class PictureMessage(msgspec.Struct, frozen=True):
    """The evidence. `path` is relative to the device's data folder."""

    path: str
    sha256: str
    width_px: int
    height_px: int
    size_bytes: int


class EventMessage(msgspec.Struct, frozen=True, kw_only=True):
    """One change of one event. `id` and `revision` together name the message: a second one with both alike is the same message."""

    schema: Literal[1] = 1
    type: Kind
    id: str
    revision: int
    device: str
    camera: str
    label: str
    score: float
    box: tuple[float, float, float, float]
    started_at: str
    seen_at: str
    ended_at: str | None
    end_reason: EndReason | None
    source: str | None
    picture: PictureMessage | None
    boot_id: str
    started_boot_s: float
    sub_label: str | None = None
    sub_score: float | None = None
    keypoints: tuple[tuple[str, float, float, float], ...] | None = None
    zones: tuple[str, ...] = ()
    current_zones: tuple[str, ...] = ()
    stationary: bool = False
    path: tuple[tuple[float, float, float], ...] = ()
    clock: ClockState = "synchronised"
    replayed: bool | msgspec.UnsetType = msgspec.UNSET
    """Put in when it is sent: an absence of the connection, or a stop of the program, lies between its making and this sending."""


def message_of(kind: Kind, event: Event, device: str) -> Message:
    return Message(TOPIC, msgspec.json.encode(body_of(kind, event, device)), 0 if kind == "updated" else 2)


def body_of(kind: Kind, event: Event, device: str) -> EventMessage:
    ended_at = iso_utc(event.seen.wall_s) if event.end_reason is not None else None
    left, top, right, bottom = (round(value, 4) for value in event.box)
    return EventMessage(
        type=kind,
        id=event.id,
        revision=event.revision,
        device=device,
        camera=event.camera,
        label=event.label,
        score=round(event.score, 4),
        box=(left, top, right, bottom),
        started_at=iso_utc(event.started.wall_s),
        seen_at=iso_utc(event.seen.wall_s),
        ended_at=ended_at,
        end_reason=event.end_reason,
        source=event.source,
        picture=_picture(event.picture),
        boot_id=event.boot_id,
        started_boot_s=round(event.started.boot_s, 3),
        sub_label=event.sub_label,
        sub_score=round(event.sub_score, 4) if event.sub_score is not None else None,
        keypoints=_keypoints(event.keypoints),
        zones=event.zones,
        current_zones=event.current_zones,
        stationary=event.stationary,
        path=tuple((point.x, point.y, point.since_start_s) for point in event.path),
        clock=event.clock,
    )


class CrossingMessage(msgspec.Struct, frozen=True, kw_only=True):
    """Something crossed a counting line."""

    schema: Literal[1] = 1
    device: str
    line: str
    label: str
    way: Literal["in", "out"]
    at: str


def crossing_message(crossing: Crossing, at: Instant, device: str) -> Message:
    body = CrossingMessage(
        device=device, line=crossing.line, label=crossing.label, way=crossing.way, at=iso_utc(at.wall_s)
    )
    return Message(f"{COUNTS}/{crossing.line}", msgspec.json.encode(body))


def _keypoints(points: tuple[KeyPoint, ...] | None) -> tuple[tuple[str, float, float, float], ...] | None:
    if points is None:
        return None
    return tuple((point.name, round(point.x, 4), round(point.y, 4), round(point.score, 4)) for point in points)


def _picture(picture: Picture | None) -> PictureMessage | None:
    if picture is None:
        return None
    path = f"{PICTURES}/{picture.path}"
    return PictureMessage(path, picture.sha256, picture.width_px, picture.height_px, picture.size_bytes)


class ClipMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A clip that is finished and kept. `path` is relative to the device's data folder."""

    schema: Literal[1] = 1
    id: str
    device: str
    camera: str
    trigger: ClipTrigger
    events: tuple[str, ...]
    path: str
    started_at: str
    started_boot_s: float
    boot_id: str
    duration_s: float
    size_bytes: int
    sha256: str


def clip_message(clip: Clip, device: str) -> Message:
    return Message(CLIPS, msgspec.json.encode(clip_body(clip, device)))


def clip_body(clip: Clip, device: str) -> ClipMessage:
    return ClipMessage(
        id=clip.id,
        device=device,
        camera=clip.camera,
        trigger=clip.trigger,
        events=clip.events,
        path=f"{CLIPS}/{relative_path(clip.id)}",
        started_at=iso_utc(clip.started.wall_s),
        started_boot_s=round(clip.started.boot_s, 3),
        boot_id=clip.boot_id,
        duration_s=round(clip.duration_s, 3),
        size_bytes=clip.size_bytes,
        sha256=clip.sha256,
    )


class StateMessage(msgspec.Struct, frozen=True, kw_only=True):
    """How a part of the device is, since when and why."""

    schema: Literal[1] = 1
    device: str
    part: str
    name: str
    state: str
    cause: str
    since_at: str
    since_boot_s: float
    boot_id: str
    replayed: bool | msgspec.UnsetType = msgspec.UNSET
    """Of notices, as in EventMessage."""


def state_message(condition: Condition, device: str, boot_id: str) -> Message:
    """The condition as a retained state, on a topic of its own."""
    body = StateMessage(
        device=device,
        part=condition.part,
        name=condition.name,
        state=condition.state,
        cause=condition.cause,
        since_at=iso_utc(condition.since.wall_s),
        since_boot_s=round(condition.since.boot_s, 3),
        boot_id=boot_id,
    )
    return Message(f"state/{condition.part}/{condition.name}", msgspec.json.encode(body))


def notice_message(condition: Condition, device: str, boot_id: str) -> Message:
    """The same as an event among others: kept in the outbox, so that a change during an outage is told later."""
    return Message(NOTICES, state_message(condition, device, boot_id).payload)
