"""Whether events may be: what the schedule says, and what a person has set by hand since."""

import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol

from edge import config
from edge.clock import Instant
from edge.store.port import Switch

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
BACK_DAYS = 8
"""A schedule repeats every week: its last change is no longer ago."""
ALL = "armed"
"""The switch of the whole device; those of single cameras are `camera/NAME`."""


class Period(NamedTuple):
    """Armed, or disarmed, from `start` to `end`, minutes of the local day; an end that is not after the start is on the next day."""

    start_min: int
    end_min: int
    days: frozenset[str]
    """On which it starts."""
    cameras: frozenset[str]
    """Empty: all."""
    armed: bool

    def concerns(self, camera: str) -> bool:
        return not self.cameras or camera in self.cameras

    @classmethod
    def of(cls, section: config.Schedule) -> "Period":
        days, cameras = frozenset[str](section.days), frozenset(section.cameras)
        return cls(_minutes(section.start), _minutes(section.end), days, cameras, section.armed)

    @classmethod
    def daily(cls, start: str, end: str) -> "Period":
        """Every day from `HH:MM` to `HH:MM`, for all cameras."""
        return cls(_minutes(start), _minutes(end), frozenset(DAYS), frozenset(), True)

    def begins_on(self, day: datetime) -> tuple[datetime, datetime] | None:
        """From when to when, if it starts on that local day."""
        if DAYS[day.weekday()] not in self.days:
            return None
        over = self.end_min <= self.start_min
        return day + timedelta(minutes=self.start_min), day + timedelta(days=int(over), minutes=self.end_min)


def _minutes(time_of_day: str) -> int:
    hours, _, minutes = time_of_day.partition(":")
    return int(hours) * 60 + int(minutes)


class Switches(Protocol):
    """Keeps what was set by hand. Thread: any."""

    def load(self) -> dict[str, Switch]: ...

    def save(self, name: str, value: Switch) -> None: ...


def planned(periods: Sequence[Period], camera: str, at: datetime) -> bool:
    """What the schedule says at a local time. Where periods overlap, the last holds; where none is, the opposite of what they are for."""
    mine = [period for period in periods if period.concerns(camera)]
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    for period in reversed(mine):
        for day in (midnight, midnight - timedelta(days=1)):
            span = period.begins_on(day)
            if span is not None and span[0] <= at < span[1]:
                return period.armed
    return not any(period.armed for period in mine)


def last_change(periods: Sequence[Period], camera: str, at: datetime) -> datetime | None:
    """When the schedule changed its mind last, up to a local time; None: never."""
    midnight = at.replace(hour=0, minute=0, second=0, microsecond=0)
    edges = {
        edge
        for period in periods
        for back in range(BACK_DAYS + 1)
        for edge in period.begins_on(midnight - timedelta(days=back)) or ()
        if edge <= at
    }
    for edge in sorted(edges, reverse=True):
        if planned(periods, camera, edge) != planned(periods, camera, edge - timedelta(minutes=1)):
            return edge
    return None


def decide(
    periods: Sequence[Period], manual: Mapping[str, Switch], camera: str, at_wall_s: float, *, synchronised: bool
) -> bool:
    """Whether a camera is armed. What was set by hand holds until the schedule's next change; a camera that is switched off is not armed.

    A clock that may be wrong must not disarm: while it is not synchronised the schedule says armed.
    """
    own = manual.get(f"camera/{camera}")
    if own is not None and not own.on:
        return False
    everything = manual.get(ALL)
    if not synchronised or not periods:
        return everything.on if everything is not None else True
    at = datetime.fromtimestamp(at_wall_s)
    if everything is not None:
        change = last_change(periods, camera, at)
        if change is None or everything.at_wall_s >= change.timestamp():
            return everything.on
    return planned(periods, camera, at)


class Arming:
    """The device's switches.

    Args:
        synchronised: whether the wall clock is right.
        boot_id: names the boot that runs.

    Thread: any.
    """

    def __init__(
        self, periods: Sequence[Period], switches: Switches, synchronised: Callable[[], bool], boot_id: str
    ) -> None:
        self._periods = tuple(periods)
        self._switches = switches
        self._synchronised = synchronised
        self._boot_id = boot_id
        self._saving = threading.Lock()
        self._lock = threading.Lock()
        self._manual = switches.load()
        self._known: dict[str, tuple[int, bool]] = {}
        self._listeners: list[Callable[[], None]] = []

    def armed(self, camera: str, at: Instant) -> bool:
        second = int(at.wall_s)
        with self._lock:
            known = self._known.get(camera)
            if known is not None and known[0] == second:
                return known[1]
            synchronised = self._synchronised()
            manual = self._manual | self._dated(at) if synchronised else self._manual
            armed = decide(self._periods, manual, camera, at.wall_s, synchronised=synchronised)
            self._known[camera] = (second, armed)
            return armed

    def set(self, on: bool, at: Instant, camera: str | None = None) -> None:
        """Arm or disarm the device until its schedule's next change; or switch one camera, until it is switched again.

        Raises:
            StoreError: it could not be kept; nothing has changed.
        """
        name = ALL if camera is None else f"camera/{camera}"
        undated = () if self._synchronised() else (self._boot_id, at.boot_s)
        with self._saving:
            self._keep(name, Switch(on, at.wall_s, *undated))
        for listener in self._listeners:
            listener()

    def correct(self, now: Instant) -> None:
        """Once the clock is right, keep when things were set in this boot before it was.

        Raises:
            StoreError: it could not be kept.
        """
        if not self._synchronised():
            return
        with self._saving:
            for name, value in self._dated(now).items():
                self._keep(name, value)

    def _dated(self, now: Instant) -> dict[str, Switch]:
        """What was set in this boot before its clock was, with right times: boot time never jumps."""
        offset_s = now.wall_s - now.boot_s
        return {
            name: Switch(value.on, value.at_boot_s + offset_s)
            for name, value in self._manual.items()
            if value.boot_id == self._boot_id
        }

    def _keep(self, name: str, value: Switch) -> None:
        self._switches.save(name, value)
        with self._lock:
            self._manual[name] = value
            self._known.clear()

    def switched_on(self, camera: str) -> bool:
        """The camera's own switch, whatever the device's says."""
        with self._lock:
            own = self._manual.get(f"camera/{camera}")
        return own is None or own.on

    def listen(self, changed: Callable[[], None]) -> None:
        """Call `changed` after each `set`, in its thread."""
        self._listeners.append(changed)
