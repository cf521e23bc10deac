"""The outbox does not outgrow its bound: the least important goes first, is counted, and is told of."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from edge.errors import StoreError
from edge.health import Health
from edge.store.outbox import Outbox

log = logging.getLogger(__name__)

KEEP_SHARE = 0.95
"""A full outbox is emptied to this share of its bound, so that the next drop is not at the next message."""
KINDS = ("updates", "notices and others", "starts and ends")
"""By importance."""
HEALTH_NAME = "messages"
CHECK_S = 1.0


class Bound:
    """Thread: one."""

    def __init__(self, most_bytes: int, health: Health | None) -> None:
        self._most_bytes = most_bytes
        self._health = health
        self._next_s = 0.0
        self._measured_to = 0
        self._bytes = 0
        self._dropped_before: dict[int, int] | None = None

    def check(self, outbox: Outbox, *, after: int) -> None:
        """Once a second: drop what is too much, of what stands behind `after`.

        Raises:
            StoreError: the database failed.
        """
        now_s = time.monotonic()
        if now_s < self._next_s:
            return
        self._next_s = now_s + CHECK_S
        # Deletions are not followed: what is there is measured anew only when as much as the bound allows has been put in.
        last = outbox.last()
        if last > self._measured_to:
            self._bytes += outbox.size_bytes(self._measured_to)
            self._measured_to = last
        if self._bytes <= self._most_bytes:
            return
        self._bytes = outbox.size_bytes()
        if self._bytes <= self._most_bytes:
            return
        if self._dropped_before is None:
            self._dropped_before = outbox.dropped()
        outbox.drop(self._bytes - int(self._most_bytes * KEEP_SHARE), after=after)
        self._bytes = outbox.size_bytes()
        if self._health is not None:
            self._health.report(
                "outbox", HEALTH_NAME, "degraded", f"the outbox is full; dropped: {self._words(outbox)}"
            )

    def well(self, outbox: Outbox) -> None:
        """The outbox is empty: say how it was."""
        if self._dropped_before is not None:
            words = self._words(outbox)
            self._dropped_before = None
            if self._health is not None:
                self._health.report("outbox", HEALTH_NAME, "running", f"dropped while the outbox was full: {words}")

    def _words(self, outbox: Outbox) -> str:
        now, before = outbox.dropped(), self._dropped_before or {}
        counts = [now[importance] - before.get(importance, 0) for importance in range(len(KINDS))]
        return ", ".join(f"{count} {kind}" for count, kind in zip(counts, KINDS, strict=True) if count)


class Unsent:
    """Without a broker nobody empties the outbox: this only bounds it, in a thread of its own. Thread: `wake` any."""

    def __init__(
        self, data_dir: Path, most_bytes: int, health: Health, failed: Callable[[BaseException], None]
    ) -> None:
        self._data_dir = data_dir
        self._bound = Bound(most_bytes, health)
        self._failed = failed
        self._new = threading.Event()
        self._thread = threading.Thread(target=self._run, name="outbox-bound", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Something was put into the outbox. Does not block."""
        self._new.set()

    def _run(self) -> None:
        try:
            outbox = Outbox(self._data_dir)
            while self._new.wait():
                self._new.clear()
                try:
                    self._bound.check(outbox, after=0)
                except StoreError as error:
                    log.error("outbox failed error=%s", error)
                time.sleep(2 * CHECK_S)
        except BaseException as error:  # noqa: BLE001 - the owner must know that nothing is bounded any more
            self._failed(error)
