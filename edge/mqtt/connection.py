"""One connection to a broker through paho. The only file of the daemon that imports it."""

import logging
import socket
from pathlib import Path
from queue import SimpleQueue
from typing import Any, NamedTuple

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge import config
from edge.errors import ConfigError

log = logging.getLogger(__name__)

RECONNECT_S = (1, 60)
QOS = 1


class Connected(NamedTuple):
    """The broker accepted us."""


class Disconnected(NamedTuple):
    """The connection is gone; paho tries again by itself."""


class Acknowledged(NamedTuple):
    """The broker has the message of this id."""

    mid: int


News = Connected | Disconnected | Acknowledged


class Connection:
    """Connects in the background and again after each loss, with growing pauses.

    Args:
        will: topic and payload that the broker publishes, retained, when we vanish.
        news: where everything that happens is put. paho calls back holding its lock, so nothing else is done there.

    Thread: `publish` and `close` from one thread.
    """

    def __init__(
        self, settings: config.Mqtt, client_id: str, will: tuple[str, bytes], news: "SimpleQueue[Any]"
    ) -> None:
        self._place = f"{settings.host}:{settings.port}"
        self._news = news
        self._reported = ""
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id=client_id, protocol=paho.MQTTv311)
        if settings.username:
            client.username_pw_set(settings.username, _read_password(settings.password_file))
        client.will_set(will[0], will[1], qos=QOS, retain=True)
        client.max_inflight_messages_set(settings.inflight)
        client.reconnect_delay_set(*RECONNECT_S)
        client.on_socket_open = _no_delay
        client.on_connect = self._on_connect
        client.on_connect_fail = self._on_connect_fail
        client.on_disconnect = self._on_disconnect
        client.on_publish = self._on_publish
        self._client = client
        client.connect_async(settings.host, settings.port, settings.keepalive_s)

    def start(self) -> None:
        self._client.loop_start()

    def publish(self, topic: str, payload: bytes, *, retain: bool = False) -> int:
        """Hand a message to paho, which sends it again over reconnections. Returns its id, which `Acknowledged` will carry."""
        return self._client.publish(topic, payload, qos=QOS, retain=retain).mid

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._report(f"refused: {reason}")
            return
        self._reported = ""
        log.info("broker connected broker=%s", self._place)
        self._news.put(Connected())

    def _on_connect_fail(self, client: Any, userdata: Any) -> None:
        self._report("cannot be reached")

    def _on_disconnect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._report(f"connection lost: {reason}")
        self._news.put(Disconnected())

    def _on_publish(self, client: Any, userdata: Any, mid: int, reason: Any, properties: Any) -> None:
        self._news.put(Acknowledged(mid))

    def _report(self, problem: str) -> None:
        """Log a state of affairs once."""
        if problem != self._reported:
            self._reported = problem
            log.warning("broker %s broker=%s; events wait in the outbox", problem, self._place)


def _no_delay(client: Any, userdata: Any, sock: Any) -> None:
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def _read_password(path: str) -> str | None:
    if not path:
        return None
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(
            f"mqtt.password_file: {path}: {error.strerror}", hint="write the password into the file's first line"
        ) from error
    return lines[0] if lines else ""
