"""Where changes of pins wait: the driver's threads put them, one thread takes them."""

import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Generic, NamedTuple, TypeVar

from edge.buttons.port import InputPin

CHANGES = 256
"""Changes of pins that wait. Beyond it they are forgotten, and the levels are read anew: what a finger does is far below."""

Item = TypeVar("Item")


class Change(NamedTuple):
    """The pin of that number in the mailbox's order has this level since `at_s`."""

    pin: int
    active: bool
    at_s: float


class Mailbox(Generic[Item]):
    """Changes of pins and other items, in the order of their coming.

    Thread: `post` and the pins' own any; `take` and `watch` the owner.
    """

    def __init__(self, pins: Sequence[InputPin]) -> None:
        self._pins = pins
        self._queue: SimpleQueue[Change | Item] = SimpleQueue()
        self._overrun = threading.Event()
        self.forgotten = 0
        """Changes that came faster than they were taken."""

    def watch(self) -> None:
        """Take every change from now on, and the levels that the pins have now."""
        for index, pin in enumerate(self._pins):
            pin.watch(self._noting(index))
            self._queue.put(Change(index, pin.active, time.monotonic()))

    def post(self, item: Item) -> None:
        self._queue.put(item)

    def take(self, timeout_s: float | None) -> "Change | Item | None":
        """The next; None when nothing came for so long. After an overrun the levels as they are come behind what waits."""
        try:
            return self._queue.get(timeout=0.0 if self._overrun.is_set() else timeout_s)
        except Empty:
            if self._overrun.is_set():
                self._overrun.clear()
                for index, pin in enumerate(self._pins):
                    self._queue.put(Change(index, pin.active, time.monotonic()))
            return None

    def _noting(self, index: int) -> Callable[[bool, float], None]:
        def changed(active: bool, at_s: float) -> None:
            if self._queue.qsize() < CHANGES:
                self._queue.put(Change(index, active, at_s))
            else:
                self.forgotten += 1
                self._overrun.set()

        return changed
