"""The running appliance's own socket: how the command line asks it for actions.

A line of JSON, `{"id", "action", "arguments"}`, is answered with a line of JSON. The socket stands in the data folder and belongs to the
user that runs the appliance: whoever may open it may do everything.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from edge.actions.performer import ARGUMENT_BYTES, Performer
from edge.actions.port import Answer, Request
from edge.errors import EdgeError, RefusedError

SOCKET_NAME = "control.sock"
LINE_BYTES = 2 * ARGUMENT_BYTES
CLIENTS = 8
IDLE_S = 10.0
"""A client that says nothing for so long is sent away."""
ANSWER_S = 60.0


class _Line(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    action: str
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class ControlServer:
    """Thread: the one that runs asyncio."""

    def __init__(self, data_dir: Path, performer: Performer) -> None:
        self._data_dir = data_dir
        self._performer = performer
        self._places = asyncio.Semaphore(CLIENTS)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        """Raises OSError: the socket cannot be made."""
        listener = socket.socket(socket.AF_UNIX)
        with short_path(self._data_dir) as path:
            Path(path).unlink(missing_ok=True)  # of a program that was killed; the folder's lock is ours
            listener.bind(path)
            Path(path).chmod(0o600)
        # Not start_unix_server: from Python 3.13 on it looks at the path again, and that of `short_path` may be another's by then.
        self._server = await asyncio.start_server(self._serve, sock=listener, limit=LINE_BYTES)

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            (self._data_dir / SOCKET_NAME).unlink(missing_ok=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        async with self._places:
            with contextlib.suppress(
                OSError, asyncio.TimeoutError, ValueError
            ):  # the client has gone, or talks rubbish
                line = await asyncio.wait_for(reader.readline(), IDLE_S)
                writer.write(await self._answer(line) + b"\n")
                await asyncio.wait_for(writer.drain(), IDLE_S)
            writer.close()

    async def _answer(self, line: bytes) -> bytes:
        try:
            asked = msgspec.json.decode(line, type=_Line)
        except msgspec.MsgspecError as error:
            return msgspec.json.encode({"ok": False, "error": f"no request: {error}"})
        loop, answer = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()

        def answered(value: Answer) -> None:
            loop.call_soon_threadsafe(answer.set_result, value)

        request = Request(
            id=asked.id, action=asked.action, arguments=bytes(asked.arguments), origin="cli", granted="admin"
        )
        self._performer.ask(request, answered)
        return msgspec.json.encode(await answer)


def ask(data_dir: Path, request_id: str, action: str, arguments: dict[str, object]) -> Answer:
    """Ask the appliance that runs over this data folder, and wait for its answer.

    Raises:
        EdgeError: none runs, or it does not answer.
    """
    line = msgspec.json.encode({"id": request_id, "action": action, "arguments": arguments}) + b"\n"
    try:
        with socket.socket(socket.AF_UNIX) as connection, short_path(data_dir) as path:
            connection.settimeout(ANSWER_S)
            connection.connect(path)
            connection.sendall(line)
            with connection.makefile("rb") as answers:
                answer = answers.readline()
    except (FileNotFoundError, ConnectionRefusedError) as error:
        hint = "start it with `edge run`, or name its data folder with --data"
        raise EdgeError(f"{data_dir}: no appliance runs over this folder", hint=hint) from error
    except OSError as error:
        raise EdgeError(f"{data_dir}: the appliance does not answer: {error}", hint="look into its log") from error
    try:
        return msgspec.json.decode(answer, type=Answer)
    except msgspec.MsgspecError as error:
        raise RefusedError(f"{data_dir}: the appliance did not understand: {answer!r}") from error


@contextmanager
def short_path(folder: Path) -> Iterator[str]:
    """The socket's path through a descriptor of its folder: a socket's address has room for 107 characters only."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET_NAME}"
    finally:
        os.close(descriptor)
