"""The one thread that writes works, so that the loop never waits for the card. What waits together is committed together."""

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

from edge.errors import StoreError
from edge.work.store import WorkStore

BATCH = 256

T = TypeVar("T")


class _Job(NamedTuple):
    do: Callable[[WorkStore], Any]
    future: "asyncio.Future[Any]"


class Desk:
    """Hands jobs to the store's thread. Each caller gets its answer when what it did is durable.

    Args:
        open_store: called in that thread.

    Thread: the loop's.
    """

    def __init__(self, open_store: Callable[[], WorkStore]) -> None:
        self._open_store = open_store
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="work-store", daemon=True)
        self._opened: asyncio.Future[None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_open = False

    async def open(self) -> None:
        """Raises:
        StoreError: the database cannot be used.
        """
        self._loop = asyncio.get_running_loop()
        self._opened = self._loop.create_future()
        self._thread.start()
        await self._opened
        self._is_open = True

    async def call(self, do: Callable[[WorkStore], T]) -> T:
        """Do this in the store's thread, in a transaction that others may share; what raises is undone alone.

        Raises:
            StoreError: the database failed, or is not open: before the start and after the end. Nothing was done.
            WorkError: what `do` raised.
        """
        if not self._is_open:
            raise _not_open()
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._jobs.put(_Job(do, future))
        return await future

    async def close(self) -> None:
        """After all that was asked for so far."""
        self._is_open = False
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        assert self._opened is not None
        try:
            store = self._open_store()
        except Exception as error:  # noqa: BLE001 - the opener gets it
            self._settle([(self._opened, None, error)])
            return
        self._settle([(self._opened, None, None)])
        try:
            while jobs := self._take():
                self._settle(_do(store, jobs))
        finally:
            store.close()

    def _take(self) -> list[_Job]:
        """What waits, at least one; empty after the last."""
        first = self._jobs.get()
        if first is None:
            return []
        jobs = [first]
        while len(jobs) < BATCH:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is None:
                self._jobs.put(None)
                break
            jobs.append(job)
        return jobs

    def _settle(self, answers: "list[tuple[asyncio.Future[Any], Any, Exception | None]]") -> None:
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(_answer, answers)
        except RuntimeError:
            pass  # the loop has ended, and with it those who asked


def _not_open() -> StoreError:
    return StoreError("works: their database is not open", hint="ask again while the program runs")


def _do(store: WorkStore, jobs: list[_Job]) -> "list[tuple[asyncio.Future[Any], Any, Exception | None]]":
    answers: list[tuple[asyncio.Future[Any], Any, Exception | None]] = []
    try:
        with store.together():
            for job in jobs:
                try:
                    answers.append((job.future, job.do(store), None))
                except StoreError:
                    raise
                except Exception as error:  # noqa: BLE001 - whoever asked gets it
                    answers.append((job.future, None, error))
    except StoreError as error:
        return [(job.future, None, error) for job in jobs]
    return answers


def _answer(answers: "list[tuple[asyncio.Future[Any], Any, Exception | None]]") -> None:
    for future, value, error in answers:
        if future.done():
            continue
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(value)
