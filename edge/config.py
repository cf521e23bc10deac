"""One TOML file becomes frozen, validated sections.

Parsing has no side effect and touches no hardware. Unknown keys are refused with the nearest known one. Secrets are named by file, never
written here. Every default stands at its field, and `edge config show` prints all of them.
"""

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

import msgspec

from edge.camera.address import redacted
from edge.errors import ConfigError
from edge.polygons import Points, flaw_of

Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,39}$")]
Share = Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
EvenPixels = Annotated[int, msgspec.Meta(ge=64, le=16_384, multiple_of=2)]
Percent = Annotated[float, msgspec.Meta(ge=0.0, le=100.0)]
Seconds = Annotated[float, msgspec.Meta(gt=0.0, le=86_400.0)]
ClipMode = Literal["copy", "encode", "off"]


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the configuration file."""


class Device(Section, frozen=True):
    id: Name | None = None
    """Names the device in topics and events. Default: made once (`edge-` and 8 hexadecimal digits) and kept in the data folder."""


class Paths(Section, frozen=True):
    data: str = ""
    """Folder of the database and pictures. Default: $EDGE_DATA, else systemd's state folder, else /var/lib/edge for root, else
    ~/.local/share/edge."""
    models: str = ""
    """Folder of the models. Default: `models` in the data folder."""


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


Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
TimeOfDay = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]


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


class Pictures(Section, frozen=True):
    quality: Annotated[int, msgspec.Meta(ge=30, le=95)] = 85
    """JPEG quality."""
    max_edge_px: Annotated[int, msgspec.Meta(ge=64, le=8192)] = 1920
    """Larger pictures are scaled down to this longer edge before they are kept."""


class Retention(Section, frozen=True):
    days: Annotated[int, msgspec.Meta(ge=0, le=36_500)] = 30
    """Events older than this go, with their pictures; 0: age alone deletes nothing."""
    label_days: dict[str, Annotated[int, msgspec.Meta(ge=0, le=36_500)]] = {}
    """The same for single labels, in place of `days`: `Person = 90`."""
    max_mb: Annotated[int, msgspec.Meta(ge=0)] = 0
    """The oldest go while pictures and clips take more than so many megabytes; 0: no such limit."""
    min_free_mb: Annotated[int, msgspec.Meta(ge=0)] = 1024
    """The oldest go while less than this is free on the card, or less than a tenth of it when that is smaller; 0: no such limit."""


class Card(Section, frozen=True):
    budget_mb_per_day: Annotated[int, msgspec.Meta(ge=0)] = 2000
    """What the program may write to the card in a day before its state says so; 0: never."""


class Clips(Section, frozen=True):
    mode: ClipMode = "copy"
    """`copy`: of cameras that give H.264 by themselves, which costs nearly nothing; `encode`: of the others too, encoded in software;
    `off`: none. Each camera may differ: `clips` in its table."""
    labels: tuple[str, ...] = ()
    """Events with these labels are recorded; empty: all."""
    pre_s: Annotated[float, msgspec.Meta(ge=0.0, le=30.0)] = 5.0
    """Seconds before the trigger."""
    post_s: Annotated[float, msgspec.Meta(ge=0.0, le=60.0)] = 5.0
    """Seconds after the trigger, or after the thing was last seen."""
    max_s: Annotated[float, msgspec.Meta(ge=5.0, le=600.0)] = 60.0
    """A clip is cut when it has become so long; what begins later gets another."""
    memory_mb: Annotated[int, msgspec.Meta(ge=1, le=256)] = 16
    """Memory for the seconds before, a camera; when it does not suffice there are fewer of them."""
    encode_width: Annotated[int, msgspec.Meta(ge=64, le=1920, multiple_of=2)] = 640
    """Pictures that are encoded in software are scaled down to this width."""
    encode_fps: Annotated[float, msgspec.Meta(gt=0.0, le=30.0)] = 10.0
    """Of pictures that are encoded in software, so many a second at the most."""


class Mqtt(Section, frozen=True):
    host: str = ""
    """Name or address of the broker; empty: none, events wait in the outbox."""
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 1883
    fallback: tuple[str, ...] = ()
    """Further brokers, `HOST` or `HOST:PORT`, tried in turn while the first does not serve; everything else is alike for all."""
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    """Version of MQTT; `auto`: 5, and 3.1.1 where the broker refuses that."""
    transport: Literal["tcp", "websockets"] = "tcp"
    path: Annotated[str, msgspec.Meta(pattern=r"^/[\x21-\x7e]*$")] = "/mqtt"
    """Of the WebSocket."""
    tls: bool = False
    """Encrypt; the broker's certificate is always verified."""
    ca_file: str = ""
    """PEM file with the authority of the broker's certificate; empty: those that the system knows."""
    cert_file: str = ""
    """PEM file with our own certificate, if the broker wants one."""
    key_file: str = ""
    """PEM file with its key, if that is not in `cert_file`."""
    username: str = ""
    password_file: str = ""
    """File whose first line is the password."""
    prefix: Annotated[str, msgspec.Meta(pattern=r"^[^+#\x00/]+(/[^+#\x00/]+)*$")] = "edge"
    """First level of every topic."""
    keepalive_s: Annotated[int, msgspec.Meta(ge=5, le=3600)] = 30
    inflight: Annotated[int, msgspec.Meta(ge=1, le=200)] = 20
    """Messages sent and not yet acknowledged, at the most."""
    outbox_max_mb: Annotated[int, msgspec.Meta(ge=1, le=100_000)] = 256
    """What may wait for the broker; beyond it the least important is given up first: updates, then the rest, starts and ends last."""
    commands: Literal["none", "view", "operate", "admin"] = "operate"
    """What whoever may publish to `<prefix>/<device>/command/…` and `switch/…` may do; none: nothing is listened to."""
    frigate_prefix: Annotated[str, msgspec.Meta(pattern=r"^([^+#\x00/]+(/[^+#\x00/]+)*)?$")] = ""
    """Publish also a tree as Frigate has it, below this: `frigate`; empty: none."""

    @property
    def outbox_max_bytes(self) -> int:
        return self.outbox_max_mb * 1_000_000


