"""Typed messages over a socket between two processes: a length, then MessagePack; bounded in size and in time."""

import select
import socket
import struct
import time
from typing import Any

import msgspec

MAX_MESSAGE_BYTES = 1 << 20
_LENGTH = struct.Struct(">I")


class Failure(msgspec.Struct, frozen=True, tag="failure"):
    """What a worker answers to a request that it could not serve; it serves on."""

    message: str
    hint: str = ""


class ChannelClosedError(Exception):
    """The other side has gone."""


class ChannelTimeoutError(Exception):
    """The other side did not take or give a message in time."""


class ChannelGarbageError(Exception):
    """What came is no message of the kind that was expected. Nothing that comes behind it can be understood either."""


class MessageTooLargeError(ValueError):
    """The message is above the channel's `max_bytes`; nothing of it was sent. Large things go through shared memory."""


class Channel:
    """One end of a connected stream socket. After any exception but `MessageTooLargeError` it is of no more use.

    Args:
        max_bytes: of one message, either way.

    Thread: one that sends and one that receives.
    """

    def __init__(self, connection: socket.socket, max_bytes: int = MAX_MESSAGE_BYTES) -> None:
        connection.setblocking(False)
        self._socket = connection
        self._max_bytes = max_bytes

    def send(self, message: msgspec.Struct, timeout_s: float | None = None) -> None:
        """Send one message.

        Args:
            timeout_s: None waits for ever.

        Raises:
            MessageTooLargeError, ChannelClosedError, ChannelTimeoutError.
        """
        body = msgspec.msgpack.encode(message)
        if len(body) > self._max_bytes:
            raise MessageTooLargeError(f"{type(message).__name__} has {len(body)} bytes, more than {self._max_bytes}")
        left, deadline_s = memoryview(_LENGTH.pack(len(body)) + body), _deadline(timeout_s)
        while left:
            self._wait(select.POLLOUT, deadline_s)
            try:
                left = left[self._socket.send(left, socket.MSG_NOSIGNAL) :]
            except BlockingIOError:
                continue
            except OSError as error:
                raise ChannelClosedError from error

    def receive(self, kind: Any, timeout_s: float | None = None) -> Any:
        """Wait for one message.

        Args:
            kind: a struct, or a union of tagged structs.
            timeout_s: None waits for ever.

        Raises:
            ChannelClosedError, ChannelTimeoutError, ChannelGarbageError.
        """
        deadline_s = _deadline(timeout_s)
        (length,) = _LENGTH.unpack(self._read(_LENGTH.size, deadline_s))
        if length > self._max_bytes:
            raise ChannelGarbageError(f"a message of {length} bytes was announced")
        try:
            return msgspec.msgpack.decode(self._read(length, deadline_s), type=kind)
        except msgspec.MsgspecError as error:
            raise ChannelGarbageError(str(error)) from error

    def ready(self, timeout_s: float) -> bool:
        """Whether something has come, or the other side has gone; waits so long for it.

        Raises:
            ChannelClosedError: this side was closed.
        """
        try:
            self._wait(select.POLLIN, _deadline(timeout_s))
        except ChannelTimeoutError:
            return False
        return True

    def close(self) -> None:
        self._socket.close()

    def _read(self, count: int, deadline_s: float | None) -> bytes:
        data = bytearray()
        while len(data) < count:
            self._wait(select.POLLIN, deadline_s)
            try:
                part = self._socket.recv(count - len(data))
            except BlockingIOError:
                continue
            except OSError as error:
                raise ChannelClosedError from error
            if not part:
                raise ChannelClosedError
            data += part
        return bytes(data)

    def _wait(self, event: int, deadline_s: float | None) -> None:
        poll = select.poll()
        try:
            poll.register(self._socket, event)
        except ValueError as error:  # closed by another thread
            raise ChannelClosedError from error
        left_ms = None if deadline_s is None else max(0.0, deadline_s - time.monotonic()) * 1000
        if not poll.poll(left_ms):
            raise ChannelTimeoutError


def _deadline(timeout_s: float | None) -> float | None:
    return None if timeout_s is None else time.monotonic() + timeout_s
