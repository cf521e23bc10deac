"""The scheduler with real workers, on the machine's clocks, and a device that is what the test says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from edge.clock import Clock, SystemClock
from edge.testing.device import SimulatedDevice
from edge.work.observe import WorkInfo
from edge.work.registry import Registry
from edge.work.request import Request
from edge.work.runs import Limits
from edge.work.service import BackgroundWork
from tests import work_workers

QUICK = Limits(grace_s=0.5, heavy=2)


@asynccontextmanager
async def working(
    folder: Path,
    *,
    clock: Clock | None = None,
    registry: Registry | None = None,
    limits: Limits = QUICK,
    **options: Any,
) -> AsyncIterator[tuple[BackgroundWork, SimulatedDevice]]:
    """Runs works while the block goes on; stops them in order at its end."""
    clock = clock or SystemClock()
    device = SimulatedDevice(clock)
    work = BackgroundWork(folder, registry or work_workers.registry(), device, clock, limits=limits, **options)
    await work.open()
    stop = asyncio.Event()
    running = asyncio.create_task(work.run(stop))
    try:
        yield work, device
    finally:
        stop.set()
        await running
        await work.close()


async def only(work: BackgroundWork, request: Request, **options: Any) -> str:
    (id_,) = (await work.enqueue(request, **options)).ids
    return id_


async def until(work: BackgroundWork, id_: str, fits: Callable[[WorkInfo], bool], timeout_s: float = 30) -> WorkInfo:
    """The first look at the work that fits."""
    async with asyncio.timeout(timeout_s):
        async for infos in work.observe("id", id_):
            if infos and fits(infos[0]):
                return infos[0]
    raise AssertionError("observing never ends")


async def file_is(path: Path, text: str, timeout_s: float = 30) -> None:
    """Until the file contains this."""
    async with asyncio.timeout(timeout_s):
        while not path.exists() or text not in path.read_text(encoding="utf-8"):
            await asyncio.sleep(0.02)
