"""Runs works when they are due and the device can afford them. One timer, however many works there are.

The loop looks when a work becomes due, when the device changed, when a run has ended, and when somebody asked for something; between
these it sleeps. Each look is one transaction that starts what may start; what a run came to is another.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import tzinfo

import msgspec

from edge.clock import Clock
from edge.device.state import DeviceMonitor, DeviceState
from edge.errors import StoreError
from edge.work.beside import beside
from edge.work.constraints import Constraint, Moment, Verdict, judge
from edge.work.desk import Desk
from edge.work.runs import RETRY_S, Runs
from edge.work.states import StopReason
from edge.work.store import WorkStore, look
from edge.work.table import Work
from edge.work.transitions import Started, Waiting

log = logging.getLogger(__name__)

HEARTBEAT_S = 600.0
"""The clocks are looked at and written down at least so often: what an unsynchronised device may lose over a reboot."""
LOOK_AT_PATHS_S = 2.0
LOOK_REST = 20.0
"""A look at large folders is followed by so many times its own length without one."""
SLOW_LOOK_S = 60.0
"""A look that takes longer is said: a network drive whose server is away may never answer."""
SLOW_LOOK = "watched paths do not answer, all work that waits for a change waits for them works=%d"
PRUNE_S = 3600.0
"""Between two prunings of finished works."""


class _Seen(msgspec.Struct, frozen=True):
    """What one look found. `running`: ids, and which run of each."""

    started: list[Started]
    running: dict[str, int]
    waiting: Waiting
    watched: list[Work]


class Scheduler:
    """Runs works until it is told to stop.

    Args:
        keep_s: finished works are forgotten so long after.
        changed: called after works were started.
        longest_s: it looks at least so often; tests with clocks of their own want that.

    Thread: the loop's.
    """

    def __init__(
        self,
        desk: Desk,
        monitor: DeviceMonitor,
        clock: Clock,
        zone: tzinfo,
        *,
        keep_s: float,
        changed: Callable[[], None],
        longest_s: float = HEARTBEAT_S,
    ) -> None:
        self._desk = desk
        self._monitor = monitor
        self._clock = clock
        self._zone = zone
        self._keep_s = keep_s
        self._changed = changed
        self._longest_s = longest_s
        self._wake = asyncio.Event()
        self._next_prune_s = 0.0
        self._next_look_s = 0.0
        self._looking: asyncio.Task[None] | None = None

    def wake(self) -> None:
        """Look now: something may have changed."""
        self._wake.set()

    async def run(self, runs: Runs, stop: asyncio.Event) -> None:
        """Until `stop` is set; then running works are stopped and wait for the next start.

        Raises:
            StoreError: the database is damaged. One that is full or locked is waited for.
        """
        self._monitor.listen(lambda _: self.wake())
        stopped = asyncio.ensure_future(_then(stop, self.wake))
        try:
            for work in await runs.keep_trying(lambda store: store.recover()):
                log.warning("work was cut off worker=%s id=%s attempts=%d", work.request.worker, work.id, work.attempts)
            while not stop.is_set() and runs.error is None:
                await self._sleep(await self._look(runs))
        finally:
            stopped.cancel()
            if self._looking is not None:
                self._looking.cancel()
            await runs.stop_all()
        if runs.error is not None:
            raise runs.error

    async def _look(self, runs: Runs) -> float:
        """Start and stop what has to be; seconds until the next look that time alone calls for."""
        self._wake.clear()
        try:
            return await self._act(runs)
        except StoreError as error:
            if not error.retryable:
                raise
            runs.report(error)
            return RETRY_S

    async def _act(self, runs: Runs) -> float:
        state, prune, slots = self._monitor.current(), self._prune_due(), runs.free_slots()

        def step(store: WorkStore) -> _Seen:
            def verdict(needs: Sequence[Constraint]) -> Verdict:
                return judge(needs, self._moment(state))

            store.stamp(HEARTBEAT_S / 2)
            if prune:
                store.prune(self._keep_s)
            return _Seen(store.claim(verdict, slots), store.running(), store.waiting(verdict), store.watched())

        seen = await self._desk.call(step)
        for each in seen.started:
            runs.launch(each)
        if seen.started:
            self._changed()
        _stop_gone(runs, seen.running)
        times = [*self._stop_unmet(runs, state), seen.waiting.next_due_s, seen.waiting.again_in_s, self._longest_s]
        if seen.watched:
            times.append(self._look_at_paths(seen.watched))
        return min(max(0.0, time_s) for time_s in times if time_s is not None)

    def _look_at_paths(self, watched: list[Work]) -> float:
        """Have them looked at beside all else; seconds until this is to be asked again.

        Raises:
            StoreError: what the last look saw could not be written down.
        """
        looking, left_s = self._looking, self._next_look_s - self._loop_s()
        if looking is not None and looking.done():
            self._looking = None
            looking.result()
        if self._looking is None:
            if left_s > 0:
                return left_s
            self._looking = asyncio.create_task(self._take_looks(watched))
        return LOOK_AT_PATHS_S

    async def _take_looks(self, watched: list[Work]) -> None:
        begin_s = self._loop_s()
        slow = asyncio.get_running_loop().call_later(SLOW_LOOK_S, log.warning, SLOW_LOOK, len(watched))
        try:
            looks = await beside(lambda: look(watched), "work-look")
        finally:
            slow.cancel()
        end_s = self._loop_s()
        self._next_look_s = max(begin_s + LOOK_AT_PATHS_S, end_s + LOOK_REST * (end_s - begin_s))
        if any(looks.get(work.id) != work.signature for work in watched):
            await self._desk.call(lambda store: store.note_looks(looks))
            self.wake()

    @staticmethod
    def _loop_s() -> float:
        return asyncio.get_running_loop().time()

    def _stop_unmet(self, runs: Runs, state: DeviceState) -> list[float | None]:
        """Stop what may not go on; when time alone may end something next."""
        moment = self._moment(state)
        times: list[float | None] = []
        for active in runs.active.values():
            verdict = judge(active.work.request.constraints, moment)
            if verdict.met:
                times.append(verdict.again_in_s)
            else:
                active.ask_to_stop(verdict.stop)
        return times

    async def _sleep(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    def _prune_due(self) -> bool:
        now_s = self._clock.now().boot_s
        if now_s < self._next_prune_s:
            return False
        self._next_prune_s = now_s + PRUNE_S
        return True

    def _moment(self, state: DeviceState) -> Moment:
        now = self._clock.now()
        return Moment(state, now.wall_s, now.boot_s, self._zone)


def _stop_gone(runs: Runs, running: dict[str, int]) -> None:
    """Stop runs whose work was cancelled, replaced or deleted."""
    for id_, active in runs.active.items():
        if running.get(id_) != active.work.runs and not active.over:
            active.ask_to_stop(StopReason.CANCELLED)


async def _then(event: asyncio.Event, do: Callable[[], None]) -> None:
    await event.wait()
    do()