class HomeAssistant(Section, frozen=True):
    enabled: bool = True
    """Announce the device to Home Assistant (when there is a broker); false: take the announcement away again."""
    discovery_prefix: Annotated[str, msgspec.Meta(pattern=r"^[^+#\x00/]+(/[^+#\x00/]+)*$")] = "homeassistant"
    """As in the settings of Home Assistant's MQTT integration."""
    name: Annotated[str, msgspec.Meta(max_length=64)] = ""
    """Of the device, for people; empty: made from its id."""


Pin = Annotated[int, msgspec.Meta(ge=2, le=27)]
"""As Broadcom counts: GPIO17 is 17."""


class Web(Section, frozen=True):
    host: str = ""
    """Address at which the page is served: `127.0.0.1` for this machine alone, `0.0.0.0` for the whole network; empty: no page."""
    port: Annotated[int, msgspec.Meta(ge=0, le=65535)] = 8080
    """0: a free one; the log says which."""


class Gpio(Section, frozen=True):
    driver: Literal["auto", "simulated", "off"] = "auto"
    """`auto`: the pins of the board, where it has some; `simulated`: gpiozero's pins without hardware."""


class Button(Section, frozen=True):
    name: Name
    pin: Pin
    active: Literal["low", "high"] = "low"
    """`low`: the contact closes to ground (the pin is pulled up); `high`: to 3.3 V (pulled down)."""
    press: str = ""
    """What a press asks for, as `edge ask` takes it: `snapshot camera=door`. Empty: nothing."""
    double: str = ""
    """Two presses within 0.4 s."""
    long: str = ""
    """Held for 2 s."""
    very_long: str = ""
    """Held for 8 s."""


class Light(Section, frozen=True):
    # A tuple of fixed length in a union crashes msgspec 0.22 when its type is collected.
    pin: Pin | Annotated[tuple[Pin, ...], msgspec.Meta(min_length=3, max_length=3)] | None = None
    """Status light of one colour, or the pins of red, green and blue."""
    privacy_pin: Pin | None = None
    """A light that is on exactly while a camera is open."""
    buzzer_pin: Pin | None = None
    """A buzzer that makes its own tone; it says what became of a gesture."""
    active: Literal["low", "high"] = "high"
    """The level at which the lights shine and the buzzer sounds."""


class Input(Section, frozen=True):
    name: Name
    pin: Pin
    active: Literal["low", "high"] = "low"
    """`low`: a contact that closes to ground (the pin is pulled up); `high`: a sensor that gives 3.3 V (pulled down)."""
    on: str = ""
    """What is asked for when it becomes active, as `edge ask` takes it. Empty: nothing."""
    off: str = ""
    """The same when it is no longer active."""
    settle_s: Annotated[float, msgspec.Meta(ge=0.0, le=10.0)] = 0.05
    """It must stay so for so long before it counts."""


