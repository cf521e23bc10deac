"""One process of `edge bench work`: a scheduler over the works of a folder, idle; prints what that costs."""

import asyncio
import sys
import time
from pathlib import Path

import msgspec

from edge.clock import SystemClock
from edge.testing.device import SimulatedDevice
from edge.work.registry import Registry
from edge.work.service import BackgroundWork

SETTLE_S = 2.0


class Idle(msgspec.Struct, frozen=True):
    """`wakeups`: voluntary switches of all threads while it was idle for `seconds`. `rss_bytes` at the end."""

    wakeups: int
    seconds: float
    cpu_s: float
    rss_bytes: int


async def idle(folder: Path, seconds: float) -> Idle:
    clock = SystemClock()
    device = SimulatedDevice(clock)
    device.become(power={"source": "battery"})
    work = BackgroundWork(folder, Registry(), device, clock)
    await work.open()
    stop = asyncio.Event()
    running = asyncio.create_task(work.run(stop))
    await asyncio.sleep(SETTLE_S)
    before, cpu_s, begin_s = switches(), time.process_time(), time.monotonic()
    await asyncio.sleep(seconds)
    # The end of that sleep is a wake-up too, but not one of the scheduler.
    found = Idle(switches() - before - 1, time.monotonic() - begin_s, time.process_time() - cpu_s, resident_bytes())
    stop.set()
    await running
    await work.close()
    return found


def switches() -> int:
    """Voluntary context switches of all threads so far."""
    texts = (path.read_text(encoding="ascii") for path in Path("/proc/self/task").glob("*/status"))
    return sum(int(text.partition("\nvoluntary_ctxt_switches:")[2].split()[0]) for text in texts)


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4096


if __name__ == "__main__":
    answer = asyncio.run(idle(Path(sys.argv[1]), float(sys.argv[2])))
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")
