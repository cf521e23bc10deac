"""What a heavy work's process and the daemon say to each other."""

import msgspec

from edge.work.data import Data
from edge.work.states import Fail, Retry, StopReason, Success

MAX_MESSAGE_BYTES = 32_768
"""Of what comes from the child: data are 10,240 bytes at the most, and its words are cut."""


class Begin(msgspec.Struct, frozen=True, tag=True):
    """To the child: do this. `place` as `edge.work.worker.Worker` has it."""

    place: str
    worker: str
    id: str
    input: Data
    attempt: int
    tags: tuple[str, ...]
    data_dir: str
    models_dir: str
    memory_mb: int
    nice: int
    context: Data = {}


class Stop(msgspec.Struct, frozen=True, tag=True):
    """To the child: return soon."""

    reason: StopReason


class Progress(msgspec.Struct, frozen=True, tag=True):
    """From the child: how far it is."""

    values: Data


class Log(msgspec.Struct, frozen=True, tag=True):
    """From the child: a line for the daemon's log."""

    level: int
    text: str


class Done(msgspec.Struct, frozen=True, tag=True):
    """From the child: what it came to; nothing comes behind it."""

    result: Success | Retry | Fail


class OutOfMemory(msgspec.Struct, frozen=True, tag=True):
    """From the child: it needed more address space than it may have; nothing comes behind it."""


FromChild = Progress | Log | Done | OutOfMemory
