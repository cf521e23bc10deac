"""How a work is shown. Pure."""

from typing import NamedTuple

from edge.clock import Instant
from edge.work.observe import WorkInfo
from edge.work.states import StopReason, WorkState

KINDS = {
    WorkState.RUNNING: "news",
    WorkState.SUCCEEDED: "well",
    WorkState.FAILED: "trouble",
    WorkState.CANCELLED: "warn",
}


class ShownWork(NamedTuple):
    """`share`: how much is done, 0 to 1; None: nobody says."""

    info: WorkInfo
    state: str
    kind: str
    waits: str
    message: str
    share: float | None
    next: Instant | None
    may_run: bool
    may_cancel: bool


def shown(info: WorkInfo) -> ShownWork:
    over = info.state in (WorkState.SUCCEEDED, WorkState.FAILED, WorkState.CANCELLED)
    waits = info.waits_for[:1].upper() + info.waits_for[1:] if info.waits_for else ""
    return ShownWork(
        info=info,
        state=str(info.state.value).lower(),
        kind=KINDS.get(info.state, ""),
        waits=waits or _progress(info),
        message=_last(info),
        share=_share(info) if info.state is WorkState.RUNNING else None,
        next=Instant(info.next_run_wall_s, 0.0) if info.next_run_wall_s is not None else None,
        may_run=info.state is WorkState.ENQUEUED,
        may_cancel=not over,
    )


def _progress(info: WorkInfo) -> str:
    return ", ".join(f"{key} {value}" for key, value in info.progress.items())


def _last(info: WorkInfo) -> str:
    if info.message:
        return info.message
    return "" if info.stop_reason is StopReason.NOT_STOPPED else f"last stopped: {info.stop_reason.value}"


def _share(info: WorkInfo) -> float | None:
    """From `done` and `total`, as the workers that ship tell it."""
    done, total = info.progress.get("done"), info.progress.get("total")
    if isinstance(done, int | float) and isinstance(total, int | float) and total > 0:
        return min(1.0, max(0.0, done / total))
    return None
