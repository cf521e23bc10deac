"""How requests become works, and what becomes of those of the same name. Called inside one transaction."""

from collections.abc import Callable, Sequence
from enum import Enum

import msgspec

from edge.errors import WorkError
from edge.work import transitions
from edge.work.chain import Chain
from edge.work.content import Looks
from edge.work.request import Existing, OutOfQuota, Request
from edge.work.states import WorkState
from edge.work.table import Table, Work
from edge.work.transitions import Ground

QUOTA_WINDOW_S = 3600.0


class Enqueued(Enum):
    """What became of a request."""

    ADDED = "added"
    KEPT = "kept"
    """There was such work already: nothing changed."""
    DROPPED = "dropped"
    """Expedited work beyond the quota."""
    APPLIED_IMMEDIATELY = "applied immediately"
    APPLIED_FOR_NEXT_RUN = "applied for the next run"
    """The run that goes on is as before."""
    NOT_APPLIED = "not applied"
    """The work had finished."""


class Ticket(msgspec.Struct, frozen=True):
    """`ids` of the works, in the order of the requests."""

    outcome: Enqueued
    ids: tuple[str, ...]


class Adding(msgspec.Struct, frozen=True):
    """What adding needs beside the ground. `expedited_quota`: expedited works an hour. `looks`: how the paths of the requests look;
    missing: not looked at yet."""

    next_id: Callable[[], str]
    wall_s: float
    expedited_quota: int
    looks: Looks = {}


def enqueue(ground: Ground, adding: Adding, chain: Chain, name: str | None, existing: Existing) -> Ticket:
    """Add the works of a chain, or do with those of the same name what `existing` says.

    Raises:
        WorkError: UPDATE of a chain, or of work of the other kind.
    """
    table = ground.table
    if name is None:
        return _add(ground, adding, chain, None, ())
    if existing is Existing.UPDATE:
        return _update_named(ground, adding, chain, name)
    if existing is Existing.KEEP:
        works = table.named(name)
        if any(work.state in (WorkState.ENQUEUED, WorkState.RUNNING) for work in works):
            return Ticket(Enqueued.KEPT, tuple(work.id for work in works))
    if existing in (Existing.APPEND, Existing.APPEND_OR_REPLACE):
        leaves = table.leaves(name)
        if existing is Existing.APPEND or not any(_broken(leaf) for leaf in leaves):
            return _add(ground, adding, chain, name, leaves)
    _clear(ground, name)
    return _add(ground, adding, chain, name, ())


def _broken(work: Work) -> bool:
    return work.state in (WorkState.FAILED, WorkState.CANCELLED)


def _clear(ground: Ground, name: str) -> None:
    works = ground.table.named(name)
    transitions.cancel(ground, works)
    ground.table.delete(work.id for work in works)


def _add(ground: Ground, adding: Adding, chain: Chain, name: str | None, leaves: Sequence[Work]) -> Ticket:
    requests = _within_quota(ground.table, ground.t_s, adding, [step.request for step in chain.steps])
    if requests is None:
        return Ticket(Enqueued.DROPPED, ())
    added: list[Work] = []
    for step, request in zip(chain.steps, requests, strict=True):
        parents = [added[at] for at in step.after] if step.after else list(leaves)
        work = Work(
            id=adding.next_id(),
            request=request,
            name=name,
            state=_first_state(parents),
            first_enqueued_s=ground.t_s,
            enqueued_s=ground.t_s,
            added_wall_s=adding.wall_s,
            signature=adding.looks.get(request.content.paths, "") if request.content is not None else "",
        )
        if work.state.finished:
            work = work.with_(finished_s=ground.t_s)
        added.append(ground.scheduled(work))
        ground.table.add(added[-1], [parent.id for parent in parents])
    return Ticket(Enqueued.ADDED, tuple(work.id for work in added))


def _within_quota(table: Table, t_s: float, adding: Adding, requests: list[Request]) -> list[Request] | None:
    """The requests as they may run; None: one of them is to be dropped, and so all."""
    wanted = sum(request.expedited for request in requests)
    if not wanted or table.expedited_since(t_s - QUOTA_WINDOW_S) + wanted <= adding.expedited_quota:
        return requests
    if any(request.expedited and request.out_of_quota is OutOfQuota.DROP for request in requests):
        return None
    return [msgspec.structs.replace(request, expedited=False) for request in requests]


def _first_state(parents: Sequence[Work]) -> WorkState:
    for state in (WorkState.FAILED, WorkState.CANCELLED):
        if any(parent.state is state for parent in parents):
            return state
    if all(parent.state is WorkState.SUCCEEDED for parent in parents):
        return WorkState.ENQUEUED
    return WorkState.BLOCKED


def _update_named(ground: Ground, adding: Adding, chain: Chain, name: str) -> Ticket:
    works = ground.table.named(name)
    if len(works) > 1 or len(chain.steps) > 1:
        raise WorkError(f"work named {name!r}: a chain cannot be updated", hint="replace it or append to it")
    if not works:
        return _add(ground, adding, chain, name, ())
    (work,) = works
    _same_kind(work, chain.steps[0].request)
    if work.state is WorkState.CANCELLED:
        _clear(ground, name)
        return _add(ground, adding, chain, name, ())
    return Ticket(update(ground, work, chain.steps[0].request, adding.looks), (work.id,))


def update(ground: Ground, work: Work, request: Request, looks: Looks) -> Enqueued:
    """Give a work another request; it keeps id, state, attempts, times and periods.

    Raises:
        WorkError: one of the two is periodic and the other is not.
    """
    _same_kind(work, request)
    if work.state.finished:
        return Enqueued.NOT_APPLIED
    running = work.state is WorkState.RUNNING
    changed = work.with_(request=request, generation=work.generation + 1, progress=work.progress if running else {})
    if request.content is not None and request.content != work.request.content:
        changed = changed.with_(signature=looks.get(request.content.paths, ""), changed_s=None)
    ground.table.put(ground.scheduled(changed), tags=True)
    return Enqueued.APPLIED_FOR_NEXT_RUN if running else Enqueued.APPLIED_IMMEDIATELY


def _same_kind(work: Work, request: Request) -> None:
    if work.request.series != request.series:
        kinds = ("one-time", "periodic")
        raise WorkError(
            f"work {work.name or work.id}: is {kinds[work.request.series]} and cannot become {kinds[request.series]}",
            hint="replace it",
        )
