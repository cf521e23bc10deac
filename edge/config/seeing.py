"""Cameras, recognition, and what becomes an event."""

from typing import Annotated, Literal

import msgspec

from edge.config.section import Day, EvenPixels, Name, Seconds, Section, Share, TimeOfDay
from edge.polygons import Points

ClipMode = Literal["copy", "encode", "off"]


class Camera(Section, frozen=True):
    name: Name
    """Names the camera in topics and events: a-z, 0-9, - and _."""
    source: str
    """Address: `folder:PATH`, `file:PATH`, `picamera:`, `picamera:MODEL-OR-ID`, `v4l2:DEVICE`, `rtsp://…`, `rtsps://…`, `http://…`,
    `https://…` or `test:`."""
    username: str = ""
    """Network streams: who logs in, in place of what the address says."""
    password_file: str = ""
    """Network streams: file whose first line is the password."""
    transport: Literal["tcp", "udp"] = "tcp"
    """`rtsp:` how the pictures travel; udp loses some."""
    width: EvenPixels = 1280
    height: EvenPixels = 720
    """`picamera:` and `v4l2:` the size to ask for; a USB camera gives the nearest that it has."""
    rotation: Literal[0, 180] = 0
    """`picamera:` degrees, for a camera that hangs upside down."""
    exposure_us: Annotated[int, msgspec.Meta(ge=0, le=600_000_000)] = 0
    """`picamera:` exposure time in microseconds; 0: automatic. Longer than a frame: fewer frames."""
    gain: Annotated[float, msgspec.Meta(ge=0, le=64)] = 0.0
    """`picamera:` gain of the sensor; 0: automatic."""
    stall_after_s: Annotated[float, msgspec.Meta(ge=1.0, le=3600.0)] = 10.0
    """A live camera that gave no frame for so long is closed and opened again."""
    pace: Literal["realtime", "fast"] = "realtime"
    """`file:` as recorded, dropping frames when recognition is slower; or every frame, as fast as they are recognised."""
    loop: bool = False
    """`file:` starts again at its end."""
    remember: bool = True
    """`folder:` recognises each picture once, also over restarts; false: again at every start."""
    fps: Annotated[float, msgspec.Meta(gt=0, le=120)] = 10.0
    """`picamera:`, `v4l2:` and `test:` frames per second."""
    clips: ClipMode | None = None
    """As `clips.mode`, for this camera alone."""
    privacy: tuple[Points, ...] = ()
    """Polygons that are made grey before anything is recognised, kept or sent: `[[x, y], …]` each, in 0..1 from the upper left."""

    motion: bool = True
    """Recognition looks only when something moves (`[motion]`); false: at every frame. `folder:` looks at every picture anyway."""
    motion_masks: tuple[Points, ...] = ()
    """Polygons in which motion is none: trees, a road, a clock in the picture."""
    gate_input: str = ""
    """Recognition begins only while this `[[input]]` is active, and `gate_hold_s` after; what it follows already it follows to its end."""
    gate_hold_s: Seconds = 10.0
    only_zones: tuple[Name, ...] = ()
    """Events begin only for things that have been in one of these zones of this camera; empty: anywhere."""


class Motion(Section, frozen=True):
    enabled: bool = True
    """Look only when and where something moves; false: every camera at every frame."""
    threshold: Annotated[float, msgspec.Meta(ge=1.0, le=128.0)] = 20.0
    """Levels of 0 to 255 by which a place must change; a place that always changes needs more, a dim scene less."""
    min_area: Annotated[float, msgspec.Meta(ge=0.0, le=0.5)] = 0.0005
    """Share of the picture that must change in one connected area."""
    look_anyway_s: Seconds = 30.0
    """The whole picture is looked at so long after the last time, moved or not: for what stands still."""
    regions: bool = True
    """Look only at the part of the picture in which something moves, if it is small; false: always at all of it."""


