"""The retained topics that this device has at the broker: what is put there is remembered, what is no longer true is taken away."""

import threading
from collections.abc import Callable

from edge.store.port import Message
from edge.store.retained import RetainedStore

GONE_FOR_S = 7 * 86_400.0
"""An emptied topic is emptied again at each start for so long: the broker may have been away when it was emptied first."""


class Shelf:
    """Passes retained messages on, and knows their topics over restarts.

    Args:
        publish: publishes a retained message, the newest of each topic again after each connection; an empty payload removes it.
            Must not block.

    Thread: `put` any; the rest one.
    """

    def __init__(self, publish: Callable[[Message], None]) -> None:
        self._publish = publish
        self._lock = threading.Lock()
        self._here: set[str] = set()
        self._new: set[str] = set()

    def put(self, message: Message) -> None:
        with self._lock:
            if message.topic not in self._here:
                self._here.add(message.topic)
                self._new.add(message.topic)
            self._publish(message)

    def remember(self, store: RetainedStore) -> None:
        """Write down what was put for the first time. Raises StoreError: nothing is written, the next call tries again."""
        with self._lock:
            new = sorted(self._new)
        if new:
            store.add(new)
            with self._lock:
                self._new.difference_update(new)

    def take_away(self, topics: set[str], store: RetainedStore, now_wall_s: float) -> None:
        """Empty these topics."""
        with self._lock:
            self._here -= topics
            self._new -= topics
            for topic in sorted(topics):
                self._publish(Message(topic, b""))
        store.gone(sorted(topics), now_wall_s)

    def sweep(self, store: RetainedStore, now_wall_s: float) -> int:
        """Empty whatever earlier runs put there and this one did not; how many topics."""
        store.forget(now_wall_s - GONE_FOR_S)
        with self._lock:
            old = set(store.topics()) - self._here
        if old:
            self.take_away(old, store, now_wall_s)
        return len(old)
