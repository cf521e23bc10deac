"""The running appliance as Home Assistant meets it: what it announces is there."""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from paho.mqtt import publish

from edge.demo.broker import Broker
from edge.mqtt.subscriber import Received, Subscriber
from tests.homeassistant_rules import UNKNOWN, check_discovery, check_value
from tests.support import check_payload, edge, start_edge, until

pytestmark = pytest.mark.e2e
CONFIG_TOPIC = "homeassistant/device/porch/config"


class Home:
    """Subscribed to everything; knows the newest payload of each topic, as Home Assistant would."""

    def __init__(self) -> None:
        self.newest: dict[str, bytes] = {}

    def __call__(self, message: Received) -> None:
        self.newest[message.topic] = message.payload

    @property
    def entities(self) -> dict[str, dict[str, Any]]:
        payload = self.newest.get(CONFIG_TOPIC)
        return check_discovery(CONFIG_TOPIC, payload)["cmps"] if payload else {}

    def values(self) -> dict[str, str]:
        """Of each entity that has a topic of state; it must be a valid one, and there."""
        found = {}
        for key, entity in self.entities.items():
            topic = entity.get("state_topic") or entity.get("image_topic")
            if topic in self.newest:
                found[key] = check_value(entity, self.newest[topic])
        return found

    def missing(self) -> set[str]:
        read = {key for key, entity in self.entities.items() if "state_topic" in entity or "image_topic" in entity}
        return read - self.values().keys() if read else {"all"}


@pytest.fixture
def home(broker: Broker) -> Iterator[Home]:
    made = Home()
    with Subscriber(broker.host, broker.port, ["#"], made):
        yield made


@pytest.fixture
def running() -> Iterator[list[subprocess.Popen[bytes]]]:
    processes: list[subprocess.Popen[bytes]] = []
    yield processes
    for process in processes:
        process.kill()
        process.wait()


@pytest.fixture
def stop(running: list[subprocess.Popen[bytes]]) -> Callable[[], None]:
    def end() -> None:
        for process in running:
            process.terminate()
            process.wait(30)

    return end


@pytest.fixture
def start(
    base_dir: Path, tmp_path: Path, broker: Broker, running: list[subprocess.Popen[bytes]], stop: Callable[[], None]
) -> Callable[..., Path]:
    def begin(more: str = "") -> Path:
        stop()
        path = tmp_path / "edge.toml"
        path.write_text(
            f"""
            [device]
            id = "porch"
            [paths]
            data = "{tmp_path / "data"}"
            models = "{base_dir / "models"}"
            [[camera]]
            name = "door"
            source = "test:"
            [detector]
            labels = ["Person", "Coffee cup"]
            [mqtt]
            host = "127.0.0.1"
            port = {broker.port}
            {more}
            """
        )
        running.append(start_edge("run", "--config", path, log=tmp_path / "log"))
        return path

    return begin


def test_every_entity_has_a_valid_value_within_a_minute(
    start: Callable[..., Path], stop: Callable[[], None], home: Home, broker: Broker
) -> None:
    config = start()
    begun_s = time.monotonic()
    until(lambda: home.entities and home.missing() == {"door_events"}, 60, "a value for every entity")
    assert time.monotonic() - begun_s < 60
    expected = {
        "door_person": "OFF",
        "door_coffee_cup_count": "0",
        "door_motion": "OFF",
        "problem": "OFF",
        "door_camera": "ON",
    }
    until(lambda: expected.items() <= home.values().items(), 20, f"{expected}")
    answer = json.loads(edge("ask", "snapshot", "--config", config, "--json").stdout)
    until(lambda: "door_snapshot_picture" in home.values(), 20, "the picture")
    until(lambda: not home.missing(), 20, "the event")
    assert home.newest["edge/porch/latest/door"] == home.newest["edge/porch/latest/door/snapshot"]
    assert json.loads(home.values()["door_events"])["id"] == answer["result"][0]["event"]

    start("[homeassistant]\nenabled = false")
    until(lambda: home.newest[CONFIG_TOPIC] == b"", 30, "the removal")
    until(lambda: home.newest["edge/porch/availability"] == b"online", 30, "the device")
    start('[homeassistant]\nname = "Front porch"')
    until(lambda: home.newest[CONFIG_TOPIC], 30, "the device's return")
    assert json.loads(home.newest[CONFIG_TOPIC])["dev"]["name"] == "Front porch"
    assert {"door_latest", "door_snapshot_picture"} <= home.entities.keys(), "pictures are remembered"

    busy = edge("mqtt", "forget", "--config", config)
    assert "in use by process" in busy.stderr
    stop()
    until(lambda: home.newest["edge/porch/availability"] == b"offline", 10, "the end")
    assert re.fullmatch(r"taken away: \d+ topics\n", edge("mqtt", "forget", "--config", config, check=True).stdout)
    late = Home()
    with Subscriber(broker.host, broker.port, ["#"], late):
        time.sleep(1)
    assert late.newest == {}


