"""Every change of a work's state. Each function is called inside one transaction and leaves the rows as the rules want them."""

from collections.abc import Callable, Iterable, Sequence
from datetime import tzinfo

import msgspec

from edge.errors import WorkError
from edge.work import data
from edge.work.constraints import Constraint, Verdict
from edge.work.data import MERGERS, Data
from edge.work.states import Fail, Outcome, Retry, Stopped, StopReason, Success, WorkState
from edge.work.table import Table, Work
from edge.work.times import next_run_s

Judge = Callable[[Sequence[Constraint]], Verdict]

_COUNTED = frozenset({StopReason.CRASH, StopReason.TIMEOUT})
"""Stops that are the work's own doing: they count against its attempts."""


class Ground(msgspec.Struct, frozen=True):
    """What a transition stands on. `t_s`: now, in work time; `offset_s`: wall time less work time."""

    table: Table
    t_s: float
    offset_s: float
    zone: tzinfo

    def scheduled(self, work: Work) -> Work:
        """With the time of its next run."""
        return work.with_(due_s=next_run_s(work.request, work.history, self.offset_s, self.zone))


class Slots(msgspec.Struct, frozen=True):
    """How many works may be started: in the loop, and in processes of their own. `heavy_workers`: names of the latter's workers."""

    light: int
    heavy: int
    heavy_workers: tuple[str, ...] = ()


class Started(msgspec.Struct, frozen=True):
    """A work that is RUNNING now, and the input of each of its parents, in order."""

    work: Work
    inputs: tuple[Data, ...]


def merged_input(started: Started) -> Data:
    """The input of a run: its own, and the outputs of the works before it.

    Raises:
        WorkError: there is no such merger, or what it made is too large.
    """
    request = started.work.request
    merger = MERGERS.get(request.merger)
    if merger is None:
        raise WorkError(f"merger {request.merger!r}: there is none of that name", hint=f"known: {', '.join(MERGERS)}")
    if not started.inputs:
        return request.input
    return data.checked(merger([request.input, *started.inputs]), f"merged input of {request.worker}")


class Waiting(msgspec.Struct, frozen=True):
    """How long nothing will happen by itself. `again_in_s`: constraints of work that is due change by then with time alone."""

    next_due_s: float | None
    again_in_s: float | None


def claim(ground: Ground, judge: Judge, slots: Slots) -> list[Started]:
    """Start what is due and may run: RUNNING, one attempt more."""
    table, t_s = ground.table, ground.t_s
    met = [text for text, needs in table.needs_of_due(t_s) if judge(needs).met]
    heavy = slots.heavy_workers
    chosen = table.due(t_s, met, heavy, wants_heavy=False, limit=max(0, slots.light)) if met else []
    chosen += table.due(t_s, met, heavy, wants_heavy=True, limit=max(0, slots.heavy)) if met and heavy else []
    return [_start(ground, work) for work in chosen]


def waiting(ground: Ground, judge: Judge) -> Waiting:
    again = (judge(needs).again_in_s for _, needs in ground.table.needs_of_due(ground.t_s))
    return Waiting(ground.table.next_due_s(ground.t_s), min((each for each in again if each is not None), default=None))


def _start(ground: Ground, work: Work) -> Started:
    started = work.with_(
        state=WorkState.RUNNING,
        runs=work.runs + 1,
        attempts=work.attempts + 1,
        started_s=ground.t_s,
        progress={},
        changed_s=None,
    )
    ground.table.put(started)
    return Started(started, tuple(parent.output for parent in ground.table.parents(work.id)))


def finish(ground: Ground, id_: str, runs: int, outcome: Outcome) -> Work | None:
    """Take what a run came to; None: it is over already (cancelled, replaced, found again after a kill), and nothing changes."""
    work = ground.table.get(id_)
    if work is None or work.state is not WorkState.RUNNING or work.runs != runs:
        return None
    if isinstance(outcome, Retry | Stopped) and _gives_up(work, outcome):
        outcome = Fail(f"gave up after {work.attempts} attempts: {_reason(outcome)}")
    if isinstance(outcome, Retry | Stopped):
        return _again(ground, work, outcome)
    if work.request.series:
        return _next_period(ground, work, outcome)
    return _end(ground, work, outcome)


def _gives_up(work: Work, outcome: Retry | Stopped) -> bool:
    limit = work.request.max_attempts
    counted = isinstance(outcome, Retry) or outcome.reason in _COUNTED
    return limit is not None and counted and work.attempts >= limit


