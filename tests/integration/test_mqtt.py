"""The sender against a real mosquitto."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest

from edge.clock import SystemClock
from edge.config import Mqtt
from edge.demo.broker import CONFIGURATION, Broker, free_port
from edge.errors import ConfigError, MqttError
from edge.health import Condition, Health
from edge.mqtt.bound import Unsent
from edge.mqtt.sender import Sender, replayed
from edge.mqtt.subscriber import Subscriber
from edge.store.events import EventStore
from edge.store.outbox import Outbox
from edge.store.port import Importance, Message, Record
from tests.support import Collector, until


def fail(error: BaseException) -> None:
    raise AssertionError("the sender died") from error


def put(data_dir: Path, numbers: range) -> None:
    store = EventStore(data_dir)
    store.commit([Record((), tuple(Message("events", json.dumps({"n": n}).encode()) for n in numbers))])
    store.close()


def make(data_dir: Path, port: int, **options: object) -> Sender:
    return Sender(data_dir, Mqtt(host="127.0.0.1", port=port, **options), "dev", fail)  # type: ignore[arg-type]


@pytest.fixture
def collector(broker: Broker) -> Iterator[Collector]:
    collected = Collector()
    with Subscriber(broker.host, broker.port, ["edge/#"], collected, session="test"):
        yield collected


def numbers(collector: Collector) -> list[int]:
    return [event["n"] for event in collector.events()]


def test_everything_is_sent_in_order_and_deleted_when_acknowledged(
    data_dir: Path, broker: Broker, collector: Collector
) -> None:
    put(data_dir, range(500))
    sender = make(data_dir, broker.port)
    sender.start()
    assert sender.wait_drained(20)
    put(data_dir, range(500, 600))
    assert sender.wait_drained(20)
    sender.stop()
    until(lambda: len(collector.events()) >= 600, 10, "the last message")
    assert numbers(collector) == list(range(600))
    assert Outbox(data_dir).count() == 0
    assert sender.sent == 600


def test_availability_is_kept_at_the_broker(data_dir: Path, broker: Broker, collector: Collector) -> None:
    sender = make(data_dir, broker.port)
    sender.start()
    until(lambda: collector.last("edge/dev/availability") == b"online", 5, "online")
    late = Collector()
    with Subscriber(broker.host, broker.port, ["edge/dev/availability"], late):
        until(lambda: late.last("edge/dev/availability") == b"online", 5, "retained online")
    assert late.all[0].retained
    sender.stop()
    until(lambda: collector.last("edge/dev/availability") == b"offline", 5, "offline")


def test_what_waits_while_the_broker_is_away_is_sent_when_it_comes(
    data_dir: Path, broker: Broker, tmp_path: Path
) -> None:
    broker.stop()
    put(data_dir, range(50))
    sender = make(data_dir, broker.port)
    sender.start()
    assert not sender.wait_drained(1.5)
    broker.start()
    collected = Collector()
    with Subscriber(broker.host, broker.port, ["edge/#"], collected):
        assert sender.wait_drained(30)
        until(lambda: len(set(numbers(collected))) == 50, 10, "all messages")
    sender.stop()


def test_a_broker_that_restarts_in_the_middle_costs_nothing(data_dir: Path, broker: Broker) -> None:
    """What it acknowledged it has; what it did not is sent again, in order."""
    collected = Collector()
    with Subscriber(broker.host, broker.port, ["edge/#"], collected, session="keeps"):
        sender = make(data_dir, broker.port)
        sender.start()
        for round_ in range(3):
            put(data_dir, range(round_ * 200, round_ * 200 + 200))
            sender.wake()
            until(lambda seen=round_ * 200 + 20: len(set(numbers(collected))) > seen, 30, "some messages")
            broker.stop()
            broker.start()
        assert sender.wait_drained(60)
        until(lambda: len(set(numbers(collected))) == 600, 30, "all messages")
        sender.stop()
    first_seen = list(dict.fromkeys(numbers(collected)))
    assert first_seen == sorted(first_seen), "first deliveries are in order"


def monkeypatch_inflight(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many messages paho had on the way at each that it wrote."""
    seen: list[int] = []
    write = paho.Client._send_publish

    def watch(client: paho.Client, *arguments: Any, **options: Any) -> Any:
        seen.append(client._inflight_messages)
        return write(client, *arguments, **options)

    monkeypatch.setattr(paho.Client, "_send_publish", watch)
    return seen


