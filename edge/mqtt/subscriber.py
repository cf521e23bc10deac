"""The other end: receives what devices publish. For the demo, the checks and the tests."""

import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, NamedTuple, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from edge.errors import MqttError

READY_S = 10.0


class Received(NamedTuple):
    topic: str
    payload: bytes
    retained: bool


class Subscriber:
    """Subscribed while it is entered.

    Args:
        on_message: called in paho's thread; must not raise.
        session: a name under which the broker keeps what arrives while we are away; None: nothing is kept.

    Raises:
        MqttError: on entering: no broker there, or it refused.
    """

    def __init__(
        self,
        host: str,
        port: int,
        topics: Sequence[str],
        on_message: Callable[[Received], None],
        *,
        session: str | None = None,
    ) -> None:
        self._place = (host, port)
        self._topics = [(topic, 1) for topic in topics]
        self._ready = threading.Event()
        self._refused = ""
        client = paho.Client(
            CallbackAPIVersion.VERSION2, client_id=session or "", clean_session=session is None, protocol=paho.MQTTv311
        )
        client.on_connect = self._on_connect
        client.on_subscribe = self._on_subscribe
        client.on_message = lambda client, userdata, message: on_message(
            Received(message.topic, bytes(message.payload), message.retain)
        )
        self._client = client

    def __enter__(self) -> Self:
        host, port = self._place
        try:
            self._client.connect(host, port)
        except OSError as error:
            raise MqttError(
                f"{host}:{port}: no broker answers: {error.strerror or error}", hint="is it running?"
            ) from error
        self._client.loop_start()
        if not self._ready.wait(READY_S) or self._refused:
            self.__exit__(None, None, None)
            raise MqttError(f"{host}:{port}: subscription failed: {self._refused or f'no answer in {READY_S:.0f} s'}")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _on_connect(self, client: Any, userdata: Any, flags: Any, reason: Any, properties: Any) -> None:
        if reason.is_failure:
            self._refused = str(reason)
            self._ready.set()
        else:
            client.subscribe(self._topics)

    def _on_subscribe(self, client: Any, userdata: Any, mid: int, reasons: Any, properties: Any) -> None:
        self._refused = ", ".join(str(reason) for reason in reasons if reason.is_failure)
        self._ready.set()