def _reason(outcome: Retry | Stopped) -> str:
    return outcome.message or (outcome.reason.value if isinstance(outcome, Stopped) else "it asked to be tried again")


def _again(ground: Ground, work: Work, outcome: Retry | Stopped) -> Work:
    stopped = outcome.reason if isinstance(outcome, Stopped) else StopReason.NOT_STOPPED
    # A stop of the whole program is no fault of the work: it goes on where its back-off was.
    enqueued_s = work.enqueued_s if stopped is StopReason.SHUTDOWN else ground.t_s
    work = ground.scheduled(
        work.with_(state=WorkState.ENQUEUED, enqueued_s=enqueued_s, stop_reason=stopped, message=outcome.message)
    )
    ground.table.put(work)
    return work


def _next_period(ground: Ground, work: Work, outcome: Success | Fail) -> Work:
    work = work.with_(
        state=WorkState.ENQUEUED,
        attempts=0,
        periods=work.periods + 1,
        enqueued_s=ground.t_s,
        progress={},
        output=outcome.output,
        stop_reason=StopReason.NOT_STOPPED,
        message=outcome.message if isinstance(outcome, Fail) else "",
    )
    work = ground.scheduled(work)
    ground.table.put(work)
    return work


def _end(ground: Ground, work: Work, outcome: Success | Fail) -> Work:
    succeeded = isinstance(outcome, Success)
    work = work.with_(
        state=WorkState.SUCCEEDED if succeeded else WorkState.FAILED,
        output=outcome.output,
        progress={},
        finished_s=ground.t_s,
        stop_reason=StopReason.NOT_STOPPED,
        message="" if isinstance(outcome, Success) else outcome.message,
    )
    ground.table.put(work)
    if succeeded:
        unblock(ground, ground.table.children(work.id))
    else:
        _end_descendants(ground, [work.id], WorkState.FAILED, f"{work.request.worker} before it failed")
    return work


def unblock(ground: Ground, works: Iterable[Work]) -> None:
    """Enqueue those whose parents have all succeeded; their delay counts from now."""
    for work in works:
        if work.state is WorkState.BLOCKED and all(
            parent.state is WorkState.SUCCEEDED for parent in ground.table.parents(work.id)
        ):
            enqueued = work.with_(state=WorkState.ENQUEUED, first_enqueued_s=ground.t_s, enqueued_s=ground.t_s)
            ground.table.put(ground.scheduled(enqueued))


def _end_descendants(ground: Ground, ids: Iterable[str], state: WorkState, message: str) -> list[Work]:
    ended = []
    for work in ground.table.descendants(ids):
        if not work.state.finished:
            ended.append(work.with_(state=state, finished_s=ground.t_s, progress={}, message=message))
            ground.table.put(ended[-1])
    return ended


def cancel(ground: Ground, works: Iterable[Work]) -> list[Work]:
    """Cancel these and all that wait for them; what has finished stays as it is. Returns those that changed."""
    cancelled = []
    for work in works:
        if work.state.finished:
            continue
        running = work.state is WorkState.RUNNING
        reason = StopReason.CANCELLED if running else work.stop_reason
        cancelled.append(work.with_(state=WorkState.CANCELLED, finished_s=ground.t_s, progress={}, stop_reason=reason))
        ground.table.put(cancelled[-1])
    descendants = _end_descendants(ground, [work.id for work in cancelled], WorkState.CANCELLED, "")
    return cancelled + descendants


def recover(ground: Ground) -> list[Work]:
    """What the last process was running when it ended is enqueued again, its progress forgotten, its back-off counted from before."""
    found = []
    for work in ground.table.in_state(WorkState.RUNNING):
        again = work.with_(
            state=WorkState.ENQUEUED,
            progress={},
            stop_reason=StopReason.CRASH,
            message="the program ended while it ran",
        )
        found.append(ground.scheduled(again))
        ground.table.put(found[-1])
    return found


def reschedule_calendars(ground: Ground) -> None:
    """After the wall clock moved against work time: calendars by the new one, each at most once for all that was missed."""
    for work in ground.table.calendars():
        if work.attempts == 0:
            ground.table.put(ground.scheduled(work))


def note_change(ground: Ground, work: Work, signature: str) -> Work:
    """The paths of a work have changed."""
    first_s = work.changed_s[0] if work.changed_s is not None else ground.t_s
    work = ground.scheduled(work.with_(signature=signature, changed_s=(first_s, ground.t_s)))
    ground.table.put(work)
    return work
