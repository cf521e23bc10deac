"""What may be asked for: one-time and periodic work, built in sentences that read like prose, frozen when they are made."""

from enum import Enum
from typing import Any

import msgspec

from edge.work import data
from edge.work.constraints import Constraint
from edge.work.data import Data

MIN_BACKOFF_S = 10.0
MAX_BACKOFF_DELAY_S = 5 * 3600.0
DEFAULT_TIME_LIMIT_S = 600.0


class Existing(Enum):
    """What becomes of work of the same unique name."""

    KEEP = "keep"
    REPLACE = "replace"
    UPDATE = "update"
    APPEND = "append"
    APPEND_OR_REPLACE = "append-or-replace"


class BackoffPolicy(Enum):
    LINEAR = "linear"
    EXPONENTIAL = "exponential"


class OutOfQuota(Enum):
    """What becomes of expedited work beyond the quota."""

    RUN_AS_NON_EXPEDITED = "run-as-non-expedited"
    DROP = "drop"


class Backoff(msgspec.Struct, frozen=True):
    """How long a work waits after its n-th attempt: `delay_s` · n, or `delay_s` · 2^(n-1); at most five hours."""

    delay_s: float = 30.0
    policy: BackoffPolicy = BackoffPolicy.EXPONENTIAL


class Content(msgspec.Struct, frozen=True):
    """Paths whose change starts a work: `update_delay_s` after the last change, at most `max_delay_s` after the first.

    `again`: each change anew; else once.
    """

    paths: tuple[str, ...]
    update_delay_s: float = 1.0
    max_delay_s: float = 60.0
    again: bool = False


class Request(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A work as it was asked for. Make one with `OneTimeWork`, `PeriodicWork` or `WorkOnChange`; every method returns a new one.

    `interval_s` or `cron` makes it periodic. All times are seconds.
    """

    worker: str
    input: Data = {}
    tags: tuple[str, ...] = ()
    constraints: tuple[Constraint, ...] = ()
    delay_s: float = 0.0
    interval_s: float | None = None
    flex_s: float | None = None
    cron: str = ""
    content: Content | None = None
    backoff: Backoff = Backoff()
    max_attempts: int | None = None
    expedited: bool = False
    out_of_quota: OutOfQuota = OutOfQuota.RUN_AS_NON_EXPEDITED
    time_limit_s: float | None = DEFAULT_TIME_LIMIT_S
    merger: str = "overwriting"

    @property
    def series(self) -> bool:
        """It goes on for ever: never SUCCEEDED, and a failure ends a run only."""
        return self.interval_s is not None or bool(self.cron) or (self.content is not None and self.content.again)

    def with_input(self, **values: Any) -> "Request":
        """Add input.

        Raises:
            WorkError: what `edge.work.data.checked` says.
        """
        return self._with(input=data.checked({**self.input, **values}, f"input of {self.worker}"))

    def when(self, *constraints: Constraint) -> "Request":
        """Run only while all of these hold."""
        return self._with(constraints=(*self.constraints, *constraints))

    def tagged(self, *tags: str) -> "Request":
        return self._with(tags=(*self.tags, *(tag for tag in tags if tag not in self.tags)))

    def after(self, seconds: float) -> "Request":
        """Wait so long before the first run."""
        return self._with(delay_s=float(seconds))

    def backing_off(self, delay_s: float, policy: BackoffPolicy = BackoffPolicy.EXPONENTIAL) -> "Request":
        return self._with(backoff=Backoff(float(delay_s), policy))

    def giving_up_after(self, attempts: int) -> "Request":
        """FAILED after so many attempts that came to nothing."""
        return self._with(max_attempts=attempts)

    def at_once(self, out_of_quota: OutOfQuota = OutOfQuota.RUN_AS_NON_EXPEDITED) -> "Request":
        """Expedited: before all other work."""
        return self._with(expedited=True, out_of_quota=out_of_quota)

    def within(self, seconds: float) -> "Request":
        """Stop a run that takes longer."""
        return self._with(time_limit_s=float(seconds))

    def long_running(self) -> "Request":
        """No time limit."""
        return self._with(time_limit_s=None)

    def once_changed(self, *paths: str, update_delay_s: float = 1.0, max_delay_s: float = 60.0) -> "Request":
        """Run once, when one of the paths changes."""
        return self._with(content=Content(tuple(map(str, paths)), update_delay_s, max_delay_s))

    def merging_with(self, merger: str) -> "Request":
        """How the outputs of the works before become input: `overwriting` (later ones win) or `array-creating`."""
        return self._with(merger=merger)

    def _with(self, **changes: Any) -> "Request":
        return msgspec.structs.replace(self, **changes)


def OneTimeWork(worker: str, **values: Any) -> Request:  # noqa: N802 - it reads as the kind of work it makes
    """A work that runs until it has succeeded or failed, once. `values` are its input."""
    return Request(worker=worker).with_input(**values)


def PeriodicWork(  # noqa: N802
    worker: str, *, every: float | None = None, flex: float | None = None, cron: str = "", **values: Any
) -> Request:
    """A work that runs again and again.

    Args:
        every: seconds between two runs; later runs stay on the grid of the first.
        flex: run in the last `flex` seconds of each interval.
        cron: in place of `every`: `30 2 * * *`, in the device's time zone.
        values: its input.
    """
    return Request(worker=worker, interval_s=every, flex_s=flex, cron=cron).with_input(**values)


def WorkOnChange(  # noqa: N802
    worker: str, *paths: str, update_delay_s: float = 1.0, max_delay_s: float = 60.0, **values: Any
) -> Request:
    """A work that runs each time that one of the paths has changed."""
    content = Content(tuple(map(str, paths)), update_delay_s, max_delay_s, again=True)
    return Request(worker=worker, content=content).with_input(**values)


def minutes(count: float) -> float:
    """In seconds."""
    return count * 60.0


def hours(count: float) -> float:
    """In seconds."""
    return count * 3600.0


def days(count: float) -> float:
    """In seconds."""
    return count * 86_400.0
