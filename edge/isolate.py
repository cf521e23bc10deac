"""Child processes for what may crash or hang in native code, or is too heavy for the daemon.

Why not `multiprocessing`: its children import the parent's main module again, share a resource tracker and pickle what they exchange.
An isolate is a fresh interpreter that knows its worker's name and a private socket, nothing more; it leads a process group of its own,
so that whatever it starts goes with it. Socket and process are thrown away together: after any error there is only a new isolate.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, TypeVar, cast

import msgspec

from edge.channel import (
    MAX_MESSAGE_BYTES,
    Channel,
    ChannelClosedError,
    ChannelGarbageError,
    ChannelTimeoutError,
    Failure,
)
from edge.errors import IsolateError, RefusedError

REAP_S = 0.25
"""A killed process is waited for this long; one that the kernel holds (a stuck USB transfer) is reaped in the background."""
WORDS_S = 0.1
MESSAGE_S = 5.0
"""A message that has begun to come must be here whole within this time."""
LAST_WORDS_BYTES = 4096
WORDS_PAUSE_S = 0.01
"""Between two reads of full size: a child that floods its standard error is slowed down rather than read at full speed."""
READ_BYTES = 65_536
"""As much as a pipe holds."""
LAST_LINES = 3
LINE_CHARACTERS = 200

Answer = TypeVar("Answer")


class Isolate:
    """A child process, and the messages to and from it: one request at a time with `request`, or a stream with `send` and `receive`.

    Args:
        worker: `package.module:function`, called in the child with a `Channel` and the list of its `descriptors`.
        name: for errors and logs.
        descriptors: open files that the child inherits, under the same numbers.
        max_bytes: of one message that comes from the child.

    Raises:
        IsolateError: the process could not be started.

    Thread: `request`, `send` and `receive` one caller at a time; everything else any.
    """

    def __init__(
        self, worker: str, *, name: str, descriptors: Sequence[int] = (), max_bytes: int = MAX_MESSAGE_BYTES
    ) -> None:
        self.name = name
        ours, theirs = socket.socketpair()
        lifeline_read, self._lifeline = os.pipe()
        inherited = (theirs.fileno(), lifeline_read, *descriptors)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "edge.isolate_child", worker, *map(str, inherited)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=inherited,
                process_group=0,
                env={**os.environ, "PYTHONPATH": _search_path()},
            )
        except OSError as error:
            ours.close()
            os.close(self._lifeline)
            raise IsolateError(f"isolate {name}: cannot be started: {error.strerror}") from error
        finally:
            theirs.close()
            os.close(lifeline_read)
        self._channel = Channel(ours, max_bytes)
        self._ending = threading.Lock()
        self._ended = False
        self._words = _LastWords(self._process, name)

    @property
    def pid(self) -> int:
        """Of the child, and of its process group."""
        return self._process.pid

    @property
    def last_words(self) -> str:
        """The end of what the child wrote to its standard error, at most `LAST_WORDS_BYTES`."""
        return self._words.text

    def request(self, message: msgspec.Struct, answer: type[Answer], timeout_s: float) -> Answer:
        """Send a message and wait for the answer.

        Args:
            answer: a struct with a tag.
            timeout_s: for both together.

        Raises:
            RefusedError: the worker could not serve this request; it serves others.
            IsolateError: the child ended, hung or sent garbage, or was ended before; it is gone with everything it started.
            MessageTooLargeError: `message` was not sent; the child lives.
        """
        if self._ended:
            raise IsolateError(f"isolate {self.name}: has ended")
        deadline_s = time.monotonic() + timeout_s
        try:
            self._channel.send(message, timeout_s)
            reply = self._channel.receive(cast(Any, answer) | Failure, deadline_s - time.monotonic())
        except ChannelClosedError as error:
            raise self._failed("ended: {how}") from error
        except ChannelTimeoutError as error:
            raise self._failed(f"no answer to {type(message).__name__} within {timeout_s:g} s") from error
        except ChannelGarbageError as error:
            raise self._failed(f"sent what is no answer to {type(message).__name__}: {error}") from error
        if isinstance(reply, Failure):
            raise RefusedError(reply.message, hint=reply.hint)
        return cast(Answer, reply)

    def send(self, message: msgspec.Struct, timeout_s: float) -> None:
        """Send a message that asks for no answer.

        Raises:
            IsolateError: the child ended or did not take it in time; it is gone.
            MessageTooLargeError: it was not sent; the child lives.
        """
        try:
            self._channel.send(message, timeout_s)
        except ChannelClosedError as error:
            raise self._failed("ended: {how}") from error
        except ChannelTimeoutError as error:
            raise self._failed(f"did not take {type(message).__name__} within {timeout_s:g} s") from error

    def receive(self, kind: Any, timeout_s: float) -> Any:
        """The next message; None when none has begun to come within the time.

        Args:
            kind: a struct, or a union of tagged structs.

        Raises:
            IsolateError: the child ended or sent what is no such message; it is gone.
        """
        try:
            return self._channel.receive(kind, MESSAGE_S) if self._channel.ready(timeout_s) else None
        except ChannelClosedError as error:
            raise self._failed("ended: {how}") from error
        except ChannelTimeoutError as error:
            raise self._failed("sent half a message") from error
        except ChannelGarbageError as error:
            raise self._failed(f"sent what is no message: {error}") from error

    def end(self) -> None:
        """Kill the child and all that it started. A request that waits fails at once. May be called again."""
        with self._ending:
            if self._ended:
                return
            self._ended = True
            # Before the child is reaped: until then nobody else can get its number.
            os.killpg(self._process.pid, signal.SIGKILL)
            try:
                self._process.wait(REAP_S)
            except subprocess.TimeoutExpired:
                threading.Thread(target=self._process.wait, name=f"reap-{self.name}", daemon=True).start()
        os.close(self._lifeline)
        self._words.join(WORDS_S)
        self._channel.close()

    def _failed(self, what: str) -> IsolateError:
        # Killing one that has ended changes nothing of how it ended.
        self.end()
        words = " | ".join(line.strip()[:LINE_CHARACTERS] for line in self.last_words.splitlines()[-LAST_LINES:])
        text = what.format(how=_how(self._process.returncode)) if "{how}" in what else what
        return IsolateError(f"isolate {self.name}: {text}{f'; its last words: {words}' if words else ''}")


class _LastWords:
    """Drains the child's standard error, so that it never blocks there, and keeps the end."""

    def __init__(self, process: subprocess.Popen[bytes], name: str) -> None:
        assert process.stderr is not None
        self._kept = bytearray()
        self._thread = threading.Thread(target=self._drain, args=(process.stderr,), name=f"words-{name}", daemon=True)
        self._thread.start()

    @property
    def text(self) -> str:
        return bytes(self._kept).decode(errors="replace")

    def join(self, timeout_s: float) -> None:
        self._thread.join(timeout_s)

    def _drain(self, stderr: IO[bytes]) -> None:
        with stderr:
            while part := os.read(stderr.fileno(), READ_BYTES):
                self._kept = (self._kept + part)[-LAST_WORDS_BYTES:]
                if len(part) == READ_BYTES:
                    time.sleep(WORDS_PAUSE_S)


def _search_path() -> str:
    """The child finds the same modules as we do, wherever it was started from."""
    return os.pathsep.join(entry or str(Path.cwd()) for entry in sys.path)


def _how(code: int | None) -> str:
    if code is None:
        return "killed, but the kernel still holds it"
    if code < 0:
        return f"killed by {signal.Signals(-code).name}"
    return f"exit code {code}"
