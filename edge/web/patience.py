"""How long what a request carries may take to come."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request

BODY_S = 10.0


async def body_of(request: Request) -> bytes:
    """Raises HTTPException: it did not come in time."""
    try:
        async with asyncio.timeout(BODY_S):
            return await request.body()
    except TimeoutError as error:
        raise HTTPException(408, f"the request was not whole after {BODY_S:.0f} s") from error
