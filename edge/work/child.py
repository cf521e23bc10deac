"""The child's side of a heavy work: `edge.isolate_child` runs `serve`."""

import ctypes
import importlib
import logging
import platform
import resource
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edge.channel import Channel, ChannelClosedError
from edge.work.messages import Begin, Done, Log, OutOfMemory, Progress, Stop
from edge.work.registry import load_file
from edge.work.states import Fail, Result
from edge.work.worker import Run, checked_result

LINE_CHARACTERS = 2000
SPARE_ADDRESS_BYTES = 1 << 29
"""Address space beside the memory that a worker may have: threads and allocators reserve far more than they use."""
_IOPRIO_SET = {"x86_64": 251, "aarch64": 30, "armv7l": 314, "armv6l": 314}
_IOPRIO_IDLE = 3 << 13


def serve(channel: Channel, descriptors: list[int]) -> None:
    """Do one work and end."""
    begin: Begin = channel.receive(Begin)
    step_back()
    sender = _Sender(channel)
    logging.basicConfig(level=logging.INFO, handlers=[_LogHandler(sender)])
    run = Run(
        id=begin.id,
        worker=begin.worker,
        input=begin.input,
        attempt=begin.attempt,
        tags=begin.tags,
        data_dir=Path(begin.data_dir),
        models_dir=Path(begin.models_dir),
        report=lambda values: sender.send(Progress(values)),
        context=begin.context,
    )
    threading.Thread(target=_listen, args=(channel, run), name="stop", daemon=True).start()
    try:
        sender.send(Done(_work(begin, run)))
    except MemoryError:
        sender.send(OutOfMemory())


def _work(begin: Begin, run: Run) -> Result:
    try:
        function = find_function(begin.place)
        limit_memory(begin.memory_mb)
        return checked_result(begin.worker, function(run))
    except (MemoryError, ChannelClosedError):
        raise
    except (Exception, SystemExit) as error:
        logging.getLogger(begin.worker).exception("worker raised")
        return Fail(f"{type(error).__name__}: {error}"[:LINE_CHARACTERS])


def find_function(place: str) -> Callable[[Run], Any]:
    """`package.module:function` or `/path/file.py:function`."""
    module, _, name = place.rpartition(":")
    found = load_file(Path(module)) if module.startswith("/") else importlib.import_module(module)
    function: Callable[[Run], Any] = getattr(found, name)
    return function


def step_back() -> None:
    """Let everybody else go first to the card; the daemon sees to the processor."""
    number = _IOPRIO_SET.get(platform.machine())
    if number is not None:
        ctypes.CDLL(None).syscall(number, 1, 0, _IOPRIO_IDLE)  # a wish: a scheduler without classes ignores it


def limit_memory(memory_mb: int) -> None:
    """A wall for a runaway between two looks of the daemon, which watches resident memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + (2 * memory_mb << 20) + SPARE_ADDRESS_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _listen(channel: Channel, run: Run) -> None:
    try:
        while True:
            stop: Stop = channel.receive(Stop)
            run.ask_to_stop(stop.reason)
    except ChannelClosedError:
        return


class _Sender:
    """The one end that sends, for all threads of the worker."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._lock = threading.Lock()

    def send(self, message: Progress | Log | Done | OutOfMemory) -> None:
        with self._lock:
            self._channel.send(message)


class _LogHandler(logging.Handler):
    def __init__(self, sender: _Sender) -> None:
        super().__init__()
        self._sender = sender
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            self._sender.send(Log(record.levelno, self.format(record)[:LINE_CHARACTERS]))
        except ChannelClosedError:
            pass  # the daemon has gone, and the kernel takes this process with it
