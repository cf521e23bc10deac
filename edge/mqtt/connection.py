"""A connection that is always being made: brokers in turn, versions of MQTT in turn, growing pauses between."""

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from edge import config
from edge.errors import ConfigError
from edge.health import State
from edge.mqtt.backoff import Backoff
from edge.mqtt.causes import BrokerTroubleError
from edge.mqtt.inbox import Inbox
from edge.mqtt.port import Address, Handler, News, Options, Protocol
from edge.mqtt.session import NOT_SENT, NarrowerError, Session
from edge.mqtt.tls import make_context

log = logging.getLogger(__name__)

STABLE_S = 10.0
"""A connection that lasted so long was a good one: after it the pauses begin small again."""
END_S = 2.0

Status = Callable[[State, str], None]


class Link:
    """A broker, the version of MQTT that it was found to speak, and how many unacknowledged messages it takes at once."""

    def __init__(self, address: Address, wanted: str, window: int) -> None:
        self.address = address
        self.window = window
        self._wanted = wanted
        self._spoken: Protocol | None = None

    def protocols(self) -> tuple[Protocol, ...]:
        if self._spoken is not None:
            return (self._spoken,)
        both: tuple[Protocol, ...] = ("5", "3.1.1")
        return both if self._wanted == "auto" else tuple(each for each in both if each == self._wanted)

    def found(self, protocol: Protocol | None) -> None:
        self._spoken = protocol


class Connection:
    """Connects in the background and again after each loss.

    Args:
        will: topic and payload that the broker publishes, retained, when we vanish.
        news: told what happens, in order: `Connected`, `Acknowledged`, `Disconnected`.
        status: told how the broker is; may be called often with the same.
        failed: called with whatever unforeseen thing a thread died of.

    Raises:
        ConfigError: the password file, or a file for TLS, cannot be used.

    Thread: any.
    """

    def __init__(
        self,
        settings: config.Mqtt,
        client_id: str,
        will: tuple[str, bytes],
        news: Callable[[News], None],
        *,
        status: Status,
        failed: Callable[[BaseException], None],
        backoff: Backoff | None = None,
    ) -> None:
        self._settings = settings
        self._client_id = client_id
        self._will = will
        self._news = news
        self._status = status
        self._failed = failed
        self._backoff = backoff or Backoff()
        self._login = login_of(settings)
        self._tls = make_context(settings)
        self._links = [Link(address, settings.protocol, settings.inflight) for address in addresses(settings)]
        self._lock = threading.Lock()
        self._session: Session | None = None
        self._current: Session | None = None
        self._filters: list[str] = []
        self._closing = threading.Event()
        self._inbox = Inbox(failed)
        self._reported = ""
        self._thread = threading.Thread(target=self._run, name="mqtt-connection", daemon=True)

    def start(self) -> None:
        self._inbox.start()
        self._thread.start()

    def subscribe(self, topic_filter: str, handler: Handler) -> None:
        """Hand what matches to `handler`, in the inbox's thread, now and after each reconnection.

        Nobody hears of more than `inbox.WAITING_BYTES` that wait, of those larger than `inbox.MAX_PAYLOAD_BYTES`, and of those whose topic
        is no UTF-8; they are counted.
        """
        self._inbox.add(topic_filter, handler)
        with self._lock:
            self._filters.append(topic_filter)
            if self._session is not None:
                self._session.subscribe([topic_filter])

    def publish(self, topic: str, payload: bytes, *, retain: bool = False, options: Options | None = None) -> int:
        """Returns the id that `Acknowledged` will carry unless `Disconnected` comes first; `NOT_SENT` when there is no connection."""
        session = self._session
        return session.publish(topic, payload, retain=retain, options=options) if session is not None else NOT_SENT

    @property
    def refused_messages(self) -> int:
        """Incoming ones that nobody heard of."""
        return self._inbox.refused

    def close(self) -> None:
        """Disconnect in order."""
        self._closing.set()
        if (session := self._current) is not None:
            session.end()
        self._thread.join(END_S)
        if self._thread.is_alive() and (session := self._current) is not None:
            session.cut()
            self._thread.join(END_S)
        self._inbox.stop()

    def _run(self) -> None:
        try:
            while not self._closing.is_set():
                self._try_all()
                self._closing.wait(self._backoff.next_s())
        except BaseException as error:  # noqa: BLE001 - the owner must know that nothing is sent any more
            self._failed(error)

    def _try_all(self) -> None:
        """Each broker once, until one has served us and is lost."""
        troubles = []
        for link in self._links:
            try:
                self._use(link)
                return
            except BrokerTroubleError as error:
                troubles.append(error)
            if self._closing.is_set():
                return
        state: State = "failed" if any(each.state == "failed" for each in troubles) else "absent"
        self._report(state, "; ".join(str(each) for each in troubles))

    def _use(self, link: Link) -> None:
        """Raises: BrokerTroubleError: in none of the versions that may be tried."""
        for protocol in link.protocols():
            try:
                self._live(link, protocol)
                return
            except NarrowerError as error:
                link.window = error.window
                self._use(link)
                return
            except BrokerTroubleError as error:
                trouble = error
                if not error.version:
                    raise
        link.found(None)
        raise trouble

    def _live(self, link: Link, protocol: Protocol) -> None:
        session = Session(
            self._settings,
            link.address,
            protocol,
            client_id=self._client_id,
            login=self._login,
            tls=self._tls,
            will=self._will,
            window=link.window,
            news=self._news,
            on_message=self._inbox.put,
        )
        begin_s = time.monotonic()
        self._current = session

        def ready() -> None:
            link.found(protocol)
            with self._lock:
                self._session = session
                session.subscribe(self._filters)
            log.info("broker connected broker=%s mqtt=%s", link.address, protocol)
            self._report("running", "")
            if self._closing.is_set():
                session.end()

        try:
            loss = session.run(ready)
        finally:
            with self._lock:
                self._session = None
        if time.monotonic() - begin_s > STABLE_S:
            self._backoff.reset()
        if not self._closing.is_set():
            self._report("absent", f"{link.address}: {loss or 'connection lost'}")

    def _report(self, state: State, cause: str) -> None:
        """Log trouble once."""
        if cause and cause != self._reported:
            log.warning("broker %s cause=%s; events wait in the outbox", state, cause)
        self._reported = cause
        self._status(state, cause)


def addresses(settings: config.Mqtt) -> list[Address]:
    """The broker, and those to try when it does not serve, in order."""
    first = Address(settings.host, settings.port)
    return [first, *(Address(*config.split_broker(text, settings.port)) for text in settings.fallback)]


def login_of(settings: config.Mqtt) -> tuple[str, str | None] | None:
    """User and password.

    Raises:
        ConfigError: the password file cannot be read.
    """
    if not settings.username:
        return None
    return settings.username, _read_password(settings.password_file)


def _read_password(path: str) -> str | None:
    if not path:
        return None
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "is no UTF-8"
        raise ConfigError(
            f"mqtt.password_file: {path}: {why}", hint="write the password into the file's first line"
        ) from error
    return lines[0] if lines else ""