class Output(Section, frozen=True):
    name: Name
    """Names it in `output name=NAME`."""
    pin: Pin
    active: Literal["low", "high"] = "high"
    """The level at which it is on."""
    max_s: Annotated[float, msgspec.Meta(gt=0.0, le=86_400.0)] = 60.0
    """It is never on for longer at a time, but for `between`."""
    between: Annotated[tuple[TimeOfDay, ...], msgspec.Meta(max_length=2)] = ()
    """On by itself in this time, `["20:00", "07:00"]`, local time: an infrared light. Empty: never."""


class Rule(Section, frozen=True):
    name: Name
    on: Literal["start", "end"] = "start"
    """`start`: as soon as an event is as the rule says, once an event; `end`: when it is over."""
    cameras: tuple[Name, ...] = ()
    """Only events of these cameras; empty: all."""
    labels: tuple[str, ...] = ()
    """Only these labels; empty: all but `snapshot`."""
    zones: tuple[Name, ...] = ()
    """Only things that have been in one of these zones; empty: anywhere."""
    min_score: Share = 0.0
    between: Annotated[tuple[TimeOfDay, ...], msgspec.Meta(max_length=2)] = ()
    """`["22:00", "06:00"]`, local time; empty: at any time."""
    days: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
    """On which days `between` starts."""
    armed: bool | None = None
    """Only while the camera is armed, or only while it is not. Default: both."""
    cooldown_s: Annotated[float, msgspec.Meta(ge=0.0, le=86_400.0)] = 0.0
    """Not again for so long."""
    do: tuple[str, ...] = ()
    """What is asked for, as `edge ask` takes it; `$camera` and `$event` are the event's: `clip camera=$camera`."""
    publish: Annotated[str, msgspec.Meta(pattern=r"^([^+#\x00/]+(/[^+#\x00/]+)*)?$", max_length=100)] = ""
    """Publish the event below `rules/`: `alarm` is `edge/DEVICE/rules/alarm`. Empty: not."""
    webhook: str = ""
    """POST the event there: `https://…` or `http://…`. Empty: nowhere."""
    webhook_ca_file: str = ""
    """PEM file with the authority of an `https` server's certificate; empty: those that the system knows."""
    webhook_timeout_s: Annotated[float, msgspec.Meta(ge=0.1, le=60.0)] = 5.0
    webhook_tries: Annotated[int, msgspec.Meta(ge=1, le=10)] = 4
    """With pauses of 1 s, 2 s, 4 s … between them."""


class Power(Section, frozen=True):
    sources: tuple[Literal["sysfs", "upower", "nut", "pin"], ...] = ()
    """Who tells of mains and battery; the most cautious word counts. Empty: those that are found (docs/device.md)."""
    nut: Annotated[str, msgspec.Meta(pattern=r"^[^@:\s]*(@[^@:\s]+(:\d{1,5})?)?$")] = ""
    """The UPS as NUT's own tools name it: `NAME@HOST:PORT`; what is missing is the first UPS, localhost and 3493."""
    pin: Pin | None = None
    """Pin that a UPS HAT holds while mains power is good."""
    pin_good: Literal["high", "low"] = "high"
    """The level of that pin while mains power is good."""
    low_percent: Percent = 15.0
    """At this charge and below it the battery is low; it is well again 5 above. What a UPS itself calls low is low too."""


class Network(Section, frozen=True):
    source: Literal["auto", "networkmanager", "netlink"] = "auto"
    """Who tells of the network. `auto`: NetworkManager where it runs, else the kernel's routes."""
    metered: Literal["auto", "yes", "no"] = "auto"
    """Whether traffic costs, whatever the source says; `auto`: as it says, which the kernel's routes do not."""


class Limits(Section, frozen=True):
    hot_c: Annotated[float, msgspec.Meta(ge=40, le=120)] = 80.0
    """The device is hot from this temperature of its hottest zone on, and well again 8 below."""
    low_storage_percent: Percent = 5.0
    """Storage is low when less than this share of the data folder's file system is free, of its bytes or of its inodes."""
    idle_after_s: Seconds = 600.0
    """The device is idle when nothing was seen and nobody asked for anything for so long."""
    settle_s: Annotated[float, msgspec.Meta(ge=0.0, le=60.0)] = 1.5
    """A change of power or network counts when it has lasted so long: both flap."""
    poll_s: Annotated[float, msgspec.Meta(ge=0.1, le=3600.0)] = 30.0
    """What tells of a change by itself, or changes slowly, is read so often all the same; all other sources every 5 s."""


