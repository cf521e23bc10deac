"""Background work from another process than the one that runs it: ask for it, look at it, ring the bell."""

from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from edge.clock import Clock, SystemClock
from edge.device.synchronised import is_synchronised
from edge.work.bell import ring
from edge.work.chain import Chain, begin
from edge.work.enqueueing import Enqueued, Ticket
from edge.work.request import Existing, Request
from edge.work.store import Find, WorkSettings, WorkStore
from edge.work.table import Work

T = TypeVar("T")


def clock_may_be_right() -> bool:
    """What the kernel says of the wall clock; where it does not say, it counts as right."""
    return is_synchronised() is not False


class WorkClient:
    """A connection to the works of a data folder. The running program notices at once what is asked for; without one it waits for it.

    Args:
        trusted: whether the wall clock is right as far as anybody knows. To take a wrong one for right loses the time that the device was
            off; to doubt a right one costs nothing while a program runs that knows better.

    Raises (all methods):
        StoreError: the database cannot be used.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        clock: Clock | None = None,
        trusted: Callable[[], bool] = clock_may_be_right,
        settings: WorkSettings | None = None,
    ) -> None:
        self._folder = data_dir
        self.store = WorkStore(data_dir, clock or SystemClock(), trusted=trusted, settings=settings)
        self.heard = False
        """A program that runs works was told of the last change."""

    def __enter__(self) -> "WorkClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.store.close()

    def enqueue(
        self, request: Request | Chain, *, name: str | None = None, existing: Existing = Existing.KEEP
    ) -> Ticket:
        """Ask for a work or a chain; it is durable when this returns.

        Raises:
            WorkError: the request is wrong.
        """
        chain = request if isinstance(request, Chain) else begin(request)
        return self._told(self.store.enqueue(chain, name=name, existing=existing))

    def update(self, id_: str, request: Request) -> Enqueued:
        """Raises:
        WorkError: the request is wrong, of the other kind, or there is no such work.
        """
        return self._told(self.store.update(id_, request))

    def cancel(self, by: Find, value: str = "") -> list[Work]:
        """Cancel by `id`, `tag` or `name`, or `all`, with all that waits for them; those that changed."""
        return self._told(self.store.cancel(by, value))

    def make_due(self, id_: str) -> bool:
        """Do not wait for its time; its constraints count. False: it does not wait."""
        return self._told(self.store.make_due(id_))

    def prune(self, keep_s: float = 0.0) -> int:
        """Forget what finished so long ago; how many."""
        return self._told(self.store.prune(keep_s))

    def _told(self, value: T) -> T:
        self.heard = ring(self._folder)
        return value
