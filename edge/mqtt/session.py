"""One connection to one broker through paho, used once. With `client.py` all of the daemon that imports it."""

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from ssl import SSLContext
from typing import Any, cast

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from edge import config
from edge.mqtt.causes import BrokerTroubleError, alert_cause, refusal_cause, trouble_of
from edge.mqtt.client import Client
from edge.mqtt.inbox import MAX_PAYLOAD_BYTES
from edge.mqtt.port import UNREADABLE, Acknowledged, Address, Connected, Disconnected, Incoming, News, Options, Protocol

log = logging.getLogger(__name__)

QOS = 1
NOT_SENT = 0
PROTOCOLS_MOST_BYTES, HEAD_BYTES = 268_435_460, 9
"""The largest packet that there can be; of any, what stands before topic, properties and payload."""
CONNECT_S = 5.0
ANSWER_S = 10.0
SESSION_EXPIRY_S = 3600
"""How long a broker keeps our session while we are away (MQTT 5): if it has forgotten it, it may have forgotten more."""
MAX_PACKET_BYTES = MAX_PAYLOAD_BYTES + 66_000
RECEIVE_MAXIMUM = 65_535
UNSUPPORTED_VERSION = 132


class NarrowerError(Exception):
    """`window`: unacknowledged messages that the broker takes at once."""

    def __init__(self, window: int) -> None:
        super().__init__(window)
        self.window = window


