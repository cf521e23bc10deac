"""What may never return, in a thread of its own: unlike `asyncio.to_thread`, no end of the program waits for it."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


async def beside(do: Callable[[], T], name: str) -> T:
    """What `do` returns or raises. Cancelled, the thread goes on and is not listened to any more.

    Args:
        name: of the thread.
    """
    answer: Future[T] = Future()
    answer.set_running_or_notify_cancel()

    def run() -> None:
        try:
            answer.set_result(do())
        except Exception as error:  # noqa: BLE001 - whoever waits gets it
            answer.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return await asyncio.wrap_future(answer)
