"""Runs the sources, and settles what they tell into one state that does not flap."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

import msgspec

from edge.clock import Clock, Instant
from edge.device.merging import Limits, Readings, differs, merge, with_numbers
from edge.device.port import Facet, Reading, Source, SourceError
from edge.device.state import DeviceState, StateListener, unknown

log = logging.getLogger(__name__)

SETTLE_S = 1.5
LONGEST_S = 10.0
"""What flaps for so long is told as it is."""
TICK_S = 15.0
"""How often idleness is looked at."""
FIRST_RETRY_S, LONGEST_RETRY_S = 1.0, 30.0


class SourceStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What one source told last. `value` is None before its first word and while it has failed; then `problem` says why."""

    name: str
    facet: Facet
    value: Reading | None = None
    at: Instant | None = None
    problem: str = ""

    @property
    def is_known(self) -> bool:
        """It has told something, or failed."""
        return self.at is not None


class Monitor:
    """`edge.device.state.DeviceMonitor` over real sources.

    Args:
        idle: whether nothing was seen and nobody asked for anything for a while.
        settle_s: a change counts when nothing else changed for so long.

    Thread: `current` any, the rest the one that runs asyncio.
    """

    def __init__(
        self,
        sources: Sequence[Source],
        clock: Clock,
        *,
        limits: Limits | None = None,
        idle: Callable[[Instant], bool] = lambda _: False,
        settle_s: float = SETTLE_S,
        first_retry_s: float = FIRST_RETRY_S,
    ) -> None:
        self._sources = sources
        self._clock = clock
        self._limits = limits or Limits()
        self._idle = idle
        self._settle_s = settle_s
        self._first_retry_s = first_retry_s
        self._statuses = {source.name: SourceStatus(name=source.name, facet=source.facet) for source in sources}
        self._settled = self._newest = unknown(clock.now())
        self._settled_problems: set[Facet] = set()
        self._pending: asyncio.TimerHandle | None = None
        self._pending_since_s = 0.0
        self._all_known = asyncio.Event()
        self._listeners: list[StateListener] = []

    @property
    def statuses(self) -> list[SourceStatus]:
        """Of each source, in their order."""
        return list(self._statuses.values())

    @property
    def problems(self) -> dict[Facet, str]:
        """Why a facet is not known, where a source of it has failed."""
        return {status.facet: status.problem for status in self.statuses if status.problem}

    def now(self) -> Instant:
        """By the clock that dates what sources tell."""
        return self._clock.now()

    def current(self) -> DeviceState:
        return with_numbers(self._settled, self._newest)

    def listen(self, listener: StateListener) -> None:
        self._listeners.append(listener)

    async def changes(self) -> AsyncIterator[DeviceState]:
        news = asyncio.Event()
        news.set()

        def wake(_: DeviceState) -> None:
            news.set()

        self._listeners.append(wake)
        try:
            while True:
                await news.wait()
                news.clear()
                yield self.current()
        finally:
            self._listeners.remove(wake)

    async def first_words(self, timeout_s: float) -> None:
        """Wait until every source has told something or failed, at the longest so long; what is known then has settled."""
        try:
            await asyncio.wait_for(self._all_known.wait(), timeout_s)
        except TimeoutError:
            pass
        self._settle()

    async def run(self) -> None:
        """Run the sources until cancelled."""
        async with asyncio.TaskGroup() as group:
            for source in self._sources:
                group.create_task(self._keep_running(source))
            while True:
                self._take_in()
                await asyncio.sleep(TICK_S)

    async def _keep_running(self, source: Source) -> None:
        retry_s = self._first_retry_s
        loop = asyncio.get_running_loop()
        while True:
            begun_s = loop.time()
            try:
                await source.run(lambda reading: self._told(source, reading))
            except Exception as error:  # noqa: BLE001 - whatever a source dies of, the others tell on
                self._failed(source, error)
            if loop.time() - begun_s > LONGEST_RETRY_S:
                retry_s = self._first_retry_s
            await asyncio.sleep(retry_s)
            retry_s = min(LONGEST_RETRY_S, 2 * retry_s)

    def _told(self, source: Source, reading: Reading) -> None:
        if self._statuses[source.name].problem:
            log.info("device source is back source=%s", source.name)
        self._set(SourceStatus(name=source.name, facet=source.facet, value=reading, at=self._clock.now()))

    def _failed(self, source: Source, error: Exception) -> None:
        problem = str(error) if isinstance(error, SourceError) else repr(error)
        if not self._statuses[source.name].problem:
            log.warning("device source failed source=%s error=%s", source.name, problem)
        self._set(SourceStatus(name=source.name, facet=source.facet, at=self._clock.now(), problem=problem))

    def _set(self, status: SourceStatus) -> None:
        self._statuses[status.name] = status
        self._take_in()
        if not self._all_known.is_set() and all(each.is_known for each in self._statuses.values()):
            self._all_known.set()
            self._settle()

    def _take_in(self) -> None:
        """Merge what is told now; a change waits until it has settled."""
        now, told = self._clock.now(), self._readings()
        before = self._newest if self._pending is not None else self._settled
        self._newest = merge(before, told, self._limits, now, idle=self._idle(now))
        if not self._is_news():
            self._forget_pending()
        elif self._pending is None or differs(self._newest, before):
            self._settle_soon()

    def _is_news(self) -> bool:
        """Something settled differs, or another source has failed or is back."""
        return differs(self._newest, self._settled) or set(self.problems) != self._settled_problems

    def _readings(self) -> Readings:
        told: dict[Facet, list[Reading | None]] = {}
        for status in self._statuses.values():
            told.setdefault(status.facet, []).append(status.value)
        return told

    def _settle_soon(self) -> None:
        loop = asyncio.get_running_loop()
        if self._pending is None:
            self._pending_since_s = loop.time()
        else:
            self._pending.cancel()
        wait_s = min(self._settle_s, max(0.0, self._pending_since_s + LONGEST_S - loop.time()))
        self._pending = loop.call_later(wait_s, self._settle)

    def _forget_pending(self) -> None:
        if self._pending is not None:
            self._pending.cancel()
            self._pending = None

    def _settle(self) -> None:
        self._forget_pending()
        changed, self._settled = self._is_news(), self._newest
        self._settled_problems = set(self.problems)
        if changed:
            for listener in tuple(self._listeners):
                listener(self._settled)


@asynccontextmanager
async def running(monitor: Monitor, wait_s: float) -> AsyncIterator[Monitor]:
    """The monitor, run for as long as this is open; its sources have said their first word, or have had `wait_s` for it."""
    task = asyncio.ensure_future(monitor.run())
    try:
        await monitor.first_words(wait_s)
        yield monitor
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