def test_every_command_topic_does_what_it_says(start: Callable[..., Path], home: Home, broker: Broker) -> None:
    def send(topic: str, payload: str) -> None:
        publish.single(topic, payload, qos=1, hostname="127.0.0.1", port=broker.port)

    start('commands = "admin"')
    until(lambda: home.entities and home.missing() == {"door_events"}, 60, "a value for every entity")
    switches = {key: entity for key, entity in home.entities.items() if entity["p"] == "switch"}
    assert switches.keys() == {"switch_armed", "switch_camera-door"}
    for key, switch in switches.items():
        for wanted in ("OFF", "ON"):
            send(switch["command_topic"], wanted)
            until(lambda key=key, wanted=wanted: home.values()[key] == wanted, 10, f"{key} {wanted}")
            assert json.loads(home.newest["edge/porch/state"])["armed"] == (wanted == "ON")

    buttons = {key: entity for key, entity in home.entities.items() if entity["p"] == "button"}
    assert buttons.keys() == {"door_snapshot", "restart", "reboot"}
    send(buttons["door_snapshot"]["command_topic"], buttons["door_snapshot"]["payload_press"])
    until(lambda: "door_snapshot_picture" in home.values(), 20, "the picture")
    assert check_payload("result", home.newest["edge/porch/result"])["ok"]

    home.newest[CONFIG_TOPIC] = b""
    send("homeassistant/status", "online")
    until(lambda: home.entities, 10, "the announcement once more")

    send(buttons["restart"]["command_topic"], buttons["restart"]["payload_press"])
    until(lambda: home.newest["edge/porch/availability"] == b"offline", 30, "the end")
    assert check_payload("result", home.newest["edge/porch/result"])["action"] == "restart"


def test_the_backup_button_backs_up_and_both_times_are_shown(
    start: Callable[..., Path], home: Home, broker: Broker, tmp_path: Path
) -> None:
    edge("backup", "setup", "--type", "local", "--path", tmp_path / "remote", "--data", tmp_path / "data", check=True)
    config = start('commands = "operate"\n[backup]\nwait = "network"')
    until(lambda: is_moment(home.values().get("backup")), 90, "the first snapshot")
    first = home.values()["backup"]
    edge("ask", "snapshot", "--config", config, check=True)
    button = home.entities["backup-now"]
    publish.single(button["command_topic"], button["payload_press"], qos=1, hostname="127.0.0.1", port=broker.port)
    until(lambda: home.values()["backup"] > first, 90, "another snapshot")
    assert home.values()["backup_proven"] == UNKNOWN
    edge("ask", "backup-drill", "--config", config, check=True)
    until(lambda: is_moment(home.values()["backup_proven"]), 90, "a proven restore")
    status = json.loads(edge("ask", "backup-status", "--config", config, "--json", check=True).stdout)
    assert status["result"]["packs"] == 1


def is_moment(value: str | None) -> bool:
    return value not in (None, UNKNOWN)


def test_who_may_only_look_has_no_switches(start: Callable[..., Path], home: Home, broker: Broker) -> None:
    start(
        'commands = "view"\n[[work]]\nname = "gallery"\nworker = "recognise-folder"\nevery_s = 3600\ninput = { folder = "/srv" }'
    )
    until(lambda: "edge/porch/works/gallery" in home.newest, 60, "the work")
    assert check_payload("work", home.newest["edge/porch/works/gallery"])["worker"] == "recognise-folder"
    until(lambda: home.entities and home.missing() == {"door_events"}, 60, "a value for every entity")
    assert not {"switch", "button"} & {entity["p"] for entity in home.entities.values()}
