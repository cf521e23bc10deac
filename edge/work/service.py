"""Background work inside the daemon: ask for it, look at it, and it runs."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import tzinfo
from pathlib import Path
from typing import TypeVar

from edge.clock import Clock
from edge.device.state import DeviceMonitor
from edge.work.bell import Bell
from edge.work.beside import beside
from edge.work.chain import Chain, begin
from edge.work.constraints import Moment
from edge.work.content import Looks
from edge.work.data import Data
from edge.work.desk import Desk
from edge.work.enqueueing import Enqueued, Ticket
from edge.work.observe import WorkInfo, info_of
from edge.work.registry import Registry
from edge.work.request import Existing, Request
from edge.work.runs import Limits, Runs
from edge.work.scheduler import HEARTBEAT_S, Scheduler
from edge.work.store import Find, WorkSettings, WorkStore, looks_of
from edge.work.times import local_zone

log = logging.getLogger(__name__)

LOOK_S = 10.0
"""Paths that do not answer so long are first looked at later, and what changed before does not count."""

T = TypeVar("T")


class BackgroundWork:
    """Asks for work, looks at it, and runs it.

    Args:
        context: what runs see as `Run.context`.
        changed: called after anything has changed.
        trust_clock: the wall clock is right even where nobody says so (the device has a clock with a battery).

    Thread: the one that runs asyncio.
    """

    def __init__(
        self,
        data_dir: Path,
        registry: Registry,
        monitor: DeviceMonitor,
        clock: Clock,
        *,
        models_dir: Path | None = None,
        settings: WorkSettings | None = None,
        limits: Limits | None = None,
        context: Data | None = None,
        trust_clock: bool = False,
        changed: Callable[[], None] = lambda: None,
        zone: tzinfo | None = None,
        longest_s: float = HEARTBEAT_S,
    ) -> None:
        self._monitor = monitor
        self._clock = clock
        self._zone = zone or local_zone()
        self._changed = changed
        self._observers: set[asyncio.Event] = set()

        def trusted() -> bool:
            return trust_clock or monitor.current().clock.synchronised is not False

        self._desk = Desk(lambda: WorkStore(data_dir, clock, trusted=trusted, settings=settings, zone=self._zone))
        limits = limits or Limits()
        self._scheduler = Scheduler(
            self._desk, monitor, clock, self._zone, keep_s=limits.keep_s, changed=self._tell, longest_s=longest_s
        )
        self._runs = Runs(
            self._desk,
            registry,
            limits,
            data_dir=data_dir,
            models_dir=models_dir or data_dir / "models",
            context=context or {},
            changed=self._tell,
            ended=self._scheduler.wake,
        )
        self._bell = Bell(data_dir, self._rung)

    async def open(self) -> None:
        """Must come first.

        Raises:
            StoreError: the database cannot be used.
        """
        await self._desk.open()
        self._bell.open()
        self._monitor.listen(lambda _: self._tell())

    async def run(self, stop: asyncio.Event) -> None:
        """Run works until `stop` is set, then stop them in order. Raises as `Scheduler.run`."""
        await self._scheduler.run(self._runs, stop)

    async def close(self) -> None:
        self._bell.close()
        await self._desk.close()

    async def enqueue(
        self, request: Request | Chain, *, name: str | None = None, existing: Existing = Existing.KEEP
    ) -> Ticket:
        """Ask for a work or a chain; it is durable when this returns.

        Args:
            name: unique: `existing` says what becomes of work that has it already.

        Raises:
            WorkError: the request is wrong. StoreError: the database failed; nothing was enqueued.
        """
        chain = request if isinstance(request, Chain) else begin(request)
        looks = await _looks(step.request for step in chain.steps)
        return await self._change(lambda store: store.enqueue(chain, name=name, existing=existing, looks=looks))

    async def update(self, id_: str, request: Request) -> Enqueued:
        """Give a work another request. Raises as `enqueue`, also when there is no such work."""
        looks = await _looks([request])
        return await self._change(lambda store: store.update(id_, request, looks))

    async def cancel(self, by: Find, value: str = "") -> int:
        """Cancel by `id`, `tag` or `name`, or `all`, with all that waits for them; how many."""
        return await self._change(lambda store: len(store.cancel(by, value)))

    async def prune(self, keep_s: float = 0.0) -> int:
        """Forget what finished so long ago; how many."""
        return await self._change(lambda store: store.prune(keep_s))

    async def make_due(self, id_: str) -> bool:
        """Do not wait for its time; its constraints count."""
        return await self._change(lambda store: store.make_due(id_))

    async def infos(self, by: Find, value: str = "") -> list[WorkInfo]:
        """How works are now, oldest first."""
        now = self._clock.now()
        moment = Moment(self._monitor.current(), now.wall_s, now.boot_s, self._zone)
        return await self._desk.call(lambda store: [info_of(work, store, moment) for work in store.find(by, value)])

    async def observe(self, by: Find, value: str = "") -> AsyncIterator[list[WorkInfo]]:
        """How works are now, and again whenever that has changed."""
        event, last = asyncio.Event(), None
        self._observers.add(event)
        try:
            while True:
                event.clear()
                infos = await self.infos(by, value)
                if infos != last:
                    last = infos
                    yield infos
                await event.wait()
        finally:
            self._observers.discard(event)

    async def configure(self, requests: Mapping[str, Request], tag: str) -> None:
        """Make the works with this tag be these: what is new is added, what differs updated, what is gone cancelled.

        Raises:
            WorkError: a request is wrong. StoreError: the database failed; nothing was changed.
        """
        looks = await _looks(requests.values())

        def apply(store: WorkStore) -> None:
            for work in store.find("tag", tag):
                if work.name not in requests and not work.state.finished:
                    store.cancel("id", work.id)
            for name, request in requests.items():
                _configure(store, name, request, looks)

        await self._change(apply)

    async def result(self, id_: str) -> WorkInfo:
        """Wait until a one-time work has finished."""
        async for infos in self.observe("id", id_):
            if infos and infos[0].state.finished:
                return infos[0]
        raise AssertionError("observing never ends")

    async def _change(self, do: Callable[[WorkStore], T]) -> T:
        value = await self._desk.call(do)
        self._rung()
        return value

    def _rung(self) -> None:
        self._scheduler.wake()
        self._tell()

    def _tell(self) -> None:
        self._changed()
        for event in self._observers:
            event.set()


async def _looks(requests: Iterable[Request]) -> Looks:
    """Beside the loop, and outside of any transaction."""
    contents = [request.content for request in requests if request.content is not None]
    if not contents:
        return {}
    try:
        return await asyncio.wait_for(beside(lambda: looks_of(contents), "work-look"), LOOK_S)
    except TimeoutError:
        log.warning("watched paths do not answer, they are looked at later works=%d", len(contents))
        return {}


def _configure(store: WorkStore, name: str, request: Request, looks: Looks) -> None:
    known = [work for work in store.find("name", name) if not work.state.finished]
    if len(known) == 1 and known[0].request == request:
        return
    same_kind = len(known) == 1 and known[0].request.series == request.series
    existing = Existing.UPDATE if same_kind else Existing.REPLACE
    store.enqueue(begin(request), name=name, existing=existing, looks=looks)
