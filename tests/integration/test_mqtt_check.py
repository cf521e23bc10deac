"""`edge mqtt check` and the appliance's own broker, against a real mosquitto."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest

from edge.config import Mqtt
from edge.demo.broker import CONFIGURATION, HOST, Broker, free_port
from edge.mqtt.appliance_broker import Bridge, write
from edge.mqtt.check import Stage, check
from edge.mqtt.subscriber import Subscriber
from tests.certificates import Authority
from tests.integration.test_mqtt import make, numbers, put
from tests.integration.test_mqtt_connection import TLS
from tests.support import Collector, edge, until

ALL = ["name", "tcp", "login", "publish", "receive", "permissions"]


def look(**settings: object) -> list[Stage]:
    return list(check(Mqtt(**{"host": "127.0.0.1", **settings}), "dev", "homeassistant"))  # type: ignore[arg-type]


def failed(**settings: object) -> tuple[str, str]:
    """The stage that failed, and why; all before it are well and none comes after it."""
    *before, last = look(**settings)
    assert all(stage.ok for stage in before)
    assert not last.ok
    return last.name, last.found


@pytest.mark.parametrize("protocol", ["auto", "3.1.1"])
def test_a_broker_that_is_well(broker: Broker, protocol: str) -> None:
    stages = look(port=broker.port, protocol=protocol)
    assert [stage.name for stage in stages] == ALL
    assert all(stage.ok for stage in stages), stages


def test_stages_that_fail(broker: Broker, tmp_path: Path) -> None:
    assert failed(host="name.invalid") == ("name", "name.invalid: name not found")
    port = free_port()
    assert failed(port=port) == ("tcp", f"127.0.0.1:{port}: nothing listens there")
    assert failed(port=broker.port, tls=True) == (
        "tls",
        f"127.0.0.1:{broker.port}: no TLS is spoken there: is it the port for TLS?",
    )
    strict = CONFIGURATION.replace("allow_anonymous true", "allow_anonymous false")
    with Broker(tmp_path / "strict", configuration=strict) as other:
        name, found = failed(port=other.port)
        assert name == "login"
        assert "not authorised" in found


def test_every_broker_is_looked_at(broker: Broker) -> None:
    stages = look(port=broker.port, fallback=(f"127.0.0.1:{free_port()}",))
    assert [stage.name for stage in stages] == [*ALL, "name", "tcp"]
    assert [stage.ok for stage in stages] == [True] * 7 + [False]


def test_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path / "broker" / "tls")
    authority.issue("broker")
    with Broker(tmp_path / "broker", configuration=TLS) as broker:
        stages = look(port=broker.port, tls=True, ca_file=str(authority.certificate))
        assert [stage.ok for stage in stages] == [True] * 7
        assert stages[2].found.startswith("TLSv1.3, certificate is valid until ")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_user_who_may_not_publish(tmp_path: Path, protocol: str) -> None:
    permissions = tmp_path / "acl"
    permissions.write_text("topic readwrite edge/dev/#\n")
    configuration = CONFIGURATION + f"acl_file {permissions}\n"
    with Broker(tmp_path / "broker", configuration=configuration) as broker:
        name, found = failed(port=broker.port, protocol=protocol)
        assert name == "permissions"
        assert found.startswith("homeassistant/device/dev-check/config: ")


def test_the_command(tmp_path: Path, broker: Broker) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(f'[device]\nid = "dev"\n[mqtt]\nhost = "127.0.0.1"\nport = {broker.port}\n')
    done = edge("mqtt", "check", "--config", config)
    assert done.returncode == 0, done.stderr
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [["ok", name] for name in ALL]
    broker.stop()
    done = edge("mqtt", "check", "--config", config, "--json")
    assert done.returncode == 1
    assert '"usable":false' in done.stdout


class ApplianceBroker(Broker):
    """A mosquitto with the configuration that `edge mqtt broker-config` writes."""

    def __init__(self, folder: Path, bridge: Bridge | None = None) -> None:
        super().__init__(folder / "run")
        self.written = folder / "written"
        run_as = "root" if os.geteuid() == 0 else ""
        path = write(
            self.written,
            "dev",
            prefix="edge",
            discovery_prefix="homeassistant",
            port=self.port,
            bind=HOST,
            run_as=run_as,
            bridge=bridge,
        )
        self._configuration = path.read_text().replace("{", "{{").replace("}", "}}")


@pytest.fixture
def own(tmp_path: Path) -> Iterator[ApplianceBroker]:
    with ApplianceBroker(tmp_path) as running:
        yield running


def allowed(broker: ApplianceBroker, user: str, password_file: str, topic: str) -> bool:
    """Whether that user gets back what it publishes."""
    got: list[bytes] = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.username_pw_set(user, (broker.written / password_file).read_text().strip())
    granted: list[object] = []
    client.on_subscribe = lambda client, userdata, mid, reasons, properties: granted.append(reasons)
    client.on_message = lambda client, userdata, message: got.append(message.payload)
    refused: list[bool] = []
    client.on_publish = lambda client, userdata, mid, reason, properties: refused.append(reason.is_failure)
    client.connect(broker.host, broker.port)
    client.loop_start()
    client.subscribe(topic, qos=1)
    until(lambda: granted, 5, "the answer to the subscription")
    client.publish(topic, b"x", qos=1)
    until(lambda: refused, 5, "the acknowledgement")
    if not refused[0]:
        until(lambda: got, 5, "the message")
    client.disconnect()
    client.loop_stop()
    return bool(got)


def test_who_may_do_what_at_the_appliances_broker(own: ApplianceBroker) -> None:
    assert allowed(own, "dev", "device-password", "edge/dev/events")
    assert not allowed(own, "dev", "device-password", "edge/other/events")
    assert not allowed(own, "dev", "device-password", "elsewhere")
    assert allowed(own, "home", "home-password", "edge/dev/command")
    assert failed(port=own.port)[0] == "login"
    wrong = own.written / "home-password"
    assert failed(port=own.port, username="dev", password_file=str(wrong))[0] == "login"
    stages = look(port=own.port, username="dev", password_file=str(own.written / "device-password"))
    assert all(stage.ok for stage in stages), stages
    assert stages[2].found == "MQTT 5 as dev; the password is sent unencrypted"


def test_passwords_are_made_once_and_are_nobody_elses(tmp_path: Path) -> None:
    path = write(tmp_path / "b", "dev", prefix="edge", discovery_prefix="homeassistant")
    names = ("device-password", "home-password")
    first = [(path.parent / name).read_text() for name in names]
    assert first[0] != first[1]
    write(tmp_path / "b", "dev", prefix="edge", discovery_prefix="homeassistant")
    assert [(path.parent / name).read_text() for name in names] == first
    for name in (*names, "passwords", "permissions", "mosquitto.conf"):
        assert (path.parent / name).stat().st_mode & 0o077 == 0, name
    hashes = (path.parent / "passwords").read_text()
    assert not any(password.strip() in hashes for password in first)


def at_home(own: ApplianceBroker, got: set[bytes]) -> paho.Client:
    """A subscriber with a session that the broker keeps."""
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="home", clean_session=False)
    client.username_pw_set("home", (own.written / "home-password").read_text().strip())
    subscribed: list[int] = []
    client.on_connect = lambda client, *rest: client.subscribe("edge/dev/events", qos=1)
    client.on_subscribe = lambda client, userdata, mid, *rest: subscribed.append(mid)
    client.on_message = lambda client, userdata, message: got.add(message.payload)
    client.connect(own.host, own.port)
    client.loop_start()
    until(lambda: subscribed, 5, "the subscription")
    return client


def test_what_the_appliances_broker_keeps_outlives_its_kill(data_dir: Path, own: ApplianceBroker) -> None:
    got: set[bytes] = set()
    away = at_home(own, got)
    away.disconnect()
    away.loop_stop()
    sender = make(data_dir, own.port, username="dev", password_file=str(own.written / "device-password"))
    sender.start()
    put(data_dir, range(100))
    assert sender.wait_drained(20)
    sender.stop()  # so that nothing is sent again
    kept = own.written / "data" / "mosquitto.db"
    until(lambda: kept.exists() and b'"n": 99' in kept.read_bytes(), 10, "the broker's writing")
    own.kill()
    own.start()
    back = at_home(own, got)
    until(lambda: len(got) == 100, 10, "what was queued")
    back.disconnect()
    back.loop_stop()


def test_a_bridge_hands_on(data_dir: Path, tmp_path: Path, broker: Broker) -> None:
    collected = Collector()
    with (
        Subscriber(broker.host, broker.port, ["edge/#"], collected),
        ApplianceBroker(tmp_path, Bridge(f"{broker.host}:{broker.port}")) as own,
    ):
        sender = make(data_dir, own.port, username="dev", password_file=str(own.written / "device-password"))
        sender.start()
        put(data_dir, range(20))
        assert sender.wait_drained(20)
        until(lambda: set(numbers(collected)) == set(range(20)), 20, "the messages at the remote broker")
        sender.stop()


def test_the_hash_is_mosquittos(tmp_path: Path, own: ApplianceBroker) -> None:
    """mosquitto_passwd can change a user in our file: it reads it."""
    passwords = own.written / "passwords"
    done = subprocess.run(["mosquitto_passwd", "-b", passwords, "third", "secret"], capture_output=True, check=False)
    assert done.returncode == 0
    assert passwords.read_text().count("$7$") == 3
