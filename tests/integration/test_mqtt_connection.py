"""Ways to a broker, against a real one: versions, TLS, WebSocket, several brokers; and what is said when it does not work."""

import shutil
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.clock import SystemClock
from edge.config import Mqtt
from edge.demo.broker import CONFIGURATION, Broker, free_port
from edge.errors import ConfigError
from edge.health import Condition, Health
from edge.mqtt.inbox import MAX_PAYLOAD_BYTES
from edge.mqtt.port import Incoming, Options
from edge.mqtt.sender import Sender
from edge.mqtt.subscriber import Subscriber
from edge.store.outbox import Outbox
from edge.store.port import Message
from tests.certificates import Authority
from tests.integration.test_mqtt import big, fail, fill, put
from tests.nats import Nats
from tests.support import Collector, until

TLS = CONFIGURATION + "cafile {folder}/tls/ca.pem\ncertfile {folder}/tls/broker.pem\nkeyfile {folder}/tls/broker.key\n"


@contextmanager
def running(data_dir: Path, **options: object) -> Iterator[tuple[Sender, Health]]:
    health = Health(SystemClock())
    settings = Mqtt(**{"host": "127.0.0.1", **options})  # type: ignore[arg-type]
    sender = Sender(data_dir, settings, "dev", fail, health)
    sender.start()
    try:
        yield sender, health
    finally:
        sender.stop()


def condition(health: Health) -> Condition | None:
    return next((each for each in health.conditions() if each.part == "broker"), None)


def wait_for(health: Health, state: str, words: str = "") -> Condition:
    def reached() -> Condition | None:
        found = condition(health)
        return found if found and found.state == state and words in found.cause else None

    try:
        found = until(reached, 15, f"{state} {words}")
    except AssertionError as error:
        raise AssertionError(f"{error}; it is {condition(health)}") from None
    assert isinstance(found, Condition)
    return found


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "broker" / "tls")


def test_what_is_larger_than_the_broker_takes_holds_up_nothing_else(data_dir: Path, tmp_path: Path) -> None:
    put(data_dir, range(2))
    fill(data_dir, [big(2, 2)])
    put(data_dir, range(3, 5))
    collected = Collector()
    with (
        Broker(tmp_path / "small", configuration=CONFIGURATION + "max_packet_size 5000\n") as broker,
        Subscriber(broker.host, broker.port, ["edge/#"], collected),
        running(data_dir, port=broker.port) as (sender, health),
    ):
        wait_for(health, "degraded", "messages refused: larger than the broker takes")
        sender.set_state(Message("state/large", bytes(6000)))
        sender.set_state(Message("state/small", b"here"))
        until(lambda: collected.last("edge/dev/state/small") is not None, 10, "what came behind the large ones")
        assert condition(health).state == "degraded"  # type: ignore[union-attr] - it is connected all the time
    assert [event["n"] for event in collected.events()] == [0, 1, 3, 4]
    assert collected.last("edge/dev/state/large") is None
    assert Outbox(data_dir).count() == 1, "it is there for a broker that takes it"


@pytest.mark.parametrize("protocol", ["auto", "5", "3.1.1"])
def test_each_version_sends_and_receives(data_dir: Path, broker: Broker, protocol: str) -> None:
    put(data_dir, range(5))
    incoming = list[Incoming]()
    collected = Collector()
    with (
        Subscriber(broker.host, broker.port, ["edge/#"], collected),
        running(data_dir, port=broker.port, protocol=protocol) as (sender, health),
    ):
        sender.subscribe("ask/+", incoming.append)
        assert sender.wait_drained(10)
        assert wait_for(health, "running").cause == ""
        sender.publish("ask/me", b"hello", Options(correlation_data=b"7", expiry_s=60, user=(("a", "b"),)))
        until(lambda: incoming, 5, "the message")
        assert incoming[0].payload == b"hello"
        assert incoming[0].correlation_data == (None if protocol == "3.1.1" else b"7")
        until(lambda: len(collected.events()) == 5, 5, "the events")


def test_response_topic_and_correlation_are_handed_on(data_dir: Path, broker: Broker) -> None:
    incoming = list[Incoming]()
    with running(data_dir, port=broker.port) as (sender, health):
        sender.subscribe("ask", incoming.append)
        wait_for(health, "running")
        asker = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
        asker.connect(broker.host, broker.port)
        asker.loop_start()
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic, properties.CorrelationData = "answers/1", b"\x00\x01"
        asker.publish("ask", b"{}", qos=1, properties=properties).wait_for_publish(5)
        until(lambda: incoming, 5, "the question")
        asker.publish("ask", b"x" * (MAX_PAYLOAD_BYTES + 1), qos=1)
        until(lambda: sender.refused_messages == 1, 5, "the refusal")
        asker.disconnect()
        asker.loop_stop()
    assert incoming == [Incoming("ask", b"{}", False, "answers/1", b"\x00\x01")]


def test_subscriptions_outlive_the_broker(data_dir: Path, broker: Broker) -> None:
    incoming = list[Incoming]()
    with running(data_dir, port=broker.port) as (sender, health):
        sender.subscribe("ask", incoming.append)
        wait_for(health, "running")
        broker.kill()
        wait_for(health, "absent")
        shutil.rmtree(broker._folder)
        broker.start()
        wait_for(health, "running")
        sender.publish("ask", b"still there?")
        until(lambda: incoming, 10, "the message after the restart")


