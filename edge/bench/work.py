"""`edge bench work`: what background work costs while nothing is to be done, and how fast it is taken in."""

import asyncio
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from edge.bench.report import BenchReport, Figure
from edge.bench.work_idle import Idle
from edge.clock import SystemClock
from edge.testing.device import SimulatedDevice
from edge.work.chain import begin
from edge.work.constraints import Charging, Network, Verdict
from edge.work.registry import Registry
from edge.work.request import OneTimeWork, PeriodicWork, Request, days, hours
from edge.work.service import BackgroundWork
from edge.work.store import WorkStore

FEW, MANY = 10, 10_000
CALLERS = 32
LOOKS = 200


def run(parent: Path, *, seconds: float, enqueues: int) -> BenchReport:
    """Idle with few and with many works, in a process each; then enqueue."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as name:
        few, many = filled(Path(name, "few"), FEW), filled(Path(name, "many"), MANY)
        idles = [idle(folder, seconds) for folder in (few, many)]
        next_due_ms, look_ms = look_up(many)
        together, alone = asyncio.run(enqueue(many, enqueues))
        syncs_per_s = raw_syncs(Path(name))
    per_minute = [each.wakeups * 60 / each.seconds for each in idles]
    return BenchReport(
        "work",
        [
            # One is added to both: an idle scheduler sleeps for minutes, and nothing cannot be divided by nothing.
            Figure.of("wakeup_ratio", (per_minute[1] + 1) / (per_minute[0] + 1), "", "lower", 1.1),
            Figure.of("enqueue_per_s", together, "1/s", "higher", 500),
            Figure.of("next_due_ms", next_due_ms, "ms", "lower", 1.0),
            Figure.of("memory_per_work", (idles[1].rss_bytes - idles[0].rss_bytes) / (MANY - FEW), "bytes", "lower"),
        ],
        {
            "works": MANY,
            "due_and_waiting_for_the_device": MANY // 2,
            "wakeups_per_minute": {str(FEW): round(per_minute[0], 2), str(MANY): round(per_minute[1], 2)},
            "idle_seconds": seconds,
            "idle_cpu_ms": [round(each.cpu_s * 1000, 2) for each in idles],
            "look_ms": round(look_ms, 3),
            "enqueue": f"{CALLERS} callers at once, each waits until its own work is durable (synchronous=FULL, shared commits)",
            "enqueue_one_caller_per_s": round(alone, 1),
            "raw_fsync_per_s": round(syncs_per_s, 1),
        },
    )


def filled(folder: Path, count: int) -> Path:
    """A folder with so many works: half of them periodic and not due, half due and waiting for mains power."""
    store = WorkStore(folder, SystemClock())
    with store.together():
        for number in range(count):
            store.enqueue(begin(_request(number)), name=f"work {number}")
    store.close()
    return folder


def _request(number: int) -> Request:
    if number % 2:
        return OneTimeWork("later", number=number).when(Charging(), Network("unmetered")).tagged("blocked")
    return PeriodicWork("hourly", every=hours(1), number=number).after(days(1) + number).tagged("waiting")


def idle(folder: Path, seconds: float) -> Idle:
    done = subprocess.run(
        [sys.executable, "-m", "edge.bench.work_idle", str(folder), str(seconds)],
        stdout=subprocess.PIPE,
        check=True,
        timeout=seconds + 120,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)},
    )
    return msgspec.json.decode(done.stdout, type=Idle)


def look_up(folder: Path) -> tuple[float, float]:
    """The median time of a look for the next due work, and of a whole look of the scheduler that starts nothing."""
    store = WorkStore(folder, SystemClock())
    try:
        next_due = _median_ms(store.next_due_s)
        return next_due, _median_ms(lambda: store.waiting(lambda _: Verdict()))
    finally:
        store.close()


def _median_ms(do: Callable[[], Any]) -> float:
    times = []
    for _ in range(LOOKS):
        begin_s = time.perf_counter()
        do()
        times.append(time.perf_counter() - begin_s)
    return statistics.median(times) * 1000


async def enqueue(folder: Path, count: int) -> tuple[float, float]:
    """Enqueues a second: of many callers at once, and of one alone."""
    clock = SystemClock()
    work = BackgroundWork(folder, Registry(), SimulatedDevice(clock), clock)
    await work.open()

    async def caller(times: int) -> None:
        for _ in range(times):
            await work.enqueue(OneTimeWork("later").after(hours(1)))

    begin_s = time.perf_counter()
    await asyncio.gather(*(caller(count // CALLERS) for _ in range(CALLERS)))
    together_s, begin_s = time.perf_counter() - begin_s, time.perf_counter()
    await caller(count // CALLERS)
    alone_s = time.perf_counter() - begin_s
    await work.close()
    return count // CALLERS * CALLERS / together_s, count // CALLERS / alone_s


def raw_syncs(folder: Path) -> float:
    """What the card can do at all: writes of a page with fsync a second."""
    with (folder / "raw").open("wb") as file:
        begin_s = time.perf_counter()
        for _ in range(100):
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
        return 100 / (time.perf_counter() - begin_s)
