"""What is kept, where and for how long."""

from typing import Annotated, Literal

import msgspec

from edge.config.section import Name, Section, TimeOfDay
from edge.config.seeing import ClipMode


class Device(Section, frozen=True):
    id: Name | None = None
    """Names the device in topics and events. Default: made once (`edge-` and 8 hexadecimal digits) and kept in the data folder."""


class Paths(Section, frozen=True):
    data: str = ""
    """Folder of the database and pictures. Default: $EDGE_DATA, else systemd's state folder, else /var/lib/edge for root, else
    ~/.local/share/edge."""
    models: str = ""
    """Folder of the models. Default: `models` in the data folder."""


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


class Backup(Section, frozen=True):
    every_h: Annotated[float, msgspec.Meta(ge=0.25, le=744.0)] = 6.0
    """A snapshot so often, once `edge backup setup` has said where to."""
    wait: Literal["mains-and-unmetered", "unmetered", "network"] = "mains-and-unmetered"
    """What a snapshot waits for."""
    rows_after_h: Annotated[float, msgspec.Meta(ge=0.0, le=744.0)] = 24.0
    """After so long without a snapshot events go without their pictures, on any network and power; 0: never."""
    limit_kb_per_s: Annotated[int, msgspec.Meta(ge=0, le=10_000_000)] = 0
    """Kilobytes a second at the most; 0: no limit."""
    timetable: dict[TimeOfDay, Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]] = {}
    """In place of the one limit: from each of these times on, local time, so many kilobytes a second; 0: no limit."""
    keep_last: Annotated[int, msgspec.Meta(ge=1, le=10_000)] = 8
    """`edge backup prune` keeps the newest snapshots, and the last one of each of so many days, weeks, months and years."""
    keep_daily: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 14
    keep_weekly: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 8
    keep_monthly: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 12
    keep_yearly: Annotated[int, msgspec.Meta(ge=0, le=10_000)] = 3
    mirror_days: Annotated[int, msgspec.Meta(ge=0, le=36_500)] = 0
    """`edge backup prune` deletes from the plain mirror what is older; 0: nothing."""


class Update(Section, frozen=True):
    source: Annotated[str, msgspec.Meta(pattern=r"^(https://.+|/.+)?$")] = ""
    """Where newer versions of the whole system are: `https://…`, or an absolute folder (a stick). Empty: nobody looks."""
    every_h: Annotated[float, msgspec.Meta(ge=0.25, le=744.0)] = 24.0
    """It is looked for so often."""
    install: Literal["ask", "auto"] = "ask"
    """`ask`: when somebody asks for it; `auto`: as soon as it is found and `wait` and `hours` allow. The device restarts into it then."""
    wait: Literal["mains-and-unmetered", "unmetered", "network"] = "mains-and-unmetered"
    """What the installation waits for; never on a low battery."""
    hours: Annotated[tuple[TimeOfDay, ...], msgspec.Meta(max_length=2)] = ("02:00", "05:00")
    """`auto` only between these, local time; empty: at any time."""
