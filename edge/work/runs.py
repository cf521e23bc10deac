"""The runs that go on: each started, followed, asked to stop, and its end written down."""

import asyncio
import logging
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from edge.errors import StoreError, WorkError
from edge.work.data import Data
from edge.work.desk import Desk
from edge.work.heavy import HeavyRun
from edge.work.light import LightRun
from edge.work.messages import Begin
from edge.work.registry import Registry
from edge.work.states import Fail, Outcome, Stopped, StopReason, Success
from edge.work.store import WorkStore
from edge.work.table import Work
from edge.work.transitions import Slots, Started, merged_input
from edge.work.worker import Run, Worker

log = logging.getLogger(__name__)

PROGRESS_S = 1.0
"""Progress is written down at most so often."""
RETRY_S = 5.0
"""Until a database that failed is tried again."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """`light`, `heavy`: works that run at the same time, in the loop and in processes. `grace_s`: from the wish to stop to the kill.
    `keep_s`: finished works are deleted so long after."""

    light: int = 8
    heavy: int = 1
    grace_s: float = 10.0
    keep_s: float = 86_400.0


class Active:
    """A run that goes on. `over`: it has come to something that is being written down."""

    def __init__(self, work: Work, *, heavy: bool) -> None:
        self.work = work
        self.heavy = heavy
        self.over = False
        self.ask_to_stop: Callable[[StopReason], None] = lambda reason: None
        self.progress: Data | None = None
        self.writing = False


class Runs:
    """All runs that go on.

    Args:
        changed: called when the rows have changed.
        ended: called when a place has become free.

    `error` is set when the end of a run could not be written down, as in a damaged database: nothing can go on.

    Thread: the loop's.
    """

    def __init__(
        self,
        desk: Desk,
        registry: Registry,
        limits: Limits,
        *,
        data_dir: Path,
        models_dir: Path,
        context: Data,
        changed: Callable[[], None],
        ended: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._registry = registry
        self._limits = limits
        self._data_dir = data_dir
        self._models_dir = models_dir
        self._context = context
        self._changed = changed
        self._ended = ended
        self._active: dict[str, Active] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.Task[None]] = set()
        self._broken = False
        self.error: Exception | None = None
        # Of its own: the loop's common pool has few threads, and others wait for them.
        self._threads = ThreadPoolExecutor(max(1, limits.heavy), thread_name_prefix="work")

    @property
    def active(self) -> dict[str, Active]:
        """By the id of the work."""
        return self._active

    def free_slots(self) -> Slots:
        heavy = sum(active.heavy for active in self._active.values())
        light = len(self._active) - heavy
        return Slots(self._limits.light - light, self._limits.heavy - heavy, self._registry.heavy)

    def launch(self, started: Started) -> None:
        worker = self._registry.get(started.work.request.worker)
        active = Active(started.work, heavy=worker is not None and worker.heavy)
        self._active[started.work.id] = active
        _keep(self._tasks, self._follow(active, self._prepare(started, active)))

    async def stop_all(self) -> None:
        """Ask all to stop, and wait for their ends as long as they may take."""
        for active in self._active.values():
            active.ask_to_stop(StopReason.SHUTDOWN)
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._limits.grace_s + 2 * RETRY_S)
        for task in self._writers:
            task.cancel()
        self._threads.shutdown(wait=False)

    async def keep_trying(self, do: Callable[[WorkStore], Any]) -> Any:
        """What must not be lost; waits for a database that is full or locked.

        Raises:
            StoreError: it is damaged.
        """
        while True:
            try:
                value = await self._desk.call(do)
            except StoreError as error:
                if not error.retryable:
                    raise
                self.report(error)
                await asyncio.sleep(RETRY_S)
            else:
                self._broken = False
                return value

    def report(self, error: StoreError) -> None:
        """Say a failure once, until the database works again."""
        if not self._broken:
            self._broken = True
            log.error("work store failed, trying again every=%gs error=%s", RETRY_S, error)

    async def _follow(self, active: Active, execution: Coroutine[Any, Any, Outcome]) -> None:
        work = active.work
        level = logging.DEBUG if work.request.series else logging.INFO  # what comes every minute is no news
        log.log(level, "work started worker=%s id=%s attempt=%d", work.request.worker, work.id, work.attempts - 1)
        try:
            outcome = await _come_to(work, execution)
            active.over = True
            await self._write_progress(active)
            await self.keep_trying(lambda store: store.finish(work.id, work.runs, outcome))
            level = level if isinstance(outcome, Success) else logging.INFO
            log.log(level, "work ended worker=%s id=%s outcome=%s", work.request.worker, work.id, words(outcome))
        except Exception as error:  # noqa: BLE001 - the owner must know that its end could not be written down
            self.error = error
        finally:
            del self._active[work.id]
            self._changed()
            self._ended()

    def _prepare(self, started: Started, active: Active) -> Coroutine[Any, Any, Outcome]:
        """What will run it; from now on it can be asked to stop."""
        try:
            worker = self._registry.required(started.work.request.worker)
            values = merged_input(started)
        except WorkError as error:
            return _already(Fail(str(error)))
        if worker.heavy:
            heavy = self._heavy_run(active, worker, values)
            active.ask_to_stop = heavy.ask_to_stop
            return _in_thread(self._threads, heavy.run)
        light = self._light_run(active, worker, values)
        active.ask_to_stop = light.ask_to_stop
        return light.run()

    def _light_run(self, active: Active, worker: Worker, values: Data) -> LightRun:
        work = active.work
        run = Run(
            id=work.id,
            worker=worker.name,
            input=values,
            attempt=work.attempts - 1,
            tags=work.request.tags,
            data_dir=self._data_dir,
            models_dir=self._models_dir,
            report=lambda progress: self._take_progress(active, progress),
            context=self._context,
        )
        return LightRun(worker, run, time_limit_s=work.request.time_limit_s, grace_s=self._limits.grace_s)

    def _heavy_run(self, active: Active, worker: Worker, values: Data) -> HeavyRun:
        work, loop = active.work, asyncio.get_running_loop()
        begin = Begin(
            place=worker.place,
            worker=worker.name,
            id=work.id,
            input=values,
            attempt=work.attempts - 1,
            tags=work.request.tags,
            data_dir=str(self._data_dir),
            models_dir=str(self._models_dir),
            memory_mb=worker.memory_mb,
            nice=worker.nice,
            context=self._context,
        )
        return HeavyRun(
            begin,
            time_limit_s=work.request.time_limit_s,
            grace_s=self._limits.grace_s,
            report=lambda progress: _soon(loop, lambda: self._take_progress(active, progress)),
        )

    def _take_progress(self, active: Active, values: Data) -> None:
        active.progress = values
        if not active.writing:
            active.writing = True
            _keep(self._writers, self._write_soon(active))

    async def _write_soon(self, active: Active) -> None:
        while active.progress is not None and not active.over:
            await self._write_progress(active)
            await asyncio.sleep(PROGRESS_S)
        active.writing = False

    async def _write_progress(self, active: Active) -> None:
        values, active.progress = active.progress, None
        if values is None:
            return
        work = active.work
        try:
            await self._desk.call(lambda store: store.set_progress(work.id, work.runs, values))
            self._changed()
        except StoreError as error:
            self.report(error)  # the next progress tells as much


def words(outcome: Outcome) -> str:
    """`success`, `retry: not yet`, `stopped: charging` …"""
    if isinstance(outcome, Stopped):
        return f"stopped: {outcome.reason.value}{f' ({outcome.message})' if outcome.message else ''}"
    name = type(outcome).__name__.lower()
    message = getattr(outcome, "message", "")
    return f"{name}: {message}" if message else name


def _keep(tasks: set[asyncio.Task[None]], coroutine: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(coroutine)
    tasks.add(task)
    task.add_done_callback(tasks.discard)


async def _come_to(work: Work, execution: Coroutine[Any, Any, Outcome]) -> Outcome:
    """What goes wrong around a worker ends its run, and nothing else."""
    try:
        return await execution
    except Exception as error:
        log.exception("work could not be run worker=%s id=%s", work.request.worker, work.id)
        return Stopped(StopReason.CRASH, f"{type(error).__name__}: {error}")


async def _in_thread(threads: ThreadPoolExecutor, do: Callable[[], Outcome]) -> Outcome:
    return await asyncio.get_running_loop().run_in_executor(threads, do)


async def _already(outcome: Outcome) -> Outcome:
    return outcome


def _soon(loop: asyncio.AbstractEventLoop, do: Callable[[], None]) -> None:
    try:
        loop.call_soon_threadsafe(do)
    except RuntimeError:
        pass  # the loop has ended
