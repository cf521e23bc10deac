"""What the sender has to hear of. Acknowledgements wait for it to look; everything else wakes it."""

from collections import deque
from queue import Empty, SimpleQueue
from typing import Any

from edge.mqtt.port import Acknowledged


class Mailbox:
    """Waking a thread for each acknowledgement costs more than sending the message did: they are gathered, and fetched by the way.

    Thread: `put` any; `take` one.
    """

    def __init__(self) -> None:
        self._urgent: SimpleQueue[Any] = SimpleQueue()
        self._acknowledged: deque[Acknowledged] = deque()

    def put(self, item: object) -> None:
        """Does not block."""
        if isinstance(item, Acknowledged):
            self._acknowledged.append(item)
        else:
            self._urgent.put(item)

    def take(self, timeout_s: float | None) -> list[Any]:
        """Wait for something urgent, then take all that is there: the acknowledgements first.

        So those of a connection come before its end, whose successor counts its messages anew.
        """
        urgent: list[Any] = []
        try:
            urgent.append(self._urgent.get(timeout=timeout_s))
            while True:
                urgent.append(self._urgent.get_nowait())
        except Empty:
            pass
        return [*(self._acknowledged.popleft() for _ in range(len(self._acknowledged))), *urgent]
