"""Drains the outbox to the broker: in order, at most so many unacknowledged, each row gone only when it is acknowledged."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

from edge import config
from edge.errors import StoreError
from edge.mqtt.connection import Acknowledged, Connected, Connection, Disconnected
from edge.mqtt.topics import joined
from edge.store.outbox import Outbox
from edge.store.port import Message

log = logging.getLogger(__name__)

ONLINE, OFFLINE = b"online", b"offline"
AVAILABILITY = "availability"
RETRY_S = 5.0
FAREWELL_S = 2.0


class _Wake(NamedTuple):
    """The outbox has something new."""


class _State(NamedTuple):
    """A retained state has changed."""

    message: Message


class _Stop(NamedTuple):
    """Say goodbye and end."""


class Sender:
    """A thread that owns the connection and the outbox's sending side.

    Args:
        failed: called with whatever unforeseen thing the thread died of.

    Thread: public methods any.
    """

    def __init__(
        self, data_dir: Path, settings: config.Mqtt, device: str, failed: Callable[[BaseException], None]
    ) -> None:
        self._data_dir = data_dir
        self.root = f"{settings.prefix}/{device}"
        self._window = settings.inflight
        self._failed = failed
        self._mail: SimpleQueue[Any] = SimpleQueue()
        self._connection = Connection(settings, f"edge-{device}", (self._topic(AVAILABILITY), OFFLINE), self._mail)
        self._connected = False
        self._in_flight: dict[int, int] = {}
        self._last_seq = 0
        self._states: dict[str, bytes] = {}
        self._drained = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt-sender", daemon=True)
        self.sent = 0
        """Messages that the broker acknowledged."""

    def start(self) -> None:
        self._thread.start()
        self._connection.start()

    def wake(self) -> None:
        """Something was put into the outbox. Does not block."""
        self._drained.clear()
        self._mail.put(_Wake())

    def set_state(self, message: Message) -> None:
        """Publish a retained state now, and again after each reconnection; the newest of a topic counts. Does not block."""
        self._mail.put(_State(message))

    def wait_drained(self, timeout_s: float) -> bool:
        """Wait until everything that was in the outbox has been acknowledged."""
        self.wake()
        return self._drained.wait(timeout_s)

    def stop(self) -> None:
        """Publish that we are going, then disconnect."""
        self._mail.put(_Stop())
        self._thread.join()
        self._connection.close()

    def _topic(self, below: str) -> str:
        return joined(self.root, below)

    def _run(self) -> None:
        try:
            outbox = Outbox(self._data_dir)
            try:
                while self._step(outbox):
                    pass
            finally:
                outbox.close()
        except BaseException as error:  # noqa: BLE001 - the owner must know that nothing is sent any more
            self._failed(error)

    def _step(self, outbox: Outbox) -> bool:
        news = self._collect()
        try:
            self._settle(outbox, [item.mid for item in news if isinstance(item, Acknowledged)])
            for item in news:
                self._take_in(item)
            if any(isinstance(item, _Stop) for item in news):
                self._say_goodbye(outbox)
                return False
            self._fill_window(outbox)
        except StoreError as error:
            log.error("outbox failed error=%s", error)
            time.sleep(RETRY_S)
            self._mail.put(_Wake())
        return True

    def _take_in(self, item: object) -> None:
        if isinstance(item, Connected):
            self._connected = True
            self._publish_state(AVAILABILITY, ONLINE)
            for topic, payload in self._states.items():
                self._publish_state(topic, payload)
        elif isinstance(item, Disconnected):
            self._connected = False
        elif isinstance(item, _State):
            self._states[item.message.topic] = item.message.payload
            if self._connected:
                self._publish_state(item.message.topic, item.message.payload)

    def _publish_state(self, topic: str, payload: bytes) -> int:
        return self._connection.publish(self._topic(topic), payload, retain=True)

    def _collect(self) -> list[Any]:
        """Wait for news, then take all that is there."""
        news = [self._mail.get()]
        try:
            while True:
                news.append(self._mail.get_nowait())
        except Empty:
            return news

    def _settle(self, outbox: Outbox, mids: list[int]) -> None:
        """Delete what was acknowledged. A failure leaves the rows: they are sent again after the next start."""
        seqs = [self._in_flight.pop(mid) for mid in mids if mid in self._in_flight]
        if seqs:
            outbox.delete(seqs)
            self.sent += len(seqs)

    def _fill_window(self, outbox: Outbox) -> None:
        room = self._window - len(self._in_flight)
        if not self._connected or room <= 0:
            return
        waiting = outbox.waiting(self._last_seq, room)
        for message in waiting:
            mid = self._connection.publish(self._topic(message.topic), message.payload)
            self._in_flight[mid] = message.seq
            self._last_seq = message.seq
        if not waiting and not self._in_flight:
            self._drained.set()

    def _say_goodbye(self, outbox: Outbox) -> None:
        if not self._connected:
            return
        mid = self._publish_state(AVAILABILITY, OFFLINE)
        deadline_s = time.monotonic() + FAREWELL_S
        while time.monotonic() < deadline_s:
            try:
                item = self._mail.get(timeout=0.1)
            except Empty:
                continue
            if isinstance(item, Acknowledged):
                self._settle(outbox, [item.mid])
                if item.mid == mid:
                    return
