"""What people see of a work: its state, and in words what it waits for."""

from datetime import datetime, tzinfo
from typing import Any

import msgspec

from edge.clock import iso_utc
from edge.work.constraints import Moment, judge
from edge.work.data import Data
from edge.work.states import StopReason, WorkState
from edge.work.store import WorkStore
from edge.work.table import Work
from edge.work.times import NEVER_S

DAY_S = 86_400.0


class WorkInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A work as it is now.

    `next_run_wall_s`: not before; None when nothing is planned. `waits_for`: why it does not run, in words; empty while it does and when
    it is over. `stop_reason`, `message`: of the last run.
    """

    id: str
    name: str | None
    worker: str
    tags: tuple[str, ...]
    state: WorkState
    attempts: int
    periods: int
    generation: int
    stop_reason: StopReason
    message: str
    progress: Data
    output: Data
    next_run_wall_s: float | None
    waits_for: str

    def as_json(self) -> dict[str, Any]:
        """Plain values, the time as ISO 8601."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        wall_s = plain.pop("next_run_wall_s")
        plain["next_run"] = None if wall_s is None else iso_utc(wall_s)
        return plain


def info_of(work: Work, store: WorkStore, moment: Moment) -> WorkInfo:
    """Thread: the store's."""
    planned = work.state is WorkState.ENQUEUED and work.due_s < NEVER_S
    next_run_wall_s = store.wall_of(work.due_s) if planned else None
    return WorkInfo(
        id=work.id,
        name=work.name,
        worker=work.request.worker,
        tags=work.request.tags,
        state=work.state,
        attempts=work.attempts,
        periods=work.periods,
        generation=work.generation,
        stop_reason=work.stop_reason,
        message=work.message,
        progress=work.progress,
        output=work.output,
        next_run_wall_s=None if next_run_wall_s is None else round(next_run_wall_s, 3),
        waits_for=_waits_for(work, next_run_wall_s, moment),
    )


def _waits_for(work: Work, next_run_wall_s: float | None, moment: Moment) -> str:
    if work.state is WorkState.BLOCKED:
        return "waiting for the works before it"
    if work.state is not WorkState.ENQUEUED:
        return ""
    verdict = judge(work.request.constraints, moment)
    parts = []
    if next_run_wall_s is None:
        parts.append("waiting for a change of its paths")
    elif next_run_wall_s > moment.wall_s:
        why = "backing off" if work.attempts else "waiting"
        parts.append(f"{why} until {_clock(next_run_wall_s, moment.wall_s, moment.zone)}")
    elif verdict.met:
        parts.append("waiting for a free place")
    if verdict.findings:
        parts.append(verdict.words)
    return "; ".join(parts)


def _clock(wall_s: float, now_s: float, zone: tzinfo) -> str:
    at = datetime.fromtimestamp(wall_s, zone)
    return at.strftime("%H:%M:%S") if wall_s - now_s < DAY_S else at.strftime("%Y-%m-%d %H:%M")
