"""The daemon's side of a heavy work: a process of its own, watched in a thread until it has come to something."""

import logging
import os
import resource
import threading
import time
from collections.abc import Callable
from pathlib import Path

from edge.channel import MessageTooLargeError
from edge.errors import IsolateError
from edge.isolate import Isolate
from edge.work.data import Data
from edge.work.messages import MAX_MESSAGE_BYTES, Begin, Done, FromChild, Log, OutOfMemory, Progress, Stop
from edge.work.states import Fail, Outcome, Stopped, StopReason
from edge.work.worker import checked_result

log = logging.getLogger(__name__)

WORKER = "edge.work.child:serve"
TICK_S = 0.25
"""How often its memory, its time and the wish to stop it are looked at."""
MESSAGES = 25
"""Read in one tick; what comes above that waits in the socket, and the child with it."""
LINES = 100
"""Of its log, in one run; the rest is counted."""
GROUP_EVERY = 4
"""Ticks between two looks at the memory of everything that it started."""
SEND_S = 5.0


class HeavyRun:
    """One run. `run` in a thread of its own; `ask_to_stop` from any."""

    def __init__(
        self, begin: Begin, *, time_limit_s: float | None, grace_s: float, report: Callable[[Data], None]
    ) -> None:
        self._begin = begin
        self._time_limit_s = time_limit_s
        self._grace_s = grace_s
        self._report = report
        self._asked = threading.Event()
        self._reason = StopReason.NOT_STOPPED
        self._lines = 0

    def ask_to_stop(self, reason: StopReason) -> None:
        """The first reason counts; a result that comes later does not."""
        if not self._asked.is_set():
            self._reason = reason
            self._asked.set()

    def run(self) -> Outcome:
        """Until it has a result, was stopped, or has gone wrong; then nothing of it is left."""
        try:
            isolate = Isolate(WORKER, name=f"work {self._begin.worker}", max_bytes=MAX_MESSAGE_BYTES)
        except IsolateError as error:
            return Stopped(StopReason.CRASH, str(error))
        try:
            step_back(isolate.pid, self._begin.nice)
            isolate.send(self._begin, SEND_S)
            outcome = self._watch(isolate)
        except IsolateError as error:
            outcome = Stopped(StopReason.CRASH, str(error))
        except MessageTooLargeError as error:
            outcome = Fail(str(error))  # it will be as large the next time
        finally:
            isolate.end()
        if self._lines > LINES:
            log.warning("work said too much worker=%s lines_dropped=%d", self._begin.worker, self._lines - LINES)
        return Stopped(self._reason) if self._asked.is_set() else outcome

    def _watch(self, isolate: Isolate) -> Outcome:
        begin_s = time.monotonic()
        end_s = begin_s + self._time_limit_s if self._time_limit_s is not None else None
        killed_at_s: float | None = None
        tick = 0
        while True:
            outcome = self._tick(isolate, begin_s + (tick + 1) * TICK_S)
            now_s, tick = time.monotonic(), tick + 1
            if outcome is None:
                outcome = self._over_memory(isolate.pid, group=tick % GROUP_EVERY == 0)
            if outcome is not None:
                return outcome
            if end_s is not None and now_s > end_s:
                self.ask_to_stop(StopReason.TIMEOUT)
            if self._asked.is_set() and killed_at_s is None:
                isolate.send(Stop(self._reason), SEND_S)
                killed_at_s = now_s + self._grace_s
            if killed_at_s is not None and now_s > killed_at_s:
                return Stopped(self._reason)

    def _tick(self, isolate: Isolate, until_s: float) -> Outcome | None:
        """Take what comes until then, but not more than is good for the daemon."""
        for _ in range(MESSAGES):
            message = isolate.receive(FromChild, max(0.0, until_s - time.monotonic()))
            if message is None:
                return None
            if isinstance(message, Done):
                return checked_result(self._begin.worker, message.result)
            if isinstance(message, OutOfMemory):
                return Stopped(StopReason.CRASH, f"it needed more than {self._begin.memory_mb} MB")
            self._take(message)
        self._asked.wait(max(0.0, until_s - time.monotonic()))
        return None

    def _take(self, message: Progress | Log) -> None:
        if isinstance(message, Progress):
            self._report(message.values)
            return
        self._lines += 1
        if self._lines <= LINES:
            log.log(message.level, "work says worker=%s text=%s", self._begin.worker, message.text)

    def _over_memory(self, pid: int, *, group: bool) -> Outcome | None:
        used_mb = resident_bytes(pid, group=group) >> 20
        if used_mb <= self._begin.memory_mb:
            return None
        return Stopped(StopReason.CRASH, f"it used {used_mb} MB, more than {self._begin.memory_mb}")


def step_back(pid: int, nice: int) -> None:
    """Let everybody else go first to the processor; from the beginning, since starting costs the most."""
    try:
        os.setpriority(os.PRIO_PGRP, pid, min(19, os.getpriority(os.PRIO_PROCESS, 0) + nice))
    except ProcessLookupError:
        pass  # it has ended already, which its channel tells
    except OSError as error:
        log.warning("work runs at the program's own priority nice=%d error=%s", nice, error.strerror)


def resident_bytes(pid: int, *, group: bool) -> int:
    """Of one process, or of all in its group."""
    pids = _in_group(pid) if group else [str(pid)]
    return sum(_pages(each) for each in pids) * resource.getpagesize()


def _in_group(leader: int) -> list[str]:
    return [name for name in os.listdir("/proc") if name.isdigit() and _stat(name)[2:3] == [str(leader)]]  # noqa: PTH208


def _pages(pid: str) -> int:
    """Resident; shared pages count in each process that has them."""
    fields = _stat(pid)
    return int(fields[21]) if len(fields) > 21 else 0


def _stat(pid: str) -> list[str]:
    """Fields of the kernel's line behind the name of the program: state, parent, group …; empty: it has gone."""
    try:
        return Path("/proc", pid, "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
    except OSError:
        return []