def test_a_broker_of_an_older_version_is_served_with_it(data_dir: Path, tmp_path: Path) -> None:
    """nats-server speaks 3.1.1 only."""
    put(data_dir, range(5))
    with Nats(tmp_path / "nats") as nats, running(data_dir, port=nats.port) as (sender, health):
        wait_for(health, "running")
        assert sender.wait_drained(20)
    with Nats(tmp_path / "nats2") as nats, running(data_dir, port=nats.port, protocol="5") as (sender, health):
        wait_for(health, "failed", "does not speak this version of MQTT")


def test_the_next_broker_serves_while_the_first_does_not(data_dir: Path, broker: Broker) -> None:
    put(data_dir, range(5))
    with running(data_dir, port=free_port(), fallback=(f"localhost:{broker.port}",)) as (sender, health):
        wait_for(health, "running")
        assert sender.wait_drained(10)


def test_every_broker_that_fails_is_named(data_dir: Path) -> None:
    one, two = free_port(), free_port()
    with running(data_dir, port=one, fallback=(f"name.invalid:{two}",)) as (_, health):
        cause = wait_for(health, "absent").cause
    assert cause == f"127.0.0.1:{one}: nothing listens there; name.invalid:{two}: name not found"


def test_a_wrong_password_is_said_and_is_no_connection(data_dir: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hunter2\n")
    configuration = CONFIGURATION.replace("allow_anonymous true", "allow_anonymous false")
    with (
        Broker(tmp_path / "strict", configuration=configuration) as strict,
        running(data_dir, port=strict.port, username="me", password_file=str(secret)) as (sender, health),
    ):
        cause = wait_for(health, "failed", "wrong user name or password").cause
        assert not sender.wait_drained(0.1)
        assert {each.state for each in health.conditions()} == {"failed"}
    assert "hunter2" not in cause


def test_something_that_is_no_broker(data_dir: Path) -> None:
    """It takes the connection and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                try:
                    server.accept()[0].close()
                except TimeoutError:
                    continue

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            with running(data_dir, port=server.getsockname()[1]) as (_, health):
                wait_for(health, "failed")
        finally:
            over.set()
            thread.join()


def test_a_websocket(data_dir: Path, tmp_path: Path) -> None:
    put(data_dir, range(5))
    with (
        Nats(tmp_path / "nats") as nats,
        running(data_dir, port=nats.websocket_port, transport="websockets") as (sender, _),
    ):
        assert sender.wait_drained(20)


def test_no_websocket_there(data_dir: Path, broker: Broker) -> None:
    with running(data_dir, port=broker.port, transport="websockets") as (_, health):
        wait_for(health, "failed", "no WebSocket at /mqtt")


def test_own_authority_and_client_certificate_end_to_end(data_dir: Path, tmp_path: Path, authority: Authority) -> None:
    authority.issue("broker")
    certificate, key = (str(path) for path in authority.issue("dev"))
    put(data_dir, range(5))
    tls = {"tls": True, "ca_file": str(authority.certificate)}
    with Broker(tmp_path / "broker", configuration=TLS + "require_certificate true\n") as broker:
        port = broker.port
        with running(data_dir, port=port, **tls, cert_file=certificate, key_file=key) as (sender, _):
            assert sender.wait_drained(10)
        with running(data_dir, port=port, **tls) as (_, health):
            wait_for(health, "failed", "client certificate")
        with running(data_dir, port=port, tls=True) as (_, health):
            wait_for(health, "failed", "unknown authority: set ca_file")


def test_an_expired_certificate(data_dir: Path, tmp_path: Path, authority: Authority) -> None:
    authority.issue("broker", days=-1)
    put(data_dir, range(3))
    with (
        Broker(tmp_path / "broker", configuration=TLS) as broker,
        running(data_dir, port=broker.port, tls=True, ca_file=str(authority.certificate)) as (sender, health),
    ):
        wait_for(health, "failed", "the broker's certificate has expired")
        assert not sender.wait_drained(0.1)


def test_a_certificate_for_another_name(data_dir: Path, tmp_path: Path, authority: Authority) -> None:
    authority.issue("broker", alternative_names="subjectAltName=DNS:elsewhere")
    with (
        Broker(tmp_path / "broker", configuration=TLS) as broker,
        running(data_dir, port=broker.port, tls=True, ca_file=str(authority.certificate)) as (_, health),
    ):
        wait_for(health, "failed", "for another name")


def test_tls_where_none_is_spoken(data_dir: Path, broker: Broker) -> None:
    with running(data_dir, port=broker.port, tls=True) as (_, health):
        wait_for(health, "failed", "no TLS is spoken there")


def test_files_that_are_not_what_they_should_be(data_dir: Path, tmp_path: Path, authority: Authority) -> None:
    certificate, _ = authority.issue("one")
    _, other_key = authority.issue("other")
    rubbish = tmp_path / "rubbish"
    rubbish.write_text("rubbish")
    cases: list[tuple[dict[str, str], str]] = [
        ({"ca_file": "/none"}, r"mqtt\.ca_file: /none: No such file"),
        ({"ca_file": str(rubbish)}, r"mqtt\.ca_file: .*rubbish: is not a PEM file"),
        (
            {"cert_file": str(certificate), "key_file": "/none"},
            r"mqtt\.cert_file: .*one\.pem, key_file: /none: No such",
        ),
        ({"cert_file": str(certificate), "key_file": str(other_key)}, "the key does not belong to the certificate"),
        ({"cert_file": str(rubbish)}, "is not a PEM file"),
    ]
    for options, words in cases:
        with pytest.raises(ConfigError, match=words):
            Sender(data_dir, Mqtt(host="a", tls=True, **options), "dev", fail)
