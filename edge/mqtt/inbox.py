"""Messages that come in: queued by the network's thread, handled in one of our own."""

import logging
import threading
from collections.abc import Callable
from queue import SimpleQueue

from edge.mqtt.port import UNREADABLE, Handler, Incoming

log = logging.getLogger(__name__)

WAITING_BYTES, OVERHEAD_BYTES = 8 << 20, 500
"""What waits at the most, and what a message takes beside its payload: some ten thousand commands at once are all answered."""
MAX_PAYLOAD_BYTES = 65_536


class Inbox:
    """Hands each message to the handlers whose filter it matches, one at a time and in order.

    Args:
        failed: called with what a handler raised; nothing is handled after that.

    Thread: any; handlers are called in the inbox's own.
    """

    def __init__(self, failed: Callable[[BaseException], None]) -> None:
        self._failed = failed
        self._queue: SimpleQueue[Incoming | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._waiting_bytes = 0
        self._handlers: list[tuple[str, Handler]] = []
        self._thread = threading.Thread(target=self._run, name="mqtt-inbox", daemon=True)
        self._said = False
        self._stopping = False
        self.refused = 0
        """Messages that were too large, had no readable topic, or came while too much waited."""

    def add(self, topic_filter: str, handler: Handler) -> None:
        self._handlers.append((topic_filter, handler))

    def start(self) -> None:
        self._thread.start()

    def put(self, message: Incoming) -> None:
        """Never blocks: the caller holds the network's lock."""
        if len(message.payload) > MAX_PAYLOAD_BYTES:
            self._refuse(f"{len(message.payload)} bytes are more than {MAX_PAYLOAD_BYTES}", message)
            return
        if message.topic == UNREADABLE:
            self._refuse("its topic is no UTF-8", message)
            return
        with self._lock:
            fits = self._waiting_bytes + size_of(message) <= WAITING_BYTES
            if fits:
                self._waiting_bytes += size_of(message)
        if fits:
            self._said = False
            self._queue.put(message)
        else:
            self._refuse("too much waits", message)

    def stop(self) -> None:
        """End after the message in hand; what waits is given up."""
        self._stopping = True
        self._queue.put(None)
        if self._thread.is_alive():
            self._thread.join(1.0)

    def _refuse(self, why: str, message: Incoming) -> None:
        self.refused += 1
        if not self._said:
            self._said = True
            log.warning("incoming message refused topic=%.100s why=%s", message.topic, why)

    def _run(self) -> None:
        try:
            while (message := self._queue.get()) is not None and not self._stopping:
                with self._lock:
                    self._waiting_bytes -= size_of(message)
                for topic_filter, handler in list(self._handlers):
                    if matches(topic_filter, message.topic):
                        handler(message)
        except BaseException as error:  # noqa: BLE001 - the owner must know that nothing is handled any more
            self._failed(error)


def size_of(message: Incoming) -> int:
    """Bytes that it takes while it waits, about."""
    return len(message.payload) + OVERHEAD_BYTES


def matches(topic_filter: str, topic: str) -> bool:
    """By MQTT's rules: `+` is one level, `#` all that follow; neither begins a topic that begins with `$`."""
    if topic.startswith("$") and topic_filter[:1] in ("+", "#"):
        return False
    wanted, levels = topic_filter.split("/"), topic.split("/")
    for place, level in enumerate(wanted):
        if level == "#":
            return True
        if place >= len(levels) or level not in ("+", levels[place]):
            return False
    return len(wanted) == len(levels)
