"""News for open pages, as server-sent events."""

import asyncio
from collections.abc import AsyncIterator

import msgspec

LISTENERS = 16
WAITING = 64
"""News that wait for a slow page; beyond it the oldest are dropped, and the page loads itself anew."""
BEAT_S = 15.0
"""A line that says nothing is sent so often, so that both ends see a dead connection."""


class Hub:
    """Passes news on to all who listen.

    Thread: `publish` any; the rest the one that runs asyncio.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listeners: set[asyncio.Queue[bytes | None]] = set()
        self._closed = False

    def start(self) -> None:
        self._loop = asyncio.get_running_loop()

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        for queue in self._listeners:
            _put(queue, None)

    def publish(self, kind: str, value: object) -> None:
        """Tell everybody; does not block."""
        if self._loop is None or not self._listeners or self._closed:
            return
        line = b"event: " + kind.encode() + b"\ndata: " + msgspec.json.encode(value) + b"\n\n"
        self._loop.call_soon_threadsafe(self._spread, line)

    @property
    def full(self) -> bool:
        return len(self._listeners) >= LISTENERS

    async def listen(self) -> AsyncIterator[bytes]:
        """Everything from now on, in the form of a `text/event-stream`."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue(WAITING)
        self._listeners.add(queue)
        try:
            yield b"retry: 3000\n\n"
            while not self._closed:
                try:
                    line = await asyncio.wait_for(queue.get(), BEAT_S)
                except TimeoutError:
                    line = b": still here\n\n"
                if line is None:
                    return
                yield line
        finally:
            self._listeners.discard(queue)

    def _spread(self, line: bytes) -> None:
        for queue in self._listeners:
            _put(queue, line)


def _put(queue: "asyncio.Queue[bytes | None]", line: bytes | None) -> None:
    if queue.full():
        queue.get_nowait()
    queue.put_nowait(line)
