"""Drains the outbox to the broker: in order, at most so many unacknowledged, each row gone only when the broker is sure to have it."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from edge import config
from edge.errors import StoreError
from edge.health import Health, State
from edge.mqtt.attempt import RETRY_S, Attempt
from edge.mqtt.bound import Bound
from edge.mqtt.connection import Connection
from edge.mqtt.mailbox import Mailbox
from edge.mqtt.port import Acknowledged, Connected, Disconnected, Handler, Options
from edge.mqtt.topics import joined
from edge.mqtt.window import BATCH_S, Window
from edge.store.outbox import Outbox
from edge.store.port import Message, Waiting

log = logging.getLogger(__name__)

ONLINE, OFFLINE = b"online", b"offline"
AVAILABILITY = "availability"
FAREWELL_S = 2.0
HEALTH_NAME = "mqtt"
READ_AHEAD = 200
HANDED = 10
"""Windows of messages that the connection has in hand, so that it can send the next without waiting for this thread."""
LOOK_S, LAST_LOOK_S = 0.004, 0.25
"""How often acknowledgements are looked for while some are owed; less and less often while none come."""
REPLAYED_AFTER_S = 10.0
"""What was kept before, or during, an absence of the connection that lasted so long is sent with the mark `replayed`."""


class _Wake(NamedTuple):
    """The outbox has something new."""


class _Send(NamedTuple):
    """A message that is not in the outbox. A retained one is a state: it is sent again after each reconnection."""

    topic: str
    payload: bytes
    retain: bool
    options: Options | None = None


class _Rest(NamedTuple):
    """Leave the outbox alone from now on."""


class _Stop(NamedTuple):
    """Say goodbye and end."""


class Sender:
    """A thread that owns the connection and the outbox's sending side.

    Args:
        failed: called with whatever unforeseen thing a thread died of.
        health: told how the broker is, as part `broker`.

    Raises:
        ConfigError: the password file, or a file for TLS, cannot be used.

    Thread: public methods any.
    """

    def __init__(
        self,
        data_dir: Path,
        settings: config.Mqtt,
        device: str,
        failed: Callable[[BaseException], None],
        health: Health | None = None,
    ) -> None:
        self._data_dir = data_dir
        self.root = f"{settings.prefix}/{device}"
        self._failed = failed
        self._health = health
        self._mail = Mailbox()
        self._look_s = LOOK_S
        self._connection = Connection(
            settings,
            f"edge-{device}",
            (self.topic(AVAILABILITY), OFFLINE),
            self._mail.put,
            status=self._report,
            failed=failed,
        )
        self._connected = False
        self._stopping = False
        self._window = Window(settings.inflight)
        self._bound = Bound(settings.outbox_max_bytes, health)
        self._forgetting, self._filling = Attempt(), Attempt()
        self._ahead: deque[Waiting] = deque()
        self._replay_to = 0
        self._was_away = False
        self._started_s = 0.0
        self._away_since_s: float | None = None
        self._states: dict[str, _Send] = {}
        self._drained = threading.Event()
        self._at_rest = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mqtt-sender", daemon=True)
        self.sent = 0
        """Messages of the outbox that the broker acknowledged."""

    def start(self) -> None:
        self._started_s = time.monotonic()
        self.wake()
        self._thread.start()
        self._connection.start()

    def topic(self, below: str) -> str:
        """In full, as the broker gets it."""
        return joined(self.root, below)

    def wake(self) -> None:
        """Something was put into the outbox. Does not block."""
        self._drained.clear()
        self._mail.put(_Wake())

    def set_state(self, message: Message) -> None:
        """Publish a retained state now, and again after each reconnection; the newest of a topic counts. Does not block."""
        self._mail.put(_Send(self.topic(message.topic), message.payload, True))

    def publish(self, topic: str, payload: bytes, options: Options | None = None) -> None:
        """Publish, if there is a connection, what nobody needs later: an answer, a figure. `topic` in full. Does not block."""
        self._mail.put(_Send(topic, payload, False, options))

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Hand what matches (a filter in full) to `handler`, over reconnections.

        `handler` is called in one thread of its own, one message at a time, and must not raise. Messages whose topic is no UTF-8, those
        above `inbox.MAX_PAYLOAD_BYTES`, and those that come while `inbox.WAITING_BYTES` wait, are counted in `refused_messages`.
        """
        self._connection.subscribe(topic_filter, handler)

    @property
    def refused_messages(self) -> int:
        return self._connection.refused_messages

    def wait_drained(self, timeout_s: float) -> bool:
        """Wait until everything that was in the outbox has been acknowledged."""
        self.wake()
        return self._drained.wait(timeout_s)

    def rest(self, timeout_s: float) -> bool:
        """Write no more: what was acknowledged goes now, what was not is sent after the next start. States are published still."""
        self._mail.put(_Rest())
        return self._at_rest.wait(timeout_s)

    def stop(self) -> None:
        """Publish that we are going, then disconnect."""
        self._mail.put(_Stop())
        self._thread.join()
        self._connection.close()

    def _report(self, state: State, cause: str) -> None:
        if self._health is not None:
            self._health.report("broker", HEALTH_NAME, state, cause)

    def _run(self) -> None:
        try:
            outbox = Outbox(self._data_dir)
            try:
                self._replay_to = outbox.last()
                while self._step(outbox):
                    pass
            finally:
                outbox.close()
        except BaseException as error:  # noqa: BLE001 - the owner must know that nothing is sent any more
            self._failed(error)

    def _step(self, outbox: Outbox) -> bool:
        for item in self._collect():
            self._take_in(item, outbox)
        if self._stopping:
            self._say_goodbye(outbox)
            return False
        if not self._at_rest.is_set():
            self._forgetting(lambda: self._forget(outbox))
            self._filling(lambda: self._fill_window(outbox))
        return True

    def _collect(self) -> list[Any]:
        """Wait for news, or until there is something to look after; then take all that is there."""
        if self._forgetting.is_failing or self._filling.is_failing:
            idle_s: float | None = RETRY_S
        else:
            idle_s = BATCH_S if self._window.keeps_any else None
        news = self._mail.take(self._look_s if self._window.in_flight else idle_s)
        self._look_s = LOOK_S if news else min(self._look_s * 2, LAST_LOOK_S)
        return news

    def _take_in(self, item: object, outbox: Outbox) -> None:
        if isinstance(item, Acknowledged):
            self._settle(item)
        elif isinstance(item, _Send):
            self._take_message(item)
        elif isinstance(item, Connected):
            self._connected = True
            if self._away_s() > REPLAYED_AFTER_S:
                self._was_away = True
            self._ahead.clear()
            self._window.opened(item.window * HANDED, session_present=item.session_present)
            self._connection.publish(self.topic(AVAILABILITY), ONLINE, retain=True)
            for state in self._states.values():
                self._connection.publish(state.topic, state.payload, retain=True)
        elif isinstance(item, Disconnected):
            self._connected = False
            self._ahead.clear()
            self._away_since_s = time.monotonic()
            self._window.closed(time.monotonic())
        elif isinstance(item, _Rest):
            self._forget_all(outbox)
            self._at_rest.set()
        elif isinstance(item, _Stop):
            self._stopping = True

    def _forget(self, outbox: Outbox) -> None:
        """Delete what the broker is sure to have, and what is too much."""
        expired = self._window.expired(time.monotonic())
        if expired and outbox.try_delete(expired):
            self._window.forget(expired)
        self._bound.check(outbox, after=self._ahead[-1].seq if self._ahead else self._window.position)

    def _forget_all(self, outbox: Outbox) -> None:
        """Everything that was acknowledged; what cannot be deleted is sent again after the next start."""
        kept = self._window.kept()
        try:
            outbox.delete(kept)
        except StoreError as error:
            log.error("outbox failed error=%s", error)
        else:
            self._window.forget(kept)

    def _away_s(self) -> float:
        """How long there was no connection; since the start, if there was none yet."""
        return time.monotonic() - (self._started_s if self._away_since_s is None else self._away_since_s)

    def _take_message(self, item: _Send) -> None:
        if item.retain:
            self._states[item.topic] = item
        if self._connected:
            self._connection.publish(item.topic, item.payload, retain=item.retain, options=item.options)

    def _settle(self, item: Acknowledged) -> None:
        if not item.problem:
            self.sent += self._window.acknowledged(item.mid, time.monotonic())
        elif self._window.refuse(item.mid):
            self._report("degraded", f"messages refused: {item.problem}")

    def _fill_window(self, outbox: Outbox) -> None:
        window = self._window
        if self._was_away:
            self._replay_to, self._was_away = outbox.last(), False
        while self._connected and window.room > 0:
            if not self._ahead:
                self._ahead.extend(outbox.waiting(window.position, READ_AHEAD))
            if not self._ahead:
                if window.is_idle:
                    self._bound.well(outbox)
                    self._drained.set()
                return
            self._send(self._ahead.popleft())

    def _send(self, message: Waiting) -> None:
        window = self._window
        window.position = message.seq
        if window.is_settled(message.seq):
            return
        payload = replayed(message.payload) if message.seq <= self._replay_to else message.payload
        window.sent(self._connection.publish(self.topic(message.topic), payload), message.seq)

    def _say_goodbye(self, outbox: Outbox) -> None:
        if not self._connected:
            return
        mid = self._connection.publish(self.topic(AVAILABILITY), OFFLINE, retain=True)
        deadline_s = time.monotonic() + FAREWELL_S
        while time.monotonic() < deadline_s:
            news = self._mail.take(LOOK_S)
            for item in news:
                if isinstance(item, Acknowledged):
                    self._settle(item)
            if Acknowledged(mid) in news:
                break
        self._forget_all(outbox)


def replayed(payload: bytes) -> bytes:
    """A JSON object with `"replayed":true` at its end; anything else as it is."""
    if not payload.startswith(b"{") or not payload.endswith(b"}"):
        return payload
    return payload[:-1] + (b',"replayed":true}' if len(payload) > 2 else b'"replayed":true}')
