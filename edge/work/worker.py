"""What a worker is, and what it sees of its run."""

import threading
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from edge.errors import WorkError
from edge.work import data
from edge.work.data import Data
from edge.work.states import Fail, Result, Retry, StopReason, Success

DEFAULT_MEMORY_MB = 256
DEFAULT_NICE = 19
"""The least: beside recognition that needs all cores it gets one or two hundredths of them."""

StopCallback = Callable[[StopReason], None]


class Run:
    """One run of a work, as its worker sees it.

    `attempt` counts from 0 and begins anew with each period. `context` is what the program knows and no request says: `device`, `model`,
    `quality`, `max_edge_px`. Runs may be repeated: a worker must be able to do the same work twice.

    Thread: the worker's; `progress` and `stopping` any. A stop's callbacks may come in another.
    """

    def __init__(
        self, *, id: str, worker: str, input: Data, attempt: int = 0, tags: tuple[str, ...] = (), data_dir: Path, models_dir: Path,
        report: Callable[[Data], None], context: Data | None = None,
    ) -> None:  # fmt: skip
        self.id = id
        self.worker = worker
        self.input = input
        self.attempt = attempt
        self.tags = tags
        self.data_dir = data_dir
        self.models_dir = models_dir
        self.context = context or {}
        self._report = report
        self._reason = StopReason.NOT_STOPPED
        self._callbacks: list[StopCallback] = []
        self._lock = threading.Lock()

    def progress(self, **values: Any) -> None:
        """Tell how far it is; observers see it, and it is kept over a stop.

        Raises:
            WorkError: the values are too large or not plain.
        """
        self._report(data.checked(values, f"progress of {self.worker}"))

    @property
    def stopping(self) -> bool:
        """It was asked to stop: return soon, whatever; the result does not count any more."""
        return self._reason is not StopReason.NOT_STOPPED

    @property
    def stop_reason(self) -> StopReason:
        return self._reason

    def on_stop(self, callback: StopCallback) -> None:
        """Be called when the run is asked to stop, at once if it was already: the last moment to put things in order."""
        with self._lock:
            self._callbacks.append(callback)
            stopping = self.stopping
        if stopping:
            callback(self._reason)

    def ask_to_stop(self, reason: StopReason) -> None:
        """For the runner only."""
        with self._lock:
            if self.stopping:
                return
            self._reason = reason
            callbacks = tuple(self._callbacks)
        for callback in callbacks:
            callback(reason)


WorkFunction = Callable[[Run], Awaitable[Result | None]] | Callable[[Run], Result | None]
F = TypeVar("F", bound=Callable[..., Any])


class Worker(msgspec.Struct, frozen=True, kw_only=True):
    """A worker as it was registered.

    A heavy one runs in a process of its own, where `place` (`package.module:function` or `/path/file.py:function`) is imported; its
    address space may grow by `memory_mb` and its resident memory, with that of all it started, must stay below that. A light one is a
    coroutine function and runs in the daemon's loop.
    """

    name: str
    function: WorkFunction
    place: str
    heavy: bool = False
    memory_mb: int = DEFAULT_MEMORY_MB
    nice: int = DEFAULT_NICE


class WorkerSpec(msgspec.Struct, frozen=True):
    """What the decorator leaves at the function."""

    name: str
    heavy: bool
    memory_mb: int
    nice: int


def worker(
    name: str, *, heavy: bool = False, memory_mb: int = DEFAULT_MEMORY_MB, nice: int = DEFAULT_NICE
) -> Callable[[F], F]:
    """Make a function a worker.

    Light ones are `async def` and must not block; heavy ones are plain functions in a process of their own.
    """

    def mark(function: F) -> F:
        function.edge_worker = WorkerSpec(name, heavy, memory_mb, nice)  # type: ignore[attr-defined]
        return function

    return mark


def checked_result(worker_name: str, value: object) -> Result:
    """What a worker returned, as a result; what is none counts as failure."""
    if not isinstance(value, Success | Retry | Fail):
        return Fail(f"{worker_name} returned {value!r:.100}, not Success, Retry or Fail")
    if isinstance(value, Retry):
        return value
    try:
        return msgspec.structs.replace(value, output=data.checked(value.output, f"output of {worker_name}"))
    except WorkError as error:
        return Fail(str(error))
