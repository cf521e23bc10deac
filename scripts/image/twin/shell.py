"""A root shell in the machine, on a virtual console that the tests' command line opens; the card has none."""

import re
import socket
import time
import uuid
from pathlib import Path

from scripts.image.running import ImageError

PIECE_BYTES = 65536


class Shell:
    """Commands one after the other; each ends with a mark of its own. Thread: one caller."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._socket: socket.socket | None = None
        self._seen = b""

    def wait(self, deadline_s: float) -> None:
        """Until the shell answers.

        Raises:
            ImageError: not until then.
        """
        until_s = time.monotonic() + deadline_s
        mark = uuid.uuid4().hex
        while time.monotonic() < until_s:
            if self._connected():
                # dash edits no lines and says nothing of its own. Said again and again, until it is dash that answers: what is sent before
                # a shell is there is lost, and of two lines it may be the first.
                self._send(f'exec dash\nstty -echo; PS1=; PS2=; [ "$BASH_VERSION" ] || echo {_said_apart(mark)}\n')
                if self._read_until(re.compile(f"{mark}\r?\n".encode()), 10.0):
                    self._seen = b""
                    return
        raise ImageError(f"no root shell after {deadline_s:.0f} s", hint="see console.log")

    def run(self, command: str, *, deadline_s: float = 300.0, check: bool = True) -> str:
        """What a command prints, errors too.

        Raises:
            ImageError: it fails (`check`), or does not end in time, or the machine is gone.
        """
        mark = uuid.uuid4().hex
        self._seen = b""
        self._send(f"{{ {command}\n}} 2>&1; set -- $?; echo; echo {_said_apart(mark)} $1\n")
        ended = self._read_until(re.compile(rf"{mark} (\d+)\r?\n".encode()), deadline_s)
        if ended is None:
            raise ImageError(f"{command[:60]!r}: no end after {deadline_s:.0f} s")
        code = int(ended[1])
        said = self._seen[: ended.start()].decode(errors="replace").replace("\r", "").strip("\n ")
        if check and code:
            raise ImageError(f"{command[:60]!r}: exit code {code}: {said[-500:]}")
        return said

    def send(self, command: str) -> None:
        """A command whose end nobody sees: it restarts or breaks the machine."""
        self._send(f"{command}\n")

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _connected(self) -> bool:
        if self._socket is None:
            attempt = socket.socket(socket.AF_UNIX)
            try:
                attempt.connect(str(self._path))
            except OSError:
                attempt.close()
                time.sleep(0.2)  # the emulator has not made it yet
                return False
            self._socket = attempt
        return True

    def _send(self, text: str) -> None:
        if self._socket is None:
            raise ImageError("the machine is not there")
        try:
            self._socket.sendall(text.encode())
        except OSError as error:
            raise ImageError(f"the machine is gone: {error.strerror}") from error

    def _read_until(self, pattern: "re.Pattern[bytes]", deadline_s: float) -> "re.Match[bytes] | None":
        assert self._socket is not None
        until_s = time.monotonic() + deadline_s
        while (found := pattern.search(self._seen)) is None and (left_s := until_s - time.monotonic()) > 0:
            self._socket.settimeout(left_s)
            try:
                piece = self._socket.recv(PIECE_BYTES)
            except TimeoutError:
                return None
            except OSError as error:
                raise ImageError(f"the machine is gone: {error.strerror}") from error
            if not piece:
                raise ImageError("the machine is gone")
            self._seen += piece
        return found


def _said_apart(mark: str) -> str:
    """As the shell puts it together: a terminal's echo of the command is not taken for its result."""
    return f"{mark[:4]}''{mark[4:]}"
