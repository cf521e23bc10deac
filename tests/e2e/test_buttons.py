"""A press on the running appliance: events and clips on the card, messages at a subscriber, signals of the light; sensors and rules."""

import json
import subprocess
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge import config
from edge.clock import iso_utc
from edge.demo.broker import Broker
from edge.mqtt.subscriber import Subscriber
from edge.store.events import EventStore
from tests.running import Running
from tests.support import Collector, until

pytestmark = pytest.mark.e2e

CAPTURE, LIGHT, PRIVACY, DOOR, SIREN, PIR = 17, 27, 22, 4, 25, 19
DISCOVERY = "homeassistant/device/porch/config"
SWITCH = "edge/porch/switch/output-siren/state"


def test_from_a_press_to_card_message_and_light(base_dir: Path, data_dir: Path, broker: Broker) -> None:
    running = Running(
        config.Config(
            paths=config.Paths(data=str(data_dir), models=str(base_dir / "models")),
            camera=(config.Camera(name="door", source="test:"),),
            mqtt=config.Mqtt(host=broker.host, port=broker.port),
            gpio=config.Gpio(driver="simulated"),
            button=(config.Button(name="capture", pin=CAPTURE, press="snapshot"),),
            light=config.Light(pin=LIGHT, privacy_pin=PRIVACY),
        )
    )
    collector = Collector()
    try:
        with Subscriber(broker.host, broker.port, ["edge/#"], collector):
            until(lambda: running.appliance.pipeline.newest("door"), 30, "a frame")
            until(lambda: running.pin(LIGHT).state == 1, 10, "the light of a watching device")
            assert running.pin(PRIVACY).state
            running.pin(CAPTURE).drive_low()
            until(lambda: not running.pin(LIGHT).state, 10, "the wink")
            time.sleep(0.05)
            running.pin(CAPTURE).drive_high()
            until(lambda: [event["type"] for event in collector.events()] == ["started", "ended"], 10, "the messages")
    finally:
        running.stop()
    started = collector.events()[0]
    (event,) = EventStore(data_dir).find(started["id"])
    assert (event.label, event.camera) == ("snapshot", "door")
    assert (data_dir / started["picture"]["path"]).is_file()


def settings_with(base_dir: Path, data_dir: Path, broker: Broker, **sections: Any) -> config.Config:
    return config.Config(
        device=config.Device(id="porch"),
        paths=config.Paths(data=str(data_dir), models=str(base_dir / "models")),
        camera=(config.Camera(name="door", source="test:", clips="encode"),),
        mqtt=config.Mqtt(host=broker.host, port=broker.port),
        gpio=config.Gpio(driver="simulated"),
        light=config.Light(pin=LIGHT),
        # Small and few: other tests run beside, and the encoder is the first to be late.
        clips=config.Clips(pre_s=2, post_s=1, encode_width=320, encode_fps=4),
        **sections,
    )


def test_from_a_press_to_a_clip_with_the_seconds_before(base_dir: Path, data_dir: Path, broker: Broker) -> None:
    button = config.Button(name="capture", pin=CAPTURE, press="clip", long="status")
    running = Running(settings_with(base_dir, data_dir, broker, button=(button,)))
    collector = Collector()
    try:
        with Subscriber(broker.host, broker.port, ["edge/#"], collector):
            until(lambda: running.encodes("door"), 60, "an encoded picture")
            time.sleep(3)  # of pictures that nobody has asked for yet
            until(lambda: running.pin(LIGHT).state == 1, 10, "the light of a watching device")
            began_s = time.time()
            running.pin(LIGHT).clear_states()
            hold(running, 0.1)
            until(lambda: levels(running)[-4:] == [0, 1, 0, 1], 20, "out, bright, out, and on again: acknowledged")
            (message,) = until(lambda: [m for m in collector.all if m.topic == "edge/porch/clips"], 20, "the clip")
    finally:
        running.stop()
    clip = json.loads(message.payload)
    assert clip["started_at"] < iso_utc(began_s - 1), "it begins before the press"
    assert clip["duration_s"] > 2
    assert clip["trigger"] == "button"
    assert seconds_of(data_dir / clip["path"]) == pytest.approx(clip["duration_s"], abs=0.5)


def hold(running: Running, seconds: float) -> None:
    running.pin(CAPTURE).drive_low()
    time.sleep(seconds)
    running.pin(CAPTURE).drive_high()


def levels(running: Running) -> list[float]:
    """Of the light, since the test cleared them."""
    return [state.state for state in running.pin(LIGHT).states[1:]]


def seconds_of(path: Path) -> float:
    command = ["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(path)]
    return float(subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout)


def test_from_a_door_over_a_rule_to_a_siren(base_dir: Path, data_dir: Path, broker: Broker) -> None:
    rule = config.Rule(
        name="opened", labels=("snapshot",), do=("output name=siren for_s=2", "clip camera=$camera"), publish="opened"
    )
    running = Running(
        settings_with(
            base_dir,
            data_dir,
            broker,
            input=(config.Input(name="door", pin=DOOR, off="snapshot"),),
            output=(config.Output(name="siren", pin=SIREN),),
            rule=(rule,),
        )
    )
    collector = Collector()
    try:
        running.pin(DOOR).drive_low()
        with Subscriber(broker.host, broker.port, ["edge/#", DISCOVERY], collector):
            until(lambda: running.encodes("door"), 60, "an encoded picture")
            until(lambda: shown(collector, "input/door") == "on", 10, "the closed door")
            until(lambda: b'"input_door"' in (collector.last(DISCOVERY) or b""), 10, "what Home Assistant is told")
            assert not running.pin(SIREN).state
            running.pin(DOOR).drive_high()
            until(lambda: running.pin(SIREN).state, 10, "the siren")
            until(lambda: shown(collector, "output/siren") == "on", 10, "its state")
            until(lambda: collector.last(SWITCH) == b"ON", 10, "its switch")
            until(lambda: not running.pin(SIREN).state, 10, "its end")
            until(lambda: collector.last(SWITCH) == b"OFF", 10, "its switch")
            told = until(lambda: collector.last("edge/porch/rules/opened"), 10, "the rule's message")
            until(lambda: collector.last("edge/porch/clips"), 60, "the clip")
    finally:
        running.stop()
    assert json.loads(told)["id"] == collector.events()[0]["id"]
    assert shown(collector, "input/door") == "off"


def shown(collector: Collector, part: str) -> str:
    payload = collector.last(f"edge/porch/state/{part}")
    return json.loads(payload)["state"] if payload else ""


def test_recognition_sleeps_until_the_sensor_sees_somebody(base_dir: Path, data_dir: Path, broker: Broker) -> None:
    camera = config.Camera(name="door", source="test:", gate_input="pir", gate_hold_s=0.5)
    settings = settings_with(base_dir, data_dir, broker, input=(config.Input(name="pir", pin=PIR, active="high"),))
    running = Running(msgspec.structs.replace(settings, camera=(camera,)))
    stats = running.appliance.pipeline.stats
    try:
        until(lambda: stats.quiet > 20, 60, "frames that nobody looks at")
        assert stats.frames == 0
        running.pin(PIR).drive_high()
        until(lambda: stats.frames, 20, "a look")
        running.pin(PIR).drive_low()
    finally:
        running.stop()