class Session:
    """Connects once, lives until the connection is gone, and is thrown away with what was not acknowledged.

    Args:
        will: topic and payload that the broker publishes, retained, when we vanish.
        news: told all that happens; must not block. paho calls back holding its lock, so nothing else is done there.
        on_message: called holding that lock too.

    Thread: `run` the connection's; the rest any.
    """

    def __init__(
        self,
        settings: config.Mqtt,
        address: Address,
        protocol: Protocol,
        *,
        client_id: str,
        login: tuple[str, str | None] | None,
        tls: SSLContext | None,
        will: tuple[str, bytes] | None,
        window: int,
        news: Callable[[News], None],
        on_message: Callable[[Incoming], None],
        keep: bool = True,
    ) -> None:
        self._settings = settings
        self._address = address
        self._is_5 = protocol == "5"
        self._window = window
        self._news = news
        self._on_incoming = on_message
        self._keep = keep
        self._lock = threading.Lock()
        self._closed = False
        self._answered = threading.Event()
        self._gone = threading.Event()
        self._granted = threading.Event()
        self._accepted: Connected | None = None
        self._refusal = ""
        self._narrower = 0
        self._most_bytes = PROTOCOLS_MOST_BYTES
        self._too_large = 0
        self._refused_version = False
        self._loss = ""
        self._logged = ""
        self._socket: socket.socket | None = None
        self._subscribed: dict[int, list[str]] = {}
        self.denied: list[str] = []
        """Topic filters that the broker did not let us subscribe to."""
        self._client = self._make(client_id, login, tls, will)

    def _make(
        self,
        client_id: str,
        login: tuple[str, str | None] | None,
        tls: SSLContext | None,
        will: tuple[str, bytes] | None,
    ) -> Client:
        clean = {} if self._is_5 else {"clean_session": not self._keep}
        client = Client(
            CallbackAPIVersion.VERSION2,
            client_id=client_id,
            protocol=paho.MQTTv5 if self._is_5 else paho.MQTTv311,
            transport=self._settings.transport,
            reconnect_on_failure=False,
            **clean,
        )
        if login is not None:
            client.username_pw_set(*login)
        if tls is not None:
            client.tls_set_context(tls)
        if self._settings.transport == "websockets":
            client.ws_set_options(self._settings.path)
        if will is not None:
            client.will_set(will[0], will[1], qos=QOS, retain=True)
        client.max_inflight_messages_set(self._window)
        client.connect_timeout = CONNECT_S
        client.on_socket_open = self._on_socket_open
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        client.on_subscribe = self._on_subscribe
        client.on_message = self._on_message
        client.on_death = self._on_death
        client.enable_logger(cast(logging.Logger, self))  # not on_log: paho would format a line for each packet
        return client

    def run(self, ready: Callable[[], None]) -> str:
        """Connect, call `ready`, stay until the connection is gone, and say why it went (empty: we ended it).

        `ready` is called before `Connected` is told.

        Raises:
            BrokerTroubleError: it never was a connection.
            NarrowerError: the broker takes fewer unacknowledged messages at once than `window`.
        """
        try:
            self._open()
            self._client.loop_start()
            if not self._answered.wait(ANSWER_S):
                raise BrokerTroubleError("absent", self._address, "something listens there but gives no answer to MQTT")
            if self._narrower:
                raise NarrowerError(self._narrower)
            if self._accepted is None:
                raise BrokerTroubleError("failed", self._address, self._refusal, version=self._refused_version)
            ready()
            self._news(self._accepted)
            self._gone.wait()
            return self._loss
        finally:
            self.cut()
            self._client.loop_stop()
            self._close()
            if self._accepted is not None:
                self._news(Disconnected())

    def subscribe(self, filters: Iterable[str]) -> None:
        wanted = [(each, SubscribeOptions(QOS) if self._is_5 else QOS) for each in filters]
        with self._lock:
            if wanted and not self._closed:
                _, mid = self._client.subscribe(wanted)  # type: ignore[arg-type]
                self._subscribed[mid or 0] = [each for each, _ in wanted]

    def subscribe_and_wait(self, topic_filter: str, timeout_s: float) -> bool:
        """Whether the broker lets us."""
        self._granted.clear()
        self.subscribe([topic_filter])
        return self._granted.wait(timeout_s) and topic_filter not in self.denied

    def publish(self, topic: str, payload: bytes, *, retain: bool, options: Options | None) -> int:
        """Returns the id that `Acknowledged` will carry; `NOT_SENT` when it is over."""
        properties = _properties(options) if self._is_5 and options is not None else None
        with self._lock:
            if self._closed:
                return NOT_SENT
            if (size := _size_of(topic, payload, properties)) > self._most_bytes:
                return self._refuse(topic, size)
            return self._client.publish(topic, payload, qos=QOS, retain=retain, properties=properties).mid

    def _refuse(self, topic: str, size: int) -> int:
        """The broker would close the connection, and again each time that it comes. Ids of its own: paho's are positive."""
        if not self._too_large:
            log.warning(
                "messages larger than the broker takes are not sent topic=%s bytes=%d most=%d",
                topic,
                size,
                self._most_bytes,
            )
        self._too_large += 1
        self._news(Acknowledged(-self._too_large, "larger than the broker takes"))
        return -self._too_large

    def end(self) -> None:
        """Say goodbye; `run` returns."""
        with self._lock:
            if not self._closed:
                self._client.disconnect()

    def cut(self) -> None:
        """End without a goodbye, also when nothing can be written any more."""
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.shutdown(socket.SHUT_RDWR)
        self._answered.set()
        self._gone.set()

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            self._client._reset_sockets()  # paho does it only when it is collected
            if self._client.opened is not None:
                self._client.opened.close()

    def _open(self) -> None:
        properties: Properties | None = None
        if self._is_5:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
            properties.SessionExpiryInterval = SESSION_EXPIRY_S if self._keep else 0
            properties.MaximumPacketSize = MAX_PACKET_BYTES
        host, port = self._address
        try:
            self._client.connect(
                host,
                port,
                self._settings.keepalive_s,
                clean_start=not self._keep if self._is_5 else paho.MQTT_CLEAN_START_FIRST_ONLY,
                properties=properties,
            )
        except (paho.WebsocketConnectionError, IndexError, UnicodeDecodeError) as error:  # paho's own reading of HTTP
            cause = f"no WebSocket at {self._settings.path}: check transport and path"
            raise BrokerTroubleError("failed", self._address, cause) from error
        except UnicodeError as error:  # a host name that cannot be one
            raise BrokerTroubleError("absent", self._address, "name not found") from error
        except OSError as error:
            raise trouble_of(error, self._address, tls=self._settings.tls) from error

    def _on_socket_open(self, client: Any, userdata: Any, sock: Any) -> None:
        plain = getattr(sock, "_socket", sock)  # paho's WebSocket wraps it
        self._socket = plain
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, self._settings.keepalive_s * 1000)

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._refused_version = reason.value == UNSUPPORTED_VERSION
            self._refusal = f"refused: {refusal_cause(str(reason))}"
        elif (announced := getattr(properties, "ReceiveMaximum", RECEIVE_MAXIMUM)) < self._window:
            self._narrower = announced
        else:
            self._most_bytes = getattr(properties, "MaximumPacketSize", PROTOCOLS_MOST_BYTES)
            self._accepted = Connected(bool(flags.session_present), self._window)
        self._answered.set()

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if not self._answered.is_set():
            self._refusal = alert_cause(self._logged) or self._logged or "it closes the connection at once"
            self._refused_version = True
            self._answered.set()
        if reason.is_failure:
            words = refusal_cause(str(reason)) if flags.is_disconnect_packet_from_server else ""
            words = words or alert_cause(self._logged) or self._logged or refusal_cause(str(reason))
            self._loss = "connection lost" if words == "Unspecified error" else f"connection lost: {words}"
        self._gone.set()

    def _on_death(self, error: Exception) -> None:
        """The broker would not notice: paho's thread is gone, not the connection."""
        log.error("paho's thread died of something unforeseen", exc_info=error)
        self._refusal = f"something unforeseen: {error!r}"
        self._loss = f"connection lost: {self._refusal}"
        self._answered.set()
        self._gone.set()

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason: Any, properties: Any) -> None:
        self._news(Acknowledged(mid, refusal_cause(str(reason)) if reason.is_failure else ""))

    def _on_subscribe(self, client: Any, userdata: Any, mid: int, reasons: Any, properties: Any) -> None:
        filters = self._subscribed.pop(mid, [])
        self.denied += [each for each, reason in zip(filters, reasons, strict=False) if reason.is_failure]
        self._granted.set()

    def _on_message(self, client: Any, userdata: Any, message: Any) -> None:
        properties = message.properties
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = UNREADABLE
        self._on_incoming(
            Incoming(
                topic,
                bytes(message.payload),
                bool(message.retain),
                getattr(properties, "ResponseTopic", ""),
                getattr(properties, "CorrelationData", None),
            )
        )

    def log(self, level: int, text: str, *values: object) -> None:
        """What paho says; of errors on the socket the last is remembered as the cause."""
        if level >= logging.ERROR:
            self._logged = (text % values).rpartition("socket: ")[2]


def _size_of(topic: str, payload: bytes, properties: Properties | None) -> int:
    """Of the packet, at the most."""
    packed = properties.pack() if properties is not None else b"\0"  # type: ignore[no-untyped-call]
    return HEAD_BYTES + len(topic.encode()) + len(packed) + len(payload)


def _properties(options: Options) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    if options.correlation_data is not None:
        properties.CorrelationData = options.correlation_data
    if options.expiry_s is not None:
        properties.MessageExpiryInterval = options.expiry_s
    if options.content_type:
        properties.ContentType = options.content_type
    if options.user:
        properties.UserProperty = list(options.user)
    return properties