class Workers(Section, frozen=True):
    files: tuple[str, ...] = ()
    """Python files with workers of your own (docs/work.md)."""
    light: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8
    """Light works that run at the same time."""
    heavy: Annotated[int, msgspec.Meta(ge=0, le=16)] = 1
    """Works in processes of their own that run at the same time; 0: none."""
    grace_s: Seconds = 10.0
    """A work that is asked to stop is killed after so long."""
    keep_s: Annotated[float, msgspec.Meta(ge=0.0)] = 86_400.0
    """Finished works are forgotten after so long."""
    min_interval_s: Annotated[float, msgspec.Meta(ge=0.1)] = 1.0
    """Periodic work with a shorter interval is refused."""
    min_network_interval_s: Annotated[float, msgspec.Meta(ge=0.1)] = 900.0
    """The same for work that uses the network."""
    expedited_per_hour: Annotated[int, msgspec.Meta(ge=0)] = 60
    """Expedited works beyond so many run as others do, or are dropped."""
    trust_clock: bool = False
    """The wall clock is right though nothing synchronises it: the device has a clock with a battery."""


class When(Section, frozen=True):
    """What the device must be like while a work runs."""

    charging: bool = False
    battery_not_low: bool = False
    mains_for_min: Annotated[float, msgspec.Meta(ge=0.0, le=1440.0)] = 0.0
    """On mains power for so many minutes already."""
    no_under_voltage: bool = False
    network: Literal["", "connected", "unmetered", "metered", "not-roaming", "wifi", "ethernet"] = ""
    ssids: tuple[str, ...] = ()
    """Only these Wi-Fi networks."""
    storage_not_low: bool = False
    not_hot: bool = False
    idle: bool = False
    clock_synchronised: bool = False
    quiet_hours: tuple[TimeOfDay, TimeOfDay] | None = None
    """Never between these."""


class Work(Section, frozen=True):
    name: Name
    """Names it for `edge work`. Taken out of the file, it is cancelled."""
    worker: Annotated[str, msgspec.Meta(min_length=1)]
    """A name from `edge work workers`."""
    every_s: Annotated[float, msgspec.Meta(gt=0.0)] | None = None
    """Seconds between two runs."""
    flex_s: Annotated[float, msgspec.Meta(gt=0.0)] | None = None
    """Run in the last so many seconds of each interval."""
    cron: str = ""
    """In place of `every_s`: minute, hour, day, month, day of week, in local time."""
    on_change: tuple[str, ...] = ()
    """In place of `every_s`: when one of these paths has changed."""
    update_delay_s: Annotated[float, msgspec.Meta(ge=0.0)] = 1.0
    """`on_change`: wait for so long after the last change."""
    max_delay_s: Annotated[float, msgspec.Meta(ge=0.0)] = 60.0
    """`on_change`: but not longer than this after the first."""
    delay_s: Annotated[float, msgspec.Meta(ge=0.0)] = 0.0
    """Before the first run."""
    input: dict[str, str | int | float | bool | list[str | int | float | bool]] = {}
    tags: tuple[str, ...] = ()
    when: When = When()
    backoff: Literal["exponential", "linear"] = "exponential"
    backoff_s: Annotated[float, msgspec.Meta(ge=10.0, le=18_000.0)] = 30.0
    """After a run that came to nothing: so long after the first, then twice as long each time, or once more each time."""
    max_attempts: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """A period is given up after so many."""
    time_limit_s: Annotated[float, msgspec.Meta(ge=0.0)] = 600.0
    """A run that takes longer is stopped; 0: none is."""


class Backup(Section, frozen=True):
    every_h: Annotated[float, msgspec.Meta(ge=0.25, le=744.0)] = 6.0
    """A snapshot so often, once `edge backup setup` has said where to."""
    wait: Literal["mains-and-unmetered", "unmetered", "network"] = "mains-and-unmetered"
    """What a snapshot waits for."""
    limit_kb_per_s: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0
    """Kilobytes a second at the most; 0: no limit."""
    keep_last: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 8
    """`edge backup prune` keeps the newest snapshots, and the last one of each of so many days, weeks, months and years."""
    keep_daily: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 14
    keep_weekly: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 8
    keep_monthly: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 12
    keep_yearly: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 3


