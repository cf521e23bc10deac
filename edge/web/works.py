"""How a work is shown. Pure."""

from collections.abc import Callable
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


def shown_bytes(size: object) -> str:
    """In the largest unit that leaves a number above 1."""
    if not isinstance(size, int | float):
        return str(size)
    amount, unit = float(size), "B"
    for larger in ("kB", "MB", "GB"):
        if amount < 1000:
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.1f} {unit}" if unit != "B" and amount < 100 else f"{amount:.0f} {unit}"


AMOUNTS: tuple[tuple[str, str, Callable[[object], str]], ...] = (
    ("done", "of", str),
    ("bytes", "of_bytes", shown_bytes),
)
"""What is done, of how much, and how it is said."""


class ShownWork(NamedTuple):
    """`share`: how much is done, 0 to 1; None: nobody says."""

    info: WorkInfo
    state: str
    kind: str
    waits: str
    message: str
    running: bool
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
        running=info.state is WorkState.RUNNING,
        share=_share(info) if info.state is WorkState.RUNNING else None,
        next=Instant(info.next_run_wall_s, 0.0) if info.next_run_wall_s is not None else None,
        may_run=info.state is WorkState.ENQUEUED,
        may_cancel=not over,
    )


def _progress(info: WorkInfo) -> str:
    told = dict(info.progress)
    parts = [str(told.pop("step"))] if "step" in told else []
    for done, of, show in AMOUNTS:
        if done in told and of in told:
            parts.append(f"{show(told.pop(done))} of {show(told.pop(of))}")
    return ", ".join([*parts, *(f"{key} {value}" for key, value in told.items())])


def _last(info: WorkInfo) -> str:
    if info.message:
        return info.message
    return "" if info.stop_reason is StopReason.NOT_STOPPED else f"last stopped: {info.stop_reason.value}"


def _share(info: WorkInfo) -> float | None:
    """From what the workers that ship tell of how far they are."""
    for done_name, of_name, _ in AMOUNTS:
        done, of = info.progress.get(done_name), info.progress.get(of_name)
        if isinstance(done, int | float) and isinstance(of, int | float) and of > 0:
            return min(1.0, max(0.0, done / of))
    return None
