"""What breaks between the outbox and a subscriber: the network, the broker's disk, nodes of a cluster. Nothing is lost, and it is said."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.demo.broker import CONFIGURATION, Broker, free_port
from edge.errors import MqttError
from edge.mqtt import window
from edge.mqtt.subscriber import Subscriber
from edge.store.database import open_database
from edge.store.outbox import Outbox
from edge.store.port import Message
from tests.disks import memory_disk
from tests.integration.test_mqtt import numbers, put
from tests.integration.test_mqtt_connection import running, wait_for
from tests.nats import Nats
from tests.support import Collector, until

NAMESPACE = f"edge-test-{os.getpid()}"
OURS, THEIRS = "10.213.7.1", "10.213.7.2"
PORT = 1883


def command(*arguments: object) -> None:
    done = subprocess.run([*map(str, arguments)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{arguments}: {done.stderr}"


@pytest.fixture
def far_broker(tmp_path: Path) -> Iterator[str]:
    """The address of a mosquitto in a network of its own, one cable away."""
    if os.geteuid() != 0 or not shutil.which("iptables") or not shutil.which("ip"):
        pytest.skip("needs root, ip and iptables to build a network")
    made = subprocess.run(["ip", "netns", "add", NAMESPACE], capture_output=True, text=True, check=False)
    if made.returncode:
        pytest.skip(f"cannot make a network: {made.stderr.strip()}")
    link = f"veth{os.getpid() % 100_000}"
    broker = None
    try:
        command("ip", "link", "add", link, "type", "veth", "peer", "name", "far", "netns", NAMESPACE)
        command("ip", "addr", "add", f"{OURS}/30", "dev", link)
        command("ip", "link", "set", link, "up")
        command("ip", "-n", NAMESPACE, "addr", "add", f"{THEIRS}/30", "dev", "far")
        command("ip", "-n", NAMESPACE, "link", "set", "far", "up")
        path = tmp_path / "mosquitto.conf"
        path.write_text(f"listener {PORT} {THEIRS}\nallow_anonymous true\nuser root\nmax_queued_messages 0\n")
        mosquitto = shutil.which("mosquitto", path="/usr/sbin:/usr/bin")
        assert mosquitto
        broker = subprocess.Popen(
            ["ip", "netns", "exec", NAMESPACE, mosquitto, "-c", path],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        yield THEIRS
    finally:
        if broker is not None:
            broker.kill()
            broker.wait()
        command("ip", "netns", "del", NAMESPACE)


def drop_packets(action: str) -> None:
    for chain in ("INPUT", "OUTPUT"):
        command("ip", "netns", "exec", NAMESPACE, "iptables", action, chain, "-j", "DROP")


def subscribed(host: str, port: int, collected: Collector) -> Subscriber:
    def subscriber() -> Subscriber | None:
        try:
            return Subscriber(host, port, ["edge/#"], collected, session="reader").__enter__()
        except MqttError:
            return None

    found = until(subscriber, 90, "the subscription")
    assert isinstance(found, Subscriber)
    return found


def test_a_network_that_swallows_everything(data_dir: Path, far_broker: str) -> None:
    collected = Collector()
    subscriber = subscribed(far_broker, PORT, collected)
    try:
        with running(data_dir, host=far_broker, port=PORT, keepalive_s=5) as (sender, health):
            wait_for(health, "running")
            put(data_dir, range(50))
            assert sender.wait_drained(20)
            drop_packets("-A")
            put(data_dir, range(50, 100))
            assert not sender.wait_drained(1)
            wait_for(health, "absent")
            put(data_dir, range(100, 150))
            drop_packets("-D")
            wait_for(health, "running")
            assert sender.wait_drained(30)
            until(lambda: len(set(numbers(collected))) == 150, 30, "all messages")
    finally:
        subscriber.__exit__(None, None, None)
    first_seen = list(dict.fromkeys(numbers(collected)))
    assert first_seen == sorted(first_seen)


def test_a_broker_out_of_disk_and_killed_when_it_has_room_again(
    data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It goes on in memory; whoever is connected gets everything."""
    monkeypatch.setattr("edge.mqtt.backoff.FIRST_S", 4.0)  # the subscriber is back first
    collected = Collector()
    configuration = CONFIGURATION.replace("log_dest file {folder}/mosquitto.log", "log_dest none")
    with (
        memory_disk(tmp_path / "small", "1m") as folder,
        Broker(folder, configuration=configuration) as broker,
        Subscriber(broker.host, broker.port, ["edge/#"], collected, session="reader"),
        Subscriber(broker.host, broker.port, ["edge/#"], Collector(), session="away") as away,
        running(data_dir, port=broker.port) as (sender, health),
    ):
        away.__exit__(None, None, None)  # what is queued for it fills the broker's file
        (folder / "ballast").write_bytes(b"x" * 940_000)
        put(data_dir, range(1500))
        assert sender.wait_drained(30)
        # What it could not finish stays, until it begins anew: it removes the file then, and makes it again.
        until((folder / "mosquitto.db.new").exists, 10, "a save that found the disk full")
        (folder / "ballast").unlink()
        put(data_dir, range(1500, 1600))
        assert sender.wait_drained(30)
        (folder / "mosquitto.db").unlink()  # a half-written one keeps mosquitto 2.0 from starting
        broker.kill()
        broker.start()
        put(data_dir, range(1600, 1700))
        assert sender.wait_drained(30)
        until(lambda: len(set(numbers(collected))) == 1700, 30, "all messages")
        wait_for(health, "running")
    first_seen = list(dict.fromkeys(numbers(collected)))
    assert first_seen == sorted(first_seen)


