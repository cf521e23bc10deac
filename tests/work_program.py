"""A program that runs the works of a folder until it is killed, on clocks that go a hundred times as fast."""

import asyncio
import sys
import time
from pathlib import Path

from edge.clock import Instant, read_boot_id
from edge.work.registry import Registry
from edge.work.runs import Limits
from edge.work.states import Result, Retry, Success
from edge.work.worker import Run, worker
from tests.work_rig import working

SPEED = 100.0
EFFECTS, LOG = "effects", "runs.log"


class FastClock:
    """So that back-offs of minutes pass in a test."""

    boot_id = read_boot_id()

    def now(self) -> Instant:
        boot_s = time.clock_gettime(time.CLOCK_BOOTTIME) * SPEED
        return Instant(1_763_726_400.0 + boot_s, boot_s)


def say(run: Run, word: str) -> None:
    with (run.data_dir / LOG).open("a", encoding="utf-8") as file:
        file.write(f"{word} {run.id}\n")


def have_effect(run: Run) -> None:
    """Doing it twice is doing it once."""
    folder = run.data_dir / EFFECTS
    folder.mkdir(exist_ok=True)
    (folder / run.id).write_text(run.id, encoding="ascii")


@worker("light")
async def light(run: Run) -> Result:
    say(run, "start")
    await asyncio.sleep(0.15)
    have_effect(run)
    say(run, "end")
    return Success({run.id: True})


@worker("again")
async def again(run: Run) -> Result:
    say(run, "start")
    await asyncio.sleep(0.02)
    if run.attempt < 2:
        return Retry("not yet")
    have_effect(run)
    say(run, "end")
    return Success()


@worker("heavy", heavy=True)
def heavy(run: Run) -> Result:
    say(run, "start")
    for step in range(5):
        run.progress(step=step)
        time.sleep(0.03)
    have_effect(run)
    say(run, "end")
    return Success()


def registry() -> Registry:
    filled = Registry()
    filled.add_module(sys.modules[__name__], "tests.work_program")
    return filled


async def main(folder: Path) -> None:
    async with working(
        folder, clock=FastClock(), registry=registry(), limits=Limits(heavy=2, grace_s=0.5, keep_s=1e9), longest_s=0.02
    ):
        print("running", flush=True)
        await asyncio.sleep(600)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
