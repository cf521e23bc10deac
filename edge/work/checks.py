"""What is refused, with the remedy, before anything is enqueued."""

import math

import msgspec

from edge.errors import WorkError
from edge.work.constraints import ExpeditedConstraint, Network
from edge.work.request import MAX_BACKOFF_DELAY_S, MIN_BACKOFF_S, Content, Request
from edge.work.times import check_cron

MAX_NAME = 128
MAX_TAGS = 16
"""They go to a heavy worker in one message with its input, `edge.work.messages.MAX_MESSAGE_BYTES` at the most."""
LONGEST_S = 10 * 365 * 86_400.0


class Floors(msgspec.Struct, frozen=True):
    """Shortest intervals between the runs of periodic work, in seconds: of any, and of work that uses the network."""

    any_s: float = 1.0
    network_s: float = 900.0


def check(request: Request, floors: Floors) -> None:
    """Raises:
    WorkError: the request cannot be served as it is; names the worker, the value and the remedy.
    """
    where = f"work {request.worker!r}"
    if not request.worker or len(request.worker) > MAX_NAME:
        raise WorkError(f"{where}: that is no name of a worker", hint="`edge work workers` lists them")
    if any(not tag or len(tag) > MAX_NAME for tag in request.tags):
        raise WorkError(f"{where}: a tag is empty or longer than {MAX_NAME} characters", hint="give it a short name")
    if len(request.tags) > MAX_TAGS:
        raise WorkError(
            f"{where}: {len(request.tags)} tags, more than {MAX_TAGS}",
            hint="what only the worker needs goes into its input",
        )
    _check_numbers(request, where)
    _check_period(request, floors, where)
    if request.content is not None:
        _check_content(request.content, where)
    if request.expedited:
        _check_expedited(request, where)


def _check_numbers(request: Request, where: str) -> None:
    _within(request.delay_s, 0.0, LONGEST_S, f"{where}: delay")
    _within(request.backoff.delay_s, MIN_BACKOFF_S, MAX_BACKOFF_DELAY_S, f"{where}: back-off")
    if request.time_limit_s is not None:
        _within(request.time_limit_s, 0.1, LONGEST_S, f"{where}: time limit")
    if request.max_attempts is not None:
        _within(request.max_attempts, 1, 1_000_000, f"{where}: attempts")


def _check_period(request: Request, floors: Floors, where: str) -> None:
    if sum((request.interval_s is not None, bool(request.cron), request.content is not None)) > 1:
        raise WorkError(f"{where}: more than one of interval, cron and paths", hint="keep one of them")
    if request.cron:
        check_cron(request.cron)
    if request.interval_s is None:
        if request.flex_s is not None:
            raise WorkError(f"{where}: flex without an interval", hint="say every how many seconds it runs")
        return
    network = any(isinstance(each, Network) for each in request.constraints)
    _within(request.interval_s, floors.network_s if network else floors.any_s, LONGEST_S, f"{where}: interval")
    if request.flex_s is not None:
        _within(request.flex_s, min(floors.any_s, request.interval_s), request.interval_s, f"{where}: flex")


def _check_content(content: Content, where: str) -> None:
    if not content.paths or not all(path.startswith("/") for path in content.paths):
        raise WorkError(f"{where}: paths {list(content.paths)}: not absolute", hint="write them from / on")
    _within(content.update_delay_s, 0.0, LONGEST_S, f"{where}: update delay")
    _within(content.max_delay_s, content.update_delay_s, LONGEST_S, f"{where}: longest delay")


def _check_expedited(request: Request, where: str) -> None:
    if request.series:
        raise WorkError(f"{where}: periodic work cannot be expedited", hint="enqueue one-time work")
    if request.delay_s > 0:
        raise WorkError(f"{where}: expedited work cannot have a delay", hint="leave out the delay, or at_once()")
    for constraint in request.constraints:
        if not isinstance(constraint, ExpeditedConstraint):
            raise WorkError(
                f"{where}: expedited work cannot wait for {type(constraint).__name__}",
                hint="only for network and storage",
            )


def _within(value: float, least: float, most: float, what: str) -> None:
    if not math.isfinite(value) or not least <= value <= most:
        raise WorkError(f"{what} of {value:g}: must be {least:g} to {most:g}", hint="all times are in seconds")
