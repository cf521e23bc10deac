"""A light work: a coroutine in the daemon's loop."""

import asyncio
import logging
from collections.abc import Awaitable
from typing import Any, cast

from edge.work.states import Fail, Outcome, Stopped, StopReason
from edge.work.worker import Run, Worker, checked_result

log = logging.getLogger(__name__)

CANCEL_S = 1.0
"""One that goes on after its grace time is cancelled and waited for so long; then it is left to itself."""


class LightRun:
    """One run. Thread: the loop's."""

    def __init__(self, worker: Worker, run: Run, *, time_limit_s: float | None, grace_s: float) -> None:
        self._worker = worker
        self._run = run
        self._time_limit_s = time_limit_s
        self._grace_s = grace_s
        self._asked = asyncio.Event()

    def ask_to_stop(self, reason: StopReason) -> None:
        """The first reason counts; a result that comes later does not."""
        try:
            self._run.ask_to_stop(reason)
        except Exception:
            log.exception("stop callback failed worker=%s", self._worker.name)
        self._asked.set()

    async def run(self) -> Outcome:
        task = asyncio.ensure_future(self._call())
        asked = asyncio.ensure_future(self._asked.wait())
        try:
            await asyncio.wait({task, asked}, timeout=self._time_limit_s, return_when=asyncio.FIRST_COMPLETED)
            if task.done() and not self._run.stopping:
                return Fail(f"{self._worker.name} cancelled itself") if task.cancelled() else task.result()
            if not self._run.stopping:
                self.ask_to_stop(StopReason.TIMEOUT)
            await asyncio.wait({task}, timeout=self._grace_s)
            return Stopped(self._run.stop_reason)
        finally:
            asked.cancel()
            await self._make_sure_it_ended(task)

    async def _make_sure_it_ended(self, task: "asyncio.Future[Outcome]") -> None:
        if task.done():
            return
        task.cancel()
        await asyncio.wait({task}, timeout=CANCEL_S)
        if not task.done():
            log.error("work does not end and is left to itself worker=%s", self._worker.name)

    async def _call(self) -> Outcome:
        try:
            value = await cast(Awaitable[Any], self._worker.function(self._run))
        except (Exception, SystemExit) as error:  # not even a worker's sys.exit() ends the program
            log.warning("worker raised worker=%s", self._worker.name, exc_info=True)
            return Fail(f"{type(error).__name__}: {error}")
        return checked_result(self._worker.name, value)
