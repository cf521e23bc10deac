"""Workers that run for real in the tests of the scheduler: light ones, and heavy ones that go wrong in every way."""

import asyncio
import ctypes
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from edge.work.registry import Registry
from edge.work.states import Result, Retry, StopReason, Success
from edge.work.worker import Run, worker

LOG = "log.txt"


def note(run: Run, text: str) -> None:
    """One line into a file that survives everything."""
    with (run.data_dir / LOG).open("a", encoding="utf-8") as file:
        file.write(f"{text}\n")


@worker("note")
async def note_it(run: Run) -> Result:
    note(run, str(run.input.get("text", run.attempt)))
    return Success({"pid": os.getpid()})


@worker("wait")
async def wait(run: Run) -> Result:
    """Waits until it is stopped, and ends in order."""
    asked = asyncio.Event()

    def stop(reason: StopReason) -> None:
        note(run, f"stop: {reason.value}")
        asked.set()

    run.on_stop(stop)
    run.progress(waiting=True)
    await asked.wait()
    return Success()


@worker("deaf")
async def deaf(run: Run) -> Result:
    await asyncio.sleep(600)
    return Success()


@worker("retry")
async def retry(run: Run) -> Result:
    return Retry("later")


@worker("exits")
async def exits(run: Run) -> Result:
    sys.exit(3)


@worker("cancels-itself")
async def cancels_itself(run: Run) -> Result:
    raise asyncio.CancelledError


@worker("heavy-exits", heavy=True)
def heavy_exits(run: Run) -> Result:
    sys.exit(3)


@worker("heavy-note", heavy=True)
def heavy_note(run: Run) -> Result:
    logging.getLogger("note").info("hello from %d", os.getpid())
    for step in range(3):
        run.progress(step=step)
    note(run, f"nice {os.getpriority(os.PRIO_PROCESS, 0)}")
    return Success({"pid": os.getpid(), "ppid": os.getppid(), **run.input})


@worker("heavy-wait", heavy=True)
def heavy_wait(run: Run) -> Result:
    note(run, "waiting")
    while not run.stopping:
        time.sleep(0.02)
    note(run, f"stop: {run.stop_reason.value}")
    return Success()


@worker("heavy-raises", heavy=True)
def heavy_raises(run: Run) -> Result:
    raise OSError("the disk is on fire")


@worker("segfault", heavy=True)
def segfault(run: Run) -> Result:
    ctypes.string_at(0)
    return Success()


@worker("hang", heavy=True)
def hang(run: Run) -> Result:
    note(run, "hanging")
    ctypes.PyDLL(None).sleep(600)  # holding the interpreter's lock: it hears nothing
    return Success()


@worker("eat", heavy=True, memory_mb=64)
def eat(run: Run) -> Result:
    eaten = []
    while True:
        eaten.append(bytearray(os.urandom(1 << 20)))
        if run.input.get("slowly"):
            time.sleep(0.002)


@worker("child-eats", heavy=True, memory_mb=96)
def child_eats(run: Run) -> Result:
    code = "import os, time; kept = [os.urandom(1 << 20) for _ in range(150)]; time.sleep(600)"
    subprocess.run([sys.executable, "-c", code], check=True)
    return Success()


@worker("flood", heavy=True)
def flood(run: Run) -> Result:
    note(run, "flooding")
    line = "x" * 4000
    while True:
        run.progress(text=line)
        logging.getLogger("flood").info(line)
        sys.stderr.write(line)


@worker("garbage", heavy=True)
def garbage(run: Run) -> Result:
    for descriptor in range(3, 256):
        try:
            os.write(descriptor, b"\0\0\0\5hello")
        except OSError:
            continue
    time.sleep(600)
    return Success()


@worker("forks", heavy=True)
def forks(run: Run) -> Result:
    """Children that ignore SIGTERM, and so does it."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    pids = []
    for _ in range(3):
        if (pid := os.fork()) == 0:
            time.sleep(600)
            os._exit(0)
        pids.append(pid)
    (run.data_dir / "pids.tmp").write_text(" ".join(map(str, [os.getpid(), *pids])), encoding="ascii")
    Path(run.data_dir / "pids.tmp").rename(run.data_dir / "pids")
    time.sleep(600)
    return Success()


def registry() -> Registry:
    filled = Registry()
    filled.add_module(sys.modules[__name__])
    return filled