def test_no_more_than_the_window_is_unacknowledged(
    data_dir: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(data_dir, range(300))
    sender = make(data_dir, broker.port, inflight=7)
    sent = monkeypatch_inflight(monkeypatch)
    sender.start()
    assert sender.wait_drained(20)
    sender.stop()
    assert max(sent) == 7


def test_a_broker_that_is_not_there_is_said_once(data_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    sender = make(data_dir, free_port())
    sender.start()
    until(lambda: "nothing listens there" in caplog.text, 5, "the report")
    sender.wait_drained(2.5)
    sender.stop()
    assert caplog.text.count("nothing listens there") == 1
    assert "connected" not in caplog.text


def test_a_refused_login_is_not_a_connection(data_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    secret = tmp_path / "secret"
    secret.write_text("wrong\n")
    configuration = CONFIGURATION.replace("allow_anonymous true", "allow_anonymous false")
    with Broker(tmp_path / "strict", configuration=configuration) as strict:
        put(data_dir, range(3))
        sender = make(data_dir, strict.port, username="me", password_file=str(secret))
        sender.start()
        until(lambda: "refused: not authorised" in caplog.text, 10, "the refusal")
        sender.stop()
    assert "broker connected" not in caplog.text
    assert Outbox(data_dir).count() == 3


def test_a_state_is_retained_and_the_newest_counts(data_dir: Path, broker: Broker, collector: Collector) -> None:
    sender = make(data_dir, broker.port)
    sender.set_state(Message("state/camera/door", b"old"))
    sender.set_state(Message("state/camera/door", b"new"))
    sender.start()
    until(lambda: collector.last("edge/dev/state/camera/door") == b"new", 5, "the state")
    broker.stop()
    sender.set_state(Message("state/camera/door", b"newest"))
    broker.start()
    until(lambda: collector.last("edge/dev/state/camera/door") == b"newest", 20, "the state after the outage")
    late = Collector()
    with Subscriber(broker.host, broker.port, ["edge/dev/state/#"], late):
        until(lambda: late.last("edge/dev/state/camera/door") == b"newest", 5, "the retained state")
    sender.stop()


def test_a_password_file_that_cannot_be_read(data_dir: Path, tmp_path: Path) -> None:
    latin = tmp_path / "latin"
    latin.write_bytes(b"caf\xe9\n")
    for path, words in (("/none", "No such file"), (latin, "is no UTF-8")):
        with pytest.raises(ConfigError, match=rf"mqtt\.password_file: {path}: {words}"):
            make(data_dir, 1883, username="me", password_file=str(path))


def test_a_port_in_use(tmp_path: Path, broker: Broker) -> None:
    with (
        pytest.raises(MqttError, match=rf"127\.0\.0\.1:{broker.port}: the port is in use"),
        Broker(tmp_path / "second", broker.port),
    ):
        pass


def test_a_subscriber_without_a_broker() -> None:
    port = free_port()
    with (
        pytest.raises(MqttError, match=f"127.0.0.1:{port}: no broker answers"),
        Subscriber("127.0.0.1", port, ["#"], print),
    ):
        pass


def fill(data_dir: Path, messages: list[Message]) -> None:
    store = EventStore(data_dir)
    store.commit([Record((), tuple(messages))])
    store.close()


def big(number: int, importance: Importance) -> Message:
    return Message("events", json.dumps({"n": number, "x": "x" * 9900}).encode(), importance)


def test_a_full_outbox_gives_up_the_least_important_first_and_says_so(data_dir: Path, broker: Broker) -> None:
    broker.stop()
    importances: tuple[Importance, ...] = (2, 0, 1)
    fill(data_dir, [big(n, importances[n % 3]) for n in range(150)])
    health = Health(SystemClock())
    sender = Sender(data_dir, Mqtt(host="127.0.0.1", port=broker.port, outbox_max_mb=1), "dev", fail, health)
    sender.start()

    def outbox_is() -> Condition | None:
        return next((each for each in health.conditions() if each.part == "outbox"), None)

    full = until(outbox_is, 10, "the report")
    assert full.state == "degraded"
    assert full.cause == "the outbox is full; dropped: 50 updates, 5 notices and others"
    assert Outbox(data_dir).dropped() == {0: 50, 1: 5, 2: 0}
    collected = Collector()
    broker.start()
    with Subscriber(broker.host, broker.port, ["edge/#"], collected, session="late"):
        assert sender.wait_drained(20)
        until(lambda: len(collected.events()) >= 95, 10, "the rest")
    sender.stop()
    assert set(numbers(collected)) == {n for n in range(150) if n % 3 == 0 or (n % 3 == 2 and n > 14)}
    assert outbox_is().state == "running"  # type: ignore[union-attr]


def test_without_a_broker_the_outbox_is_bounded_too(data_dir: Path) -> None:
    fill(data_dir, [big(n, 2) for n in range(150)])
    unsent = Unsent(data_dir, 1_000_000, Health(SystemClock()), fail)
    unsent.start()
    unsent.wake()
    until(lambda: Outbox(data_dir).size_bytes() <= 1_000_000, 10, "the drop")
    assert Outbox(data_dir).dropped()[2] == 150 - Outbox(data_dir).count()


def test_what_an_earlier_run_left_is_marked_as_replayed(data_dir: Path, broker: Broker, collector: Collector) -> None:
    put(data_dir, range(3))
    sender = make(data_dir, broker.port)
    sender.start()
    assert sender.wait_drained(10)
    put(data_dir, range(3, 6))
    assert sender.wait_drained(10)
    sender.stop()
    until(lambda: len(collector.events()) == 6, 10, "all messages")
    assert [event.get("replayed") for event in collector.events()] == [True] * 3 + [None] * 3


def test_what_waited_while_the_broker_was_away_is_marked_as_replayed(
    data_dir: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.mqtt.sender.REPLAYED_AFTER_S", 0.5)
    sender = make(data_dir, broker.port)
    sender.start()
    assert sender.wait_drained(10)
    broker.stop()
    put(data_dir, range(3))
    assert not sender.wait_drained(1)
    broker.start()
    collected = Collector()
    with Subscriber(broker.host, broker.port, ["edge/#"], collected, session="late"):
        assert sender.wait_drained(20)
        until(lambda: len(collected.events()) >= 3, 10, "the messages")
    sender.stop()
    assert {event["replayed"] for event in collected.events()} == {True}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [(b'{"a":1}', b'{"a":1,"replayed":true}'), (b"{}", b'{"replayed":true}'), (b"ON", b"ON"), (b"", b"")],
)
def test_the_mark_is_put_into_objects_only(payload: bytes, expected: bytes) -> None:
    assert replayed(payload) == expected


def test_what_a_killed_broker_had_acknowledged_and_not_written_is_sent_again(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mosquitto that writes once in half an hour: its kill loses everything, also our session."""
    monkeypatch.setattr("edge.mqtt.backoff.FIRST_S", 4.0)  # the subscriber is back first
    forgetful = CONFIGURATION.replace("autosave_on_changes true\nautosave_interval 1\n", "")
    with Broker(tmp_path / "forgetful", configuration=forgetful) as broker:
        with Subscriber(broker.host, broker.port, ["edge/#"], Collector(), session="away"):
            pass  # from here on the broker queues for it
        sender = make(data_dir, broker.port)
        sender.start()
        put(data_dir, range(300))
        assert sender.wait_drained(20)
        broker.kill()
        broker.start()
        collected = Collector()
        with Subscriber(broker.host, broker.port, ["edge/#"], collected, session="away"):
            until(lambda: len(set(numbers(collected))) == 300, 30, "all messages")
        sender.stop()
    first_seen = list(dict.fromkeys(numbers(collected)))
    assert first_seen == sorted(first_seen)
