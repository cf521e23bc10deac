"""A tree of topics as Frigate has it, so that what people built for Frigate's MQTT works.

Facts from its documentation (integrations/mqtt): ids, times as Unix seconds, boxes in pixels, `new`, `update` and `end` with the object
before and after. What this device does not know is null, false, zero or left out.
"""

from collections import Counter, OrderedDict

import msgspec

from edge import __version__
from edge.actions.standard import SNAPSHOT
from edge.events.port import Kind
from edge.mqtt.messages import StatsMessage
from edge.mqtt.showcase import View
from edge.mqtt.summary import motion
from edge.mqtt.topics import level, whole
from edge.store.port import Event, Message

TYPES = {"started": "new", "updated": "update", "ended": "end"}
REMEMBERED = 256
"""Objects whose last state is known: more are hardly there at once."""
FRAME_PX = (1280, 720)
"""In which boxes are given when no picture says better."""


class FrigateObject(msgspec.Struct, frozen=True, kw_only=True):
    """An event as Frigate's `before` and `after`."""

    id: str
    camera: str
    frame_time: float
    snapshot_time: float | None
    label: str
    sub_label: tuple[str, float] | None
    top_score: float
    false_positive: bool
    start_time: float
    end_time: float | None
    score: float
    box: tuple[int, int, int, int]
    area: int
    ratio: float
    region: tuple[int, int, int, int]
    active: bool
    stationary: bool
    motionless_count: int
    position_changes: int
    attributes: dict[str, float]
    current_attributes: tuple[str, ...]
    current_zones: tuple[str, ...]
    entered_zones: tuple[str, ...]
    thumbnail: None
    has_clip: bool
    has_snapshot: bool


class FrigateEvent(msgspec.Struct, frozen=True, kw_only=True):
    """On `<frigate_prefix>/events`."""

    type: str
    before: FrigateObject
    after: FrigateObject


class FrigateEvents:
    """Makes Frigate's message of each change. Thread: one."""

    def __init__(self, prefix: str) -> None:
        self._topic = whole(f"{prefix}/events")
        self._before: OrderedDict[str, FrigateObject] = OrderedDict()

    def __call__(self, kind: Kind, event: Event) -> list[Message]:
        if event.label == SNAPSHOT:
            return []
        after = _object(event)
        before = self._before.pop(event.id, None) or msgspec.structs.replace(
            after, false_positive=kind == "started", end_time=None
        )
        if kind != "ended":
            self._before[event.id] = after
            if len(self._before) > REMEMBERED:
                self._before.popitem(last=False)
        body = FrigateEvent(type=TYPES[kind], before=before, after=after)
        return [Message(self._topic, msgspec.json.encode(body), 0 if kind == "updated" else 1)]


def _object(event: Event) -> FrigateObject:
    width, height = (event.picture.width_px, event.picture.height_px) if event.picture else FRAME_PX
    box = tuple(round(value * size) for value, size in zip(event.box, (width, height) * 2, strict=True))
    across, down = max(1, box[2] - box[0]), max(1, box[3] - box[1])
    ended = event.end_reason is not None
    return FrigateObject(
        id=event.id,
        camera=event.camera,
        frame_time=event.seen.wall_s,
        snapshot_time=event.started.wall_s if event.picture else None,
        label=level(event.label),
        sub_label=(event.sub_label, round(event.sub_score or 0.0, 4)) if event.sub_label else None,
        top_score=round(event.score, 4),
        false_positive=False,
        start_time=event.started.wall_s,
        end_time=event.seen.wall_s if ended else None,
        score=round(event.score, 4),
        box=(box[0], box[1], box[2], box[3]),
        area=across * down,
        ratio=round(across / down, 2),
        region=(0, 0, width, height),
        active=not ended and not event.stationary,
        stationary=event.stationary,
        motionless_count=0,
        position_changes=0,
        attributes={},
        current_attributes=(),
        current_zones=event.current_zones,
        entered_zones=event.zones,
        thumbnail=None,
        has_clip=False,
        has_snapshot=event.picture is not None,
    )


class FrigateSheet:
    """The retained topics: counts, motion and stats. Pictures come from `Showing`."""

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix

    def __call__(self, view: View) -> list[Message]:
        cameras = [camera.name for camera in view.summary.cameras]
        made = {"available": b"online"}
        counts = Counter(dict.fromkeys(((camera, "all") for camera in cameras), 0))
        for shown in view.shown:
            if shown.label != SNAPSHOT:
                counts[shown.camera, level(shown.label)] += shown.count
                counts[shown.camera, "all"] += shown.count
        made |= {f"{camera}/{label}": b"%d" % count for (camera, label), count in counts.items()}
        made |= {f"{camera}/motion": payload for camera, payload in motion(view.conditions).items()}
        if view.stats is not None:
            made["stats"] = msgspec.json.encode(_stats(view, view.stats))
        return [Message(whole(f"{self._prefix}/{below}"), payload) for below, payload in made.items()]

    def snapshot(self, camera: str, label: str) -> str:
        """Where a label's picture is."""
        return whole(f"{self._prefix}/{camera}/{level(label)}/snapshot")

    @property
    def farewell(self) -> Message:
        return Message(whole(f"{self._prefix}/available"), b"offline")


def _stats(view: View, stats: StatsMessage) -> dict[str, object]:
    accelerator = view.summary.accelerator
    name = accelerator.name if accelerator is not None and accelerator.state == "running" else "cpu"
    return {
        "detection_fps": stats.frames_per_s,
        "detectors": {name: {"inference_speed": stats.inference_ms or 0.0}},
        "cameras": {camera.name: {"detection_enabled": camera.armed is not False} for camera in view.summary.cameras},
        "service": {
            "uptime": round(stats.uptime_s),
            "version": __version__,
            "temperatures": {} if stats.temperature_c is None else {"cpu": stats.temperature_c},
        },
    }
