"""The child's side of an isolate; started by `edge.isolate` only: `python -m edge.isolate_child WORKER SOCKET LIFELINE DESCRIPTOR ...`."""

import fcntl
import os
import resource
import select
import socket
import sys
import traceback
from importlib import import_module
from typing import NoReturn

from edge.channel import Channel, ChannelClosedError


def main(arguments: list[str]) -> NoReturn:
    worker, number, lifeline, *descriptors = arguments
    connection = socket.socket(fileno=int(number))
    tie_to_parent(int(lifeline))
    os.dup2(2, 1)  # what native code prints belongs to the last words too
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a crash that repeats must not fill the card with core files
    code = serve(worker, connection, [int(number) for number in descriptors])
    sys.stderr.flush()
    # Not the interpreter's own way out, and with the socket still open: the kernel closes it when our exit code is settled, so that the
    # parent, which sees that first, can tell how we ended.
    os._exit(code)


def serve(worker: str, connection: socket.socket, descriptors: list[int]) -> int:
    module, _, function = worker.partition(":")
    try:
        getattr(import_module(module), function)(Channel(connection), descriptors)
    except ChannelClosedError:
        return 0
    except BaseException:  # noqa: BLE001 - the parent reads it from the standard error
        traceback.print_exc()
        return 1
    return 0


def tie_to_parent(lifeline: int) -> None:
    """Let the kernel end this process group when the parent is gone.

    The parent holds the other end of this pipe and never writes. When it dies, however it dies, the kernel closes that end and sends
    SIGIO, whose default is to terminate. This needs neither a thread nor the interpreter's lock, which a hung native call may hold; and
    unlike PR_SET_PDEATHSIG it does not fire when only the parent's *thread* that started us ends.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, -os.getpgrp())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC)
    poll = select.poll()
    poll.register(lifeline, select.POLLIN)
    if poll.poll(0):  # it died before we listened
        os._exit(1)


if __name__ == "__main__":
    main(sys.argv[1:])
