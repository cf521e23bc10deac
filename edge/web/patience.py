"""How long a request may take to come. A stranger who opens connections and says nothing, or a byte now and then, must not keep others
from the page: uvicorn itself waits for ever.
"""

import asyncio
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S, BODY_S = 10.0, 10.0


class PatientProtocol(H11Protocol):
    """Closes a connection whose next request has not begun to be answered in time. Thread: asyncio's."""

    _overdue: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._wait()

    def on_response_complete(self) -> None:
        self._wait()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
        super().connection_lost(exc)

    def _wait(self) -> None:
        if self._overdue is not None:
            self._overdue.cancel()
        self._overdue = self.loop.call_later(HEAD_S, self._give_up)

    def _give_up(self) -> None:
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()


async def body_of(request: Request) -> bytes:
    """Raises HTTPException: it did not come in time."""
    try:
        async with asyncio.timeout(BODY_S):
            return await request.body()
    except TimeoutError as error:
        raise HTTPException(408, f"the request was not whole after {BODY_S:.0f} s") from error