class Config(Section, frozen=True):
    device: Device = Device()
    paths: Paths = Paths()
    camera: tuple[Camera, ...] = ()
    motion: Motion = Motion()
    detector: Detector = Detector()
    second_look: tuple[SecondLook, ...] = ()
    tracking: Tracking = Tracking()
    zone: tuple[Zone, ...] = ()
    filter: tuple[Filter, ...] = ()
    line: tuple[Line, ...] = ()
    schedule: tuple[Schedule, ...] = ()
    pictures: Pictures = Pictures()
    retention: Retention = Retention()
    card: Card = Card()
    clips: Clips = Clips()
    mqtt: Mqtt = Mqtt()
    homeassistant: HomeAssistant = HomeAssistant()
    gpio: Gpio = Gpio()
    button: tuple[Button, ...] = ()
    light: Light = Light()
    input: tuple[Input, ...] = ()
    output: tuple[Output, ...] = ()
    rule: tuple[Rule, ...] = ()
    web: Web = Web()

    power: Power = Power()
    network: Network = Network()
    limits: Limits = Limits()
    workers: Workers = Workers()
    work: tuple[Work, ...] = ()
    backup: Backup = Backup()

    @property
    def data_dir(self) -> Path:
        return Path(self.paths.data) if self.paths.data else default_data_dir()

    @property
    def models_dir(self) -> Path:
        return Path(self.paths.models) if self.paths.models else self.data_dir / "models"