def change(data_dir: Path, statement: str) -> None:
    """Behind the program's back."""
    with closing(open_database(data_dir)) as connection:
        connection.execute(statement)


FORBID = "CREATE TRIGGER forbidden BEFORE DELETE ON outbox BEGIN SELECT RAISE(ABORT, 'as if the card were full'); END"
ALLOW = "DROP TRIGGER forbidden"


def test_what_cannot_be_deleted_holds_up_nothing(data_dir: Path, broker: Broker) -> None:
    """All is sent, once; the sender ends; and the next one, who cannot know, sends it again."""
    count = 2 * (window.GRACE_MESSAGES + window.BATCH)
    put(data_dir, range(count))
    change(data_dir, FORBID)
    with running(data_dir, port=broker.port) as (sender, _):
        assert sender.wait_drained(30)
        put(data_dir, range(count, count + 50))
        assert sender.wait_drained(30)
        assert sender.sent == count + 50
    assert Outbox(data_dir).count() == count + 50
    change(data_dir, ALLOW)
    with running(data_dir, port=broker.port) as (sender, _):
        assert sender.wait_drained(30)
        assert sender.sent == count + 50
    assert Outbox(data_dir).count() == 0


def test_who_shall_rest_rests_though_nothing_can_be_deleted(data_dir: Path, broker: Broker) -> None:
    put(data_dir, range(5))
    with running(data_dir, port=broker.port) as (sender, _):
        assert sender.wait_drained(10)
        change(data_dir, FORBID)
        assert sender.rest(10)
        put(data_dir, range(5, 10))
        assert not sender.wait_drained(0.5)
        assert sender.sent == 5


def test_an_outbox_that_cannot_be_read_at_the_connection_costs_no_state(
    data_dir: Path, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge.mqtt.sender.REPLAYED_AFTER_S", 0.0)
    collected = Collector()
    with running(data_dir, port=broker.port) as (sender, health):
        assert sender.wait_drained(10)
        broker.stop()
        wait_for(health, "absent")
        put(data_dir, range(3))
        sender.set_state(Message("state/camera/c", b"{}"))
        change(data_dir, "ALTER TABLE outbox RENAME TO gone")
        broker.start()
        with Subscriber(broker.host, broker.port, ["edge/#"], collected, session="late"):
            until(lambda: collected.last("edge/dev/state/camera/c"), 20, "the state")
            assert collected.last("edge/dev/availability") == b"online"
            change(data_dir, "ALTER TABLE gone RENAME TO outbox")
            assert sender.wait_drained(20)
            until(lambda: len(collected.events()) == 3, 10, "the messages")
    assert [event["replayed"] for event in collected.events()] == [True] * 3


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[list[Nats]]:
    """Three nodes with JetStream; what MQTT keeps is kept by all of them."""
    ports = [free_port() for _ in range(3)]
    routes = ", ".join(f"nats://127.0.0.1:{port}" for port in ports)
    nodes = [
        Nats(
            tmp_path / f"n{number}",
            f"n{number}",
            cluster=f"cluster {{ name: c, host: 127.0.0.1, port: {port}, routes: [{routes}] }}",
            mqtt_extra="stream_replicas: 3, consumer_replicas: 3",
        )
        for number, port in enumerate(ports)
    ]
    for node in nodes:
        node.start()
    try:
        for node in nodes:
            node.wait_ready()
        yield nodes
    finally:
        for node in nodes:
            node.kill()


@pytest.mark.timeout(360)  # elections of a cluster on a busy machine take their time
def test_a_cluster_loses_the_publishers_node_and_then_the_subscribers(data_dir: Path, cluster: list[Nats]) -> None:
    collected = Collector()
    others = tuple(f"127.0.0.1:{node.port}" for node in cluster[1:])
    subscriber = subscribed(cluster[1].host, cluster[1].port, collected)
    try:
        with running(data_dir, port=cluster[0].port, fallback=others[::-1]) as (sender, health):
            wait_for(health, "running")
            put(data_dir, range(300))
            sender.wake()
            until(lambda: len(set(numbers(collected))) > 50, 60, "some messages")
            cluster[0].kill()
            until(lambda: len(set(numbers(collected))) == 300, 90, "all messages of the first node")
            cluster[0].start()
            cluster[0].wait_ready()
            put(data_dir, range(300, 600))
            sender.wake()
            until(lambda: len(set(numbers(collected))) > 350, 90, "some messages more")
            cluster[1].kill()
            subscriber.__exit__(None, None, None)
            subscriber = subscribed(cluster[2].host, cluster[2].port, collected)
            until(lambda: len(set(numbers(collected))) == 600, 90, "all messages")
    finally:
        subscriber.__exit__(None, None, None)