class Detector(Section, frozen=True):
    model: str = "ssd_mobilenet_v2_oid"
    """A name from `edge models list`."""
    threads: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    """Threads of the runtime; 0: the idle cores at the start less one, 1 to 4 (more than idle cores make it slower)."""
    accelerator: Literal["auto", "edgetpu", "cpu"] = "auto"
    """`auto`: the Edge TPU when one is plugged in and the model has a twin for it; `edgetpu`: also when none is seen; `cpu`: never."""
    edgetpu_library: Annotated[str, msgspec.Meta(min_length=1)] = "libedgetpu.so.1"
    """Name or absolute path of the Edge TPU's delegate."""
    edgetpu_options: dict[str, str] = {}
    """Options of the delegate: `device = "usb:0"`."""
    edgetpu_timeout_s: Annotated[float, msgspec.Meta(ge=0.05, le=1.5)] = 1.0
    """An inference on the Edge TPU that takes longer has failed; the CPU takes over."""
    labels: tuple[str, ...] = ()
    """Only these become events; empty: all that the model knows, without parts of things (shoes) that `thresholds` does not name."""
    thresholds: dict[str, Share] = {}
    """Score from which a label counts, beside the model's own: `Person = 0.6`."""


class SecondLook(Section, frozen=True):
    labels: Annotated[tuple[str, ...], msgspec.Meta(min_length=1)]
    """Labels of the detector whose things are looked at again, once an event."""
    model: str
    """A classification or pose model of `edge models list`."""
    threshold: Share = 0.5
    """Score from which a sub-label or a key point counts."""


class Tracking(Section, frozen=True):
    min_frames: Annotated[int, msgspec.Meta(ge=1, le=100)] = 3
    """Frames in which a thing must be found before it is an event (a stored picture needs one)."""
    lost_after_s: Seconds = 2.0
    """An event ends when its thing has been missed by every look for so long."""
    still_after_s: Seconds = 5.0
    """A thing that stays in its place for so long is stationary: it is kept without being announced again."""
    still_lost_after_s: Seconds = 10.0
    """As `lost_after_s`, for a stationary thing: something may stand in front of it for a while."""
    keep_score: Share = 0.6
    """A thing that is followed may score this share of its threshold and is still followed."""


class Zone(Section, frozen=True):
    name: Name
    """Names the zone in events: a-z, 0-9, - and _."""
    camera: Name
    area: Points
    """Polygon as `[[x, y], …]` in 0..1 from the upper left. A thing is in it when the middle of its box's lower edge is."""
    labels: tuple[str, ...] = ()
    """Only these can be in it; empty: all."""
    threshold: Share = 0.0
    """Only sights that score so much say that a thing is in it; 0: every sight."""
    inertia: Annotated[int, msgspec.Meta(ge=1, le=50)] = 3
    """So many sights more inside than outside until a thing is in it, and as many the other way until it is out."""
    loiter_s: Annotated[float, msgspec.Meta(ge=0.0, le=86_400.0)] = 0.0
    """A thing is in it only after it has stayed for so long."""


class Filter(Section, frozen=True):
    label: str
    """Findings of this label that do not fit are none."""
    cameras: tuple[Name, ...] = ()
    """Only at these cameras; empty: all."""
    min_area: Share = 0.0
    max_area: Share = 1.0
    """Share of the picture that the box covers."""
    min_aspect: Annotated[float, msgspec.Meta(ge=0.0, le=100.0)] = 0.0
    max_aspect: Annotated[float, msgspec.Meta(gt=0.0, le=100.0)] = 100.0
    """Width ÷ height of the box, in pixels."""


class Line(Section, frozen=True):
    name: Name
    """Names the counting line in topics."""
    camera: Name
    start: tuple[Share, Share]
    end: tuple[Share, Share]
    """The two ends as `[x, y]`. Who crosses to the right of one who goes from start to end comes in, the others go out."""
    labels: tuple[str, ...] = ()
    """Only these are counted; empty: all."""


class Schedule(Section, frozen=True):
    start: TimeOfDay
    end: TimeOfDay
    """`HH:MM`, local time; an end that is not after the start is on the next day."""
    days: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    """On which days it starts."""
    cameras: tuple[Name, ...] = ()
    """Only these cameras; empty: all."""
    armed: bool = True
    """Armed in this time and disarmed outside; false: disarmed in this time. Where several overlap the last one holds."""
