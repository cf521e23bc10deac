"""When a work runs next: a pure function of what was asked for, what has happened and what the clocks say.

All times are work time (`edge.work.clock`), but those of calendars, which are wall time in the device's time zone.
"""

import math
import os
from datetime import UTC, datetime, tzinfo
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError

from edge.errors import WorkError
from edge.work.request import Backoff, BackoffPolicy, Request

MAX_BACKOFF_S = 5 * 3600.0
NEVER_S = math.inf
CALENDAR_REST_S = 5.0
"""A calendar of minutes names no moment so soon after the last start: a clock that is stepped back a little runs nothing twice."""
MINUTE_FIELDS = 5
"""Of a calendar without seconds."""
LOCALTIME = Path("/etc/localtime")


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What the next run follows from.

    `first_enqueued_s` is when it was asked for (or unblocked), `enqueued_s` when it was last put back. `started_s` is the last start.
    `changed_s` are the first and the last change of its paths that no run has seen yet.
    """

    first_enqueued_s: float
    enqueued_s: float
    started_s: float | None = None
    attempts: int = 0
    periods: int = 0
    changed_s: tuple[float, float] | None = None


def next_run_s(request: Request, history: History, offset_s: float, zone: tzinfo = UTC) -> float:
    """Work time from which it may run; `NEVER_S`: not before its paths change.

    Args:
        offset_s: wall time less work time.
    """
    if history.attempts > 0:
        return history.enqueued_s + backoff_s(request.backoff, history.attempts)
    if request.content is not None:
        return _after_change(request, history)
    if request.cron:
        first_s = history.first_enqueued_s + request.delay_s
        rest_s = CALENDAR_REST_S if len(request.cron.split()) == MINUTE_FIELDS else 0.0
        since_s = first_s if history.started_s is None else history.started_s + rest_s
        return next_cron_s(request.cron, since_s + offset_s, zone) - offset_s
    first_s = history.first_enqueued_s + request.delay_s
    if request.interval_s is None:
        return first_s
    if request.flex_s is not None:
        first_s += request.interval_s - request.flex_s
    if history.started_s is None or history.periods == 0:
        return first_s
    return _on_grid(first_s, request.interval_s, history.started_s)


def _on_grid(first_s: float, interval_s: float, after_s: float) -> float:
    """The first grid point behind `after_s`: those that were missed are one."""
    passed = max(0, math.floor((after_s - first_s) / interval_s) + 1)
    point_s = first_s + passed * interval_s
    return point_s if point_s > after_s else point_s + interval_s


def _after_change(request: Request, history: History) -> float:
    assert request.content is not None
    if history.changed_s is None:
        return NEVER_S
    first_s, last_s = history.changed_s
    return min(last_s + request.content.update_delay_s, first_s + request.content.max_delay_s)


def backoff_s(backoff: Backoff, attempts: int) -> float:
    """Seconds to wait after so many attempts."""
    if backoff.policy is BackoffPolicy.LINEAR:
        return min(backoff.delay_s * attempts, MAX_BACKOFF_S)
    return min(backoff.delay_s * 2.0 ** min(attempts - 1, 60), MAX_BACKOFF_S)


def next_cron_s(expression: str, after_wall_s: float, zone: tzinfo) -> float:
    """The next wall time, strictly later, that the expression names; one in a skipped hour of summer time comes right after it."""
    return next(CronSim(expression, datetime.fromtimestamp(after_wall_s, zone))).timestamp()


def check_cron(expression: str) -> None:
    """Raises:
    WorkError: no cron expression, or one that never comes.
    """
    try:
        next(CronSim(expression, datetime(2026, 1, 1, tzinfo=UTC)))
    except (CronSimError, StopIteration) as error:
        reason = str(error) or "no such day"
        raise WorkError(
            f"cron {expression!r}: {reason}", hint='write minute, hour, day, month, day of week, as "30 2 * * *"'
        ) from error


@lru_cache(1)
def local_zone() -> tzinfo:
    """The device's time zone with its summer time; UTC where none is set."""
    name = os.environ.get("TZ", "").removeprefix(":")
    try:
        if name:
            return ZoneInfo(name)
        with LOCALTIME.open("rb") as file:
            return ZoneInfo.from_file(file, key="local")
    except (OSError, ValueError):
        return UTC
