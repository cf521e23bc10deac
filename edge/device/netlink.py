"""The kernel says that something changed; what, is read from its files.

Only the fact is taken from the messages: a parser of them (pyroute2: 13 MB more memory) would tell nothing that /sys and /proc do not.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger(__name__)

KOBJECT_UEVENT = 15
KERNEL_EVENTS = 1
ROUTE_EVENTS = 0x1 | 0x10 | 0x40 | 0x100 | 0x400
"""Links, IPv4 and IPv6 addresses and routes."""
MESSAGE_BYTES = 8192


@contextmanager
def uevents(subsystem: str) -> Iterator[asyncio.Event]:
    """Set when a device of that subsystem (`power_supply`) changed, came or went."""
    with _wakes(KOBJECT_UEVENT, KERNEL_EVENTS, b"SUBSYSTEM=" + subsystem.encode() + b"\0") as woken:
        yield woken


@contextmanager
def route_changes() -> Iterator[asyncio.Event]:
    """Set when a link, an address or a route changed, came or went."""
    with _wakes(socket.NETLINK_ROUTE, ROUTE_EVENTS, b"") as woken:
        yield woken


@contextmanager
def _wakes(protocol: int, groups: int, wanted: bytes) -> Iterator[asyncio.Event]:
    woken, loop = asyncio.Event(), asyncio.get_running_loop()
    try:
        kernel = socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK, protocol
        )
    except OSError as error:
        log.info("kernel events are not to be had, polling instead protocol=%d error=%s", protocol, error)
        yield woken
        return
    with kernel:
        kernel.bind((0, groups))
        loop.add_reader(kernel, _drain, kernel, wanted, woken)
        try:
            yield woken
        finally:
            loop.remove_reader(kernel)


def _drain(kernel: socket.socket, wanted: bytes, woken: asyncio.Event) -> None:
    try:
        while True:
            if wanted in os.read(kernel.fileno(), MESSAGE_BYTES) + b"\0":
                woken.set()
    except BlockingIOError:
        pass
    except OSError:  # more came than the kernel kept for us
        woken.set()
