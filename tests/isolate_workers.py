"""What the tests run in isolates, and the parent that a test kills."""

import ctypes
import os
import subprocess
import sys
import time

import msgspec

from edge.channel import Channel, Failure
from edge.isolate import Isolate


class Ask(msgspec.Struct, tag=True):
    what: str
    payload: bytes = b""


class Said(msgspec.Struct, tag=True):
    number: int = 0
    payload: bytes = b""


def serve(channel: Channel, descriptors: list[int]) -> None:
    while True:
        ask = channel.receive(Ask)
        BEHAVIOURS[ask.what](channel, ask, descriptors)


def echo(channel: Channel, ask: Ask, descriptors: list[int]) -> None:
    channel.send(Said(os.getpid(), ask.payload))


def refuse(channel: Channel, ask: Ask, descriptors: list[int]) -> None:
    channel.send(Failure("no such book", "ask for another"))


def write_shared(channel: Channel, ask: Ask, descriptors: list[int]) -> None:
    os.pwrite(descriptors[0], ask.payload, 0)
    channel.send(Said())


def start_child(channel: Channel, ask: Ask, descriptors: list[int]) -> None:
    channel.send(Said(subprocess.Popen(["sleep", "600"]).pid))


def say_then_fail(channel: Channel, ask: Ask, descriptors: list[int]) -> None:
    sys.stderr.write("x" * 100_000 + "\nthe disk is on fire\n")
    raise ValueError("smoke")


def garbage(channel: Channel, ask: Ask, descriptors: list[int]) -> None:
    channel._socket.send(b"\0\0\0\5hello")


def other_kind(channel: Channel, ask: Ask, descriptors: list[int]) -> None:
    channel.send(Ask("what?"))


def huge(channel: Channel, ask: Ask, descriptors: list[int]) -> None:
    channel._socket.send(b"\xff\xff\xff\xff")


def hang_holding_the_interpreter(channel: Channel, ask: Ask, descriptors: list[int]) -> None:
    channel.send(Said(os.getpid()))
    ctypes.PyDLL(None).sleep(600)


BEHAVIOURS = {
    "echo": echo,
    "refuse": refuse,
    "write shared": write_shared,
    "start child": start_child,
    "say then fail": say_then_fail,
    "garbage": garbage,
    "other kind": other_kind,
    "huge": huge,
    "hang": lambda *_: time.sleep(600),
    "hang hard": hang_holding_the_interpreter,
    "abort": lambda *_: os.abort(),
    "segfault": lambda *_: ctypes.string_at(0),
    "exit": lambda *_: os._exit(3),
}


def parent() -> None:
    """A parent of one isolate whose child hangs in native code; prints the pids of the child and of the child's child."""
    isolate = Isolate("tests.isolate_workers:serve", name="test")
    child = isolate.request(Ask("start child"), Said, 20).number
    print(isolate.request(Ask("hang hard"), Said, 20).number, child, flush=True)
    time.sleep(600)


if __name__ == "__main__":
    parent()