def load(path: Path) -> Config:
    """Read and check one configuration file; relative paths in it are relative to its folder.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or a key or value is wrong; names the place, the value and the remedy.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}", hint="name another file with --config") from error
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}", hint="see docs/configuration.md for an example") from error
    return resolve_paths(parse(raw, place=str(path)), path.resolve().parent)


def parse(raw: dict[str, Any], *, place: str) -> Config:
    """Check a parsed TOML document. `place` stands in front of each error."""
    for key, known in _unknown_keys(raw, Config, ""):
        near = difflib.get_close_matches(key.rpartition(".")[2], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        raise ConfigError(f"{place}: {key}: unknown key", hint=hint)
    try:
        config = msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(str(error), raw, place), hint="`edge config show` prints the defaults") from error
    _check_cameras(config, place)
    _check_places(config, place)
    _check_pins(config, place)
    _check_rules(config, place)
    _check_power(config.power, place)
    _check_mqtt(config.mqtt, f"{place}: mqtt")
    _check_work(config.work, place)
    if config.clips.max_s < (least_s := config.clips.pre_s + config.clips.post_s):
        hint = f"{least_s:g} at least: pre_s and post_s together"
        raise ConfigError(f"{place}: clips.max_s is {config.clips.max_s:g}: too short", hint=hint)
    return config


def resolve_paths(config: Config, base: Path) -> Config:
    """Make the paths of `config` absolute: relative ones start at `base`."""

    def absolute(path: str) -> str:
        return str(base / Path(path).expanduser()) if path else ""

    cameras = []
    for camera in config.camera:
        scheme, rest = split_address(camera.source)
        source = f"{scheme}:{absolute(rest)}" if scheme in ("file", "folder") else camera.source
        password_file = absolute(camera.password_file)
        cameras.append(msgspec.structs.replace(camera, source=source, password_file=password_file))
    paths = Paths(data=absolute(config.paths.data), models=absolute(config.paths.models))
    files = {key: absolute(getattr(config.mqtt, key)) for key in ("password_file", "ca_file", "cert_file", "key_file")}
    mqtt = msgspec.structs.replace(config.mqtt, **files)
    rules = tuple(msgspec.structs.replace(rule, webhook_ca_file=absolute(rule.webhook_ca_file)) for rule in config.rule)
    workers = msgspec.structs.replace(config.workers, files=tuple(map(absolute, config.workers.files)))
    works = [
        msgspec.structs.replace(
            work, on_change=tuple(map(absolute, work.on_change)), input=_resolved(work.input, absolute)
        )
        for work in config.work
    ]
    return msgspec.structs.replace(
        config, camera=tuple(cameras), paths=paths, mqtt=mqtt, rule=rules, workers=workers, work=tuple(works)
    )


def _resolved(values: dict[str, Any], absolute: Callable[[str], str]) -> dict[str, Any]:
    """A work's `folder` and `file` start at the configuration's folder, as all paths in it."""
    return {key: absolute(value) if key in ("folder", "file") else value for key, value in values.items()}


def default_data_dir() -> Path:
    """Where the appliance keeps everything when the configuration names no folder."""
    for variable in ("EDGE_DATA", "STATE_DIRECTORY"):
        if value := os.environ.get(variable, "").partition(":")[0]:
            return Path(value)
    if os.geteuid() == 0:
        return Path("/var/lib/edge")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "edge"


_TABLES: dict[str, type[Section]] = {
    "camera": Camera,
    "second_look": SecondLook,
    "button": Button,
    "zone": Zone,
    "filter": Filter,
    "line": Line,
    "schedule": Schedule,
    "input": Input,
    "output": Output,
    "rule": Rule,
    "work": Work,
}
NETWORK = ("rtsp", "rtsps", "http", "https")
SCHEMES = ("folder", "file", "picamera", "v4l2", *NETWORK, "test")
_MOVING = tuple(scheme for scheme in SCHEMES if scheme != "folder")
_ONLY_FOR = {
    "pace": ("file",),
    "loop": ("file",),
    "remember": ("folder",),
    "fps": ("picamera", "v4l2", "test"),
    "width": ("picamera", "v4l2"),
    "height": ("picamera", "v4l2"),
    "username": NETWORK,
    "password_file": NETWORK,
    "transport": ("rtsp", "rtsps"),
    "rotation": ("picamera",),
    "exposure_us": ("picamera",),
    "gain": ("picamera",),
    "motion": _MOVING,
    "motion_masks": _MOVING,
}


def split_address(source: str) -> tuple[str, str]:
    """`file:/a/b.mp4` → (`file`, `/a/b.mp4`)."""
    scheme, _, rest = source.partition(":")
    return scheme, rest


def _check_cameras(config: Config, place: str) -> None:
    names: set[str] = set()
    for index, camera in enumerate(config.camera):
        where = f"{place}: camera[{index}]"
        if camera.name in names:
            raise ConfigError(
                f"{where}.name: {camera.name!r} is taken by another camera", hint="give each camera its own name"
            )
        names.add(camera.name)
        scheme, rest = split_address(camera.source)
        shown = redacted(camera.source)
        if scheme not in SCHEMES:
            hint = "use folder:PATH, file:PATH, picamera:, v4l2:DEVICE, rtsp://…, http://… or test:"
            raise ConfigError(f"{where}.source: {shown!r} is no camera address", hint=hint)
        if scheme not in ("test", "picamera") and not (rest.strip("/") if scheme in NETWORK else rest):
            hint = f"write {scheme}:{'//HOST/PATH' if scheme in NETWORK else 'PATH'}"
            raise ConfigError(f"{where}.source: {shown!r} names no path", hint=hint)
        if scheme in NETWORK and not rest.startswith("//"):
            raise ConfigError(f"{where}.source: {shown!r} is no camera address", hint=f"write {scheme}://HOST/PATH")
        if camera.password_file and not camera.username:
            raise ConfigError(f"{where}.password_file: there is no username", hint="add username")
        _check_options(camera, scheme, where)
        _check_polygons(camera, where)


def _check_polygons(camera: Camera, where: str) -> None:
    hint = "name the corners one after the other, as [[x, y], …] in 0..1"
    for key, polygons in (("privacy", camera.privacy), ("motion_masks", camera.motion_masks)):
        for index, points in enumerate(polygons):
            if flaw := flaw_of(points):
                raise ConfigError(f"{where}.{key}[{index}]: {flaw}", hint=hint)


def _check_work(works: Sequence[Work], place: str) -> None:
    """What is wrong in itself; whether the worker and the calendar are known, the program tells when it starts."""
    names = [work.name for work in works]
    for index, work in enumerate(works):
        where = f"{place}: work[{index}]"
        if names.index(work.name) != index:
            raise ConfigError(f"{where}.name: {work.name!r} is taken by another work", hint="give each its own name")
        if sum((work.every_s is not None, bool(work.cron), bool(work.on_change))) != 1:
            raise ConfigError(
                f"{where}: says not once when it runs", hint="write every_s, cron or on_change, one of them"
            )


def _check_places(config: Config, place: str) -> None:
    """Zones, lines, filters and schedules name cameras that are there, once each."""
    _check_names(config, place)
    _check_shapes(config, place)
    cameras = [camera.name for camera in config.camera]
    for index, rule in enumerate(config.filter):
        _check_known(f"{place}: filter[{index}].cameras", "camera", rule.cameras, cameras)
    for index, schedule in enumerate(config.schedule):
        _check_known(f"{place}: schedule[{index}].cameras", "camera", schedule.cameras, cameras)
    for index, camera in enumerate(config.camera):
        known = [zone.name for zone in config.zone if zone.camera == camera.name]
        _check_known(f"{place}: camera[{index}].only_zones", f"zone of camera {camera.name}", camera.only_zones, known)


def _check_names(config: Config, place: str) -> None:
    cameras = [camera.name for camera in config.camera]
    tables: tuple[tuple[str, Sequence[Zone | Line]], ...] = (("zone", config.zone), ("line", config.line))
    for table, sections in tables:
        names: set[str] = set()
        for index, section in enumerate(sections):
            where = f"{place}: {table}[{index}]"
            _check_known(f"{where}.camera", "camera", [section.camera], cameras)
            if section.name in names:
                raise ConfigError(
                    f"{where}.name: {section.name!r} is taken by another {table}", hint="choose another name"
                )
            names.add(section.name)


def _check_shapes(config: Config, place: str) -> None:
    for index, zone in enumerate(config.zone):
        if flaw := flaw_of(zone.area):
            raise ConfigError(f"{place}: zone[{index}].area: {flaw}", hint="name the corners one after the other")
    for index, line in enumerate(config.line):
        if line.start == line.end:
            raise ConfigError(f"{place}: line[{index}].end: is where the line starts", hint="name two different places")
    for index, rule in enumerate(config.filter):
        if rule.min_area > rule.max_area or rule.min_aspect > rule.max_aspect:
            raise ConfigError(f"{place}: filter[{index}]: a least value is above its most", hint="swap them")


def _check_known(where: str, what: str, named: Sequence[str], known: Sequence[str]) -> None:
    for name in named:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"there is: {', '.join(known) or 'none'}"
            raise ConfigError(f"{where}: no {what} is named {name!r}", hint=hint)


def _check_pins(config: Config, place: str) -> None:
    """Each pin has one function, and each button, input and output its own name."""
    tables: tuple[tuple[str, Sequence[Button | Input | Output]], ...] = (
        ("button", config.button),
        ("input", config.input),
        ("output", config.output),
    )
    uses = [(f"{table}[{index}].pin", each.pin) for table, sections in tables for index, each in enumerate(sections)]
    status = config.light.pin if isinstance(config.light.pin, tuple) else (config.light.pin,)
    lights = [("light.pin", pin) for pin in status] + [("light.privacy_pin", config.light.privacy_pin)]
    lights += [("light.buzzer_pin", config.light.buzzer_pin), ("power.pin", config.power.pin)]
    taken: dict[int, str] = {}
    for where, pin in uses + [(where, pin) for where, pin in lights if pin is not None]:
        if pin in taken:
            raise ConfigError(f"{place}: {where}: GPIO{pin} is {taken[pin]} already", hint="give each its own pin")
        taken[pin] = where
    for table, sections in tables:
        _check_own_names(place, table, [each.name for each in sections])


def _check_own_names(place: str, table: str, names: Sequence[str]) -> None:
    for index, name in enumerate(names):
        if name in names[:index]:
            raise ConfigError(f"{place}: {table}[{index}].name: {name!r} is taken", hint="give each its own name")


def _check_rules(config: Config, place: str) -> None:
    """What can be said of rules without knowing labels and actions."""
    _check_own_names(place, "rule", [rule.name for rule in config.rule])
    for index, output in enumerate(config.output):
        _check_between(output.between, f"{place}: output[{index}]")
    cameras = [camera.name for camera in config.camera]
    for index, rule in enumerate(config.rule):
        where = f"{place}: rule[{index}]"
        _check_known(f"{where}.cameras", "camera", rule.cameras, cameras)
        _check_known(f"{where}.zones", "zone", rule.zones, [zone.name for zone in config.zone])
        _check_between(rule.between, where)
        if not (rule.do or rule.publish or rule.webhook):
            raise ConfigError(f"{where}: {rule.name!r} does nothing", hint="add do, publish or webhook")
        if rule.webhook_ca_file and not rule.webhook.startswith("https:"):
            hint = "write https://HOST/PATH, or remove the line"
            raise ConfigError(f"{where}.webhook_ca_file: does nothing without an https webhook", hint=hint)
        if rule.webhook and (flaw := _flaw_of_url(rule.webhook)):
            raise ConfigError(f"{where}.webhook: {flaw}", hint="write https://HOST/PATH")


def _check_between(between: Sequence[str], where: str) -> None:
    if len(between) == 1:
        raise ConfigError(f"{where}.between: there is no end", hint='write ["22:00", "06:00"]')


def _flaw_of_url(url: str) -> str:
    """Why this is no address for a webhook; the address itself may hold a secret and is not repeated."""
    if not re.fullmatch(r"[\x21-\x7e]+", url):
        return "has a character that an address cannot have"
    try:
        address = urlsplit(url)
        port_is_right = address.port != 0
    except ValueError as error:
        return f"is no address: {error}"
    if address.scheme not in ("http", "https"):
        return f"{address.scheme or 'nothing'!r} is neither http nor https"
    if not address.hostname or not port_is_right:
        return "names no host"
    if address.username is not None or address.fragment:
        return "has a user or a fragment"
    return ""


def _check_power(power: Power, place: str) -> None:
    if "pin" in power.sources and power.pin is None:
        raise ConfigError(f"{place}: power.sources: there is no pin", hint="add power.pin")
    if int(power.nut.partition(":")[2] or 1) not in range(1, 65536):
        raise ConfigError(f"{place}: power.nut: {power.nut!r} has no such port", hint="ports are 1 to 65535")


def split_broker(text: str, port: int) -> tuple[str, int]:
    """`a.local` → (`a.local`, port), `a.local:1884`, `[::1]:1884`.

    Raises:
        ValueError: it is none of these.
    """
    found = re.fullmatch(r"(?:\[([0-9A-Fa-f:.%]+)\]|([^\s:/\[\]]+))(?::([0-9]{1,5}))?", text)
    number = int(found[3]) if found and found[3] else port
    if found is None or not 1 <= number <= 65535:
        raise ValueError(text)
    return found[1] or found[2], number


def _check_mqtt(mqtt: Mqtt, where: str) -> None:
    for index, text in enumerate(mqtt.fallback):
        try:
            split_broker(text, mqtt.port)
        except ValueError as error:
            raise ConfigError(
                f"{where}.fallback[{index}]: {text!r} is no broker", hint="write HOST or HOST:PORT"
            ) from error
    needs = (
        ("fallback", "host", bool(mqtt.host)),
        ("password_file", "username", bool(mqtt.username)),
        ("ca_file", "tls = true", mqtt.tls),
        ("cert_file", "tls = true", mqtt.tls),
        ("key_file", "cert_file", bool(mqtt.cert_file)),
    )
    for key, needed, there in needs:
        if getattr(mqtt, key) and not there:
            raise ConfigError(f"{where}.{key}: does nothing without {needed}", hint=f"add {needed}, or remove the line")


def _check_options(camera: Camera, scheme: str, where: str) -> None:
    defaults = Camera(name=camera.name, source=camera.source)
    for option, only in _ONLY_FOR.items():
        if scheme not in only and getattr(camera, option) != getattr(defaults, option):
            raise ConfigError(f"{where}.{option}: only a {': or '.join(only)}: camera has it", hint="remove the line")


def _unknown_keys(raw: dict[str, Any], section: type[Section], prefix: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each key that `section` does not have, with those that it has, depth first."""
    fields = {field.name: field.type for field in msgspec.structs.fields(section)}
    for key, value in raw.items():
        if key not in fields:
            yield prefix + key, list(fields)
        elif isinstance(value, dict) and isinstance(fields[key], type) and issubclass(fields[key], Section):
            yield from _unknown_keys(value, fields[key], f"{prefix}{key}.")
        elif key in _TABLES and isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, dict):
                    yield from _unknown_keys(item, _TABLES[key], f"{prefix}{key}[{index}].")


def _explain(message: str, raw: dict[str, Any], place: str) -> str:
    """msgspec's ``Expected `int`, got `str` - at `$.mqtt.port``` as place, value and what was expected."""
    reason, _, path = message.partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    value: Any = raw
    for step in re.findall(r"[^.\[\]]+", path):
        try:
            value = value[int(step)] if step.isdigit() else value[step]
        except (KeyError, IndexError, TypeError):
            return f"{place}: {path}: {reason}"
    shown = f" is {value!r}" if not isinstance(value, (dict, list)) else ""
    return f"{place}: {path or 'top level'}{shown}: {reason.replace('`', '')}"
