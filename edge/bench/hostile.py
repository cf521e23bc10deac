"""Workers that go wrong in every way, for `edge bench isolates`."""

import ctypes
import logging
import os
import signal
import sys
import time

from edge.work.states import Result, Success
from edge.work.worker import Run


def segfault(run: Run) -> Result:
    ctypes.string_at(0)
    return Success()


def hang(run: Run) -> Result:
    while True:  # busy: a sleeping one would cost nothing
        pass


def eat_memory(run: Run) -> Result:
    eaten = []
    while True:
        eaten.append(bytearray(b"x" * (1 << 20)))


def flood(run: Run) -> Result:
    line = "x" * 4000
    while True:
        run.progress(text=line)
        logging.getLogger("flood").info(line)
        sys.stderr.write(line)


def fork(run: Run) -> Result:
    """Busy children; all ignore SIGTERM."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    for _ in range(4):
        if os.fork() == 0:
            break
    end_s = time.monotonic() + 600
    while time.monotonic() < end_s:
        pass
    return Success()


KINDS = {"segfault": 0, "hang": 1, "eat_memory": 0, "flood": 1, "fork": 5}
"""How many processes of each go on being busy."""
