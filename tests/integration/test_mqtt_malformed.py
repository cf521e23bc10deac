"""What a broker sends that none should, and what is unforeseen in the thread that reads it."""

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue

import pytest

from edge.config import Mqtt
from edge.demo.broker import Broker
from edge.mqtt.port import Address, Incoming
from edge.mqtt.session import Session
from tests.integration.test_mqtt_connection import running, wait_for
from tests.support import until

CONNECT, SUBSCRIBE = 1, 8
ACCEPTED = b"\x20\x02\x00\x00"


class Mad:
    """Sends these messages to whoever subscribes. mosquitto lets none through that cannot be: this knows just enough of MQTT 3.1.1."""

    def __init__(self, *messages: bytes) -> None:
        self._messages = b"".join(messages)
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.connections = 0

    def __enter__(self) -> "Mad":
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._server.accept()
                self.connections += 1
                threading.Thread(target=self._talk, args=(client,), daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError):
            for kind, body in packets(client):
                if kind == CONNECT:
                    client.sendall(ACCEPTED)
                elif kind == SUBSCRIBE:
                    client.sendall(bytes([0x90, 3]) + body[:2] + b"\x01" + self._messages)


def packets(client: socket.socket) -> Iterator[tuple[int, bytes]]:
    with client.makefile("rb") as file:
        while head := file.read(2):  # all are short enough for one byte of length
            yield head[0] >> 4, file.read(head[1])


def message(topic: bytes) -> bytes:
    body = struct.pack("!H", len(topic)) + topic + b"{}"
    return bytes([0x30, len(body)]) + body


def test_a_topic_that_is_no_utf8_is_refused_and_no_more(data_dir: Path) -> None:
    incoming = list[Incoming]()
    with (
        Mad(message(b"ask/caf\xe9"), message(b"ask/well")) as broker,
        running(data_dir, port=broker.port, protocol="3.1.1") as (sender, _),
    ):
        sender.subscribe("ask/+", incoming.append)
        until(lambda: incoming, 10, "the message behind it")
        assert [each.topic for each in incoming] == ["ask/well"]
        assert sender.refused_messages == 1
        assert broker.connections == 1


@pytest.mark.parametrize("accept", [b"Sec-WebSocket-Accept:x", b"Sec-WebSocket-Accept: \xff"])
def test_a_web_server_whose_answer_paho_cannot_read(data_dir: Path, accept: bytes) -> None:
    """It is said and tried again, as with any other that is no broker."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            with server.accept()[0] as client:
                client.recv(4096)
                client.sendall(b"HTTP/1.1 101 Switching Protocols\r\n" + accept + b"\r\n\r\n")

        threading.Thread(target=serve, daemon=True).start()
        with running(data_dir, port=server.getsockname()[1], transport="websockets") as (_, health):
            wait_for(health, "failed", "no WebSocket at /mqtt")


def test_what_kills_the_thread_that_reads_ends_the_connection(broker: Broker) -> None:
    """So that another is made: the broker would take this one for well, and nobody would read it."""
    place = Address(broker.host, broker.port)
    ended: SimpleQueue[str] = SimpleQueue()

    def bomb(message: Incoming) -> None:
        raise RuntimeError(message.topic)

    session = Session(
        Mqtt(host=broker.host, port=broker.port), place, "5", client_id="dev", login=None, tls=None, will=None, window=10,
        news=lambda _: None, on_message=bomb,
    )  # fmt: skip

    def ask() -> None:
        session.subscribe(["bomb"])
        session.publish("bomb", b"", retain=False, options=None)

    threading.Thread(target=lambda: ended.put(session.run(ask)), daemon=True).start()
    assert ended.get(timeout=15) == "connection lost: something unforeseen: RuntimeError('bomb')"
