"""Time as an argument: wall time, boot time and the boot they belong to, read together."""

import time
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import NamedTuple, Protocol

BOOT_ID_FILE = Path("/proc/sys/kernel/random/boot_id")
_EPOCH = date(1970, 1, 1).toordinal()


class Instant(NamedTuple):
    """One moment, read from two clocks.

    `wall_s` is Unix time in seconds: what people read, and wrong until the clock is synchronised. `boot_s` is CLOCK_BOOTTIME in
    seconds: never jumps, counts through suspend, starts again at each boot.
    """

    wall_s: float
    boot_s: float

    def later(self, seconds: float) -> "Instant":
        return Instant(self.wall_s + seconds, self.boot_s + seconds)


class Clock(Protocol):
    """Where time comes from. Thread: any."""

    def now(self) -> Instant: ...

    @property
    def boot_id(self) -> str:
        """Names the boot that `boot_s` counts from."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now(self) -> Instant:
        return Instant(time.time(), time.clock_gettime(time.CLOCK_BOOTTIME))

    @property
    def boot_id(self) -> str:
        return read_boot_id()


@cache
def read_boot_id() -> str:
    try:
        return BOOT_ID_FILE.read_text(encoding="ascii").strip()
    except OSError:
        return "unknown"


def local_day(wall_s: float) -> int:
    """The day of the calendar, in the device's time zone, counted from 1970-01-01."""
    return date.fromtimestamp(wall_s).toordinal() - _EPOCH


def date_of(day: int) -> date:
    return date.fromordinal(_EPOCH + day)


def day_of(day: date) -> int:
    return day.toordinal() - _EPOCH


def iso_utc(wall_s: float) -> str:
    """`2026-11-21T10:15:30.250Z`: milliseconds, UTC."""
    return datetime.fromtimestamp(wall_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
