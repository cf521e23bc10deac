"""Is the broker usable: one stage after the other, and of the first that fails why."""

import itertools
import queue
import secrets
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Any

import msgspec

from edge import config
from edge.mqtt.causes import BrokerTroubleError, trouble_of
from edge.mqtt.connection import Link, addresses, login_of
from edge.mqtt.port import Acknowledged, Address, Incoming, Protocol
from edge.mqtt.session import CONNECT_S, NarrowerError, Session
from edge.mqtt.tls import make_context
from edge.mqtt.topics import joined

WAIT_S = 5.0


class Stage(msgspec.Struct, frozen=True, kw_only=True):
    """`found`: what was found, or why it failed."""

    name: str
    ok: bool
    found: str


class _FailedError(Exception):
    """A stage found that it does not work."""


def check(settings: config.Mqtt, device: str, discovery_prefix: str) -> Iterator[Stage]:
    """The stages of every broker that is configured; of each those up to the first that fails.

    Raises:
        ConfigError: the password file, or a file for TLS, cannot be used.
    """
    for link in [Link(address, settings.protocol, settings.inflight) for address in addresses(settings)]:
        yield from _check_one(_Visit(settings, link, device, discovery_prefix))


def _check_one(visit: "_Visit") -> Iterator[Stage]:
    try:
        for name, look in visit.stages():
            try:
                yield Stage(name=name, ok=True, found=look())
            except (_FailedError, BrokerTroubleError) as error:
                yield Stage(name=name, ok=False, found=str(error))
                return
    finally:
        visit.leave()


class _Visit:
    """One broker, looked at as the device would, under another client id."""

    def __init__(self, settings: config.Mqtt, link: Link, device: str, discovery_prefix: str) -> None:
        self._settings = settings
        self._link = link
        self._address: Address = link.address
        self._client_id = f"edge-{device}-check"
        self._root = f"{settings.prefix}/{device}"
        self._foreign = f"{discovery_prefix}/device/{device}-check/config"
        self._login = login_of(settings)
        self._tls = make_context(settings)
        self._news: SimpleQueue[Any] = SimpleQueue()
        self._incoming: SimpleQueue[Incoming] = SimpleQueue()
        self._session: Session | None = None
        self._threads: list[threading.Thread] = []

    def stages(self) -> Iterator[tuple[str, Any]]:
        yield "name", self._name
        yield "tcp", self._tcp
        if self._tls is not None:
            yield "tls", self._handshake
        yield "login", self._log_in
        yield "publish", self._publish
        yield "receive", self._receive
        yield "permissions", self._permissions

    def leave(self) -> None:
        if self._session is not None:
            self._session.end()
        for thread in self._threads:
            thread.join(WAIT_S)

    def _name(self) -> str:
        try:
            found = socket.getaddrinfo(*self._address, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise _FailedError(f"{self._address.host}: name not found") from error
        numbers = dict.fromkeys(str(each[4][0]) for each in found)
        return f"{self._address.host} is {', '.join(numbers)}"

    def _tcp(self) -> str:
        try:
            with socket.create_connection(self._address, CONNECT_S):
                return f"{self._address} answers"
        except OSError as error:
            raise trouble_of(error, self._address) from error

    def _handshake(self) -> str:
        assert self._tls is not None
        try:
            with (
                socket.create_connection(self._address, CONNECT_S) as plain,
                self._tls.wrap_socket(plain, server_hostname=self._address.host) as secure,
            ):
                return f"{secure.version()}, certificate is valid until {_valid_until(secure)}"
        except OSError as error:
            raise trouble_of(error, self._address, tls=True) from error

    def _log_in(self) -> str:
        trouble: BrokerTroubleError | None = None
        for protocol in self._link.protocols():
            try:
                self._session = self._connect(protocol)
            except BrokerTroubleError as error:
                trouble = error
                if not error.version:
                    break
                continue
            who = f"as {self._login[0]}" if self._login else "without a user"
            secret = "" if self._tls is not None or self._login is None else "; the password is sent unencrypted"
            return f"MQTT {protocol} {who}{secret}"
        assert trouble is not None
        raise trouble

    def _connect(self, protocol: Protocol) -> Session:
        ready: queue.Queue[Exception | None] = queue.Queue()
        session = Session(
            self._settings,
            self._address,
            protocol,
            client_id=self._client_id,
            login=self._login,
            tls=self._tls,
            will=None,
            window=1,
            news=self._news.put,
            on_message=self._incoming.put,
            keep=False,
        )

        def run() -> None:
            try:
                session.run(lambda: ready.put(None))
            except (BrokerTroubleError, NarrowerError) as error:
                ready.put(error)

        thread = threading.Thread(target=run, name="mqtt-check", daemon=True)
        thread.start()
        self._threads.append(thread)
        if (error := ready.get()) is not None:
            raise error
        return session

    def _publish(self) -> str:
        topic = joined(self._root, "check")
        self._send(topic, b"")
        return topic

    def _receive(self) -> str:
        topic, payload = joined(self._root, "check"), secrets.token_hex(8).encode()
        self._subscribe(topic)
        self._send(topic, payload)
        began_s = time.monotonic()
        if not self._arrives(topic, payload):
            raise _FailedError(f"{topic}: what was published did not come back: may this user read and write it?")
        return f"came back after {(time.monotonic() - began_s) * 1000:.0f} ms"

    def _permissions(self) -> str:
        for topic_filter in (joined(self._root, "#"), self._foreign):
            self._subscribe(topic_filter)
        self._send(self._foreign, b"")  # to Home Assistant: nothing is there
        if not self._arrives(self._foreign, b""):
            raise _FailedError(f"{self._foreign}: may not be published, so Home Assistant will not find the device")
        return f"{joined(self._root, '#')} and {self._foreign.rpartition('/device')[0]}/device may be used"

    def _subscribe(self, topic_filter: str) -> None:
        assert self._session is not None
        if not self._session.subscribe_and_wait(topic_filter, WAIT_S):
            raise _FailedError(f"{topic_filter}: may not be subscribed to")

    def _send(self, topic: str, payload: bytes) -> None:
        assert self._session is not None
        mid = self._session.publish(topic, payload, retain=False, options=None)
        for item in self._until(self._news):
            if isinstance(item, Acknowledged) and item.mid == mid:
                if item.problem:
                    raise _FailedError(f"{topic}: refused: {item.problem}")
                return
        raise _FailedError(f"{topic}: not acknowledged in {WAIT_S:.0f} s")

    def _arrives(self, topic: str, payload: bytes) -> bool:
        return any(each.topic == topic and each.payload == payload for each in self._until(self._incoming))

    def _until(self, items: "SimpleQueue[Any]") -> Iterator[Any]:
        deadline_s = time.monotonic() + WAIT_S
        for _ in itertools.count():
            try:
                yield items.get(timeout=max(0.0, deadline_s - time.monotonic()))
            except queue.Empty:
                return


def _valid_until(secure: ssl.SSLSocket) -> str:
    certificate = secure.getpeercert() or {}
    return str(certificate.get("notAfter", "?"))
