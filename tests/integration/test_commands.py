"""Commands over a real broker, from a client that may be mad."""

import json
import os
import random
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from edge.actions.performer import Performer
from edge.actions.port import Action, Arguments
from edge.clock import SystemClock
from edge.config import Mqtt
from edge.demo.broker import Broker
from edge.errors import CameraError
from edge.ids import IdSource
from edge.mqtt.commands import PAYLOAD_BYTES, Commands
from edge.mqtt.sender import Sender
from edge.mqtt.summary import memory_bytes
from edge.mqtt.switches import Switch
from tests.support import check_payload, until

CLOCK = SystemClock()
ROOT = "edge/dev"


class Turned(Arguments, frozen=True, kw_only=True):
    camera: str = ""
    on: bool = True


class Device:
    """What can be asked for, and how often it was done."""

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()
        self.on = False

    def _turn(self, asked: Turned) -> str:
        if asked.camera == "broken":
            raise CameraError("camera broken: no picture", hint="look at it")
        self.on = asked.on
        self.done[asked.camera] += 1
        return asked.camera

    @property
    def actions(self) -> list[Action]:
        return [
            Action("status", "How it is", "view", lambda _: {"on": self.on}, changes=False),
            Action("turn", "Turn on or off", "operate", self._turn, Turned),
            Action("reboot", "Restart", "admin", lambda _: self.done.update(["reboot"])),
        ]

    @property
    def switches(self) -> list[Switch]:
        on, off = b'{"on":true,"camera":"by switch"}', b'{"on":false,"camera":"by switch"}'
        return [Switch("turned", "Turned", "mdi:power", ("turn", on), ("turn", off), lambda: self.on)]


class Asker:
    """An MQTT 5 client that asks, and counts the answers."""

    def __init__(self, port: int) -> None:
        self._room = threading.Semaphore(24)
        self.answers: list[tuple[str, bytes | None, dict[str, Any]]] = []
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="asker", protocol=paho.MQTTv5)
        self.client.on_message = self._answered
        wanted = [(f"{ROOT}/result", paho.SubscribeOptions(1)), ("answers/#", paho.SubscribeOptions(1))]
        self.client.on_connect = lambda client, *_: client.subscribe(wanted)
        self.client.on_subscribe = lambda *_: self._ready.set()
        self._ready = threading.Event()
        self.client.max_inflight_messages_set(40)
        kept = Properties(PacketTypes.CONNECT)
        kept.SessionExpiryInterval = 100  # answers wait for us while the broker restarts
        self.client.connect("127.0.0.1", port, clean_start=False, properties=kept)
        self.client.loop_start()
        assert self._ready.wait(5)

    def _answered(self, client: Any, userdata: Any, message: Any) -> None:
        correlation = getattr(message.properties, "CorrelationData", None)
        self.answers.append((message.topic, correlation, check_payload("result", message.payload)))
        self._room.release()

    def ask(
        self, topic: str, payload: bytes, *, retain: bool = False, back: str = "", correlation: bytes = b""
    ) -> None:
        """Send, when no more than 24 others wait for their answer: the device refuses more than 32."""
        assert self._room.acquire(timeout=20), f"no answer comes any more; last asked: {topic} {payload[:100]!r}"
        properties = Properties(PacketTypes.PUBLISH)
        if back:
            properties.ResponseTopic = back
        if correlation:
            properties.CorrelationData = correlation
        self.client.publish(f"{ROOT}/{topic}", payload, qos=1, retain=retain, properties=properties)

    def answer(self, number: int = -1) -> tuple[str, bytes | None, dict[str, Any]]:
        return self.answers[number]

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


def fail(error: BaseException) -> None:
    raise AssertionError("a thread died") from error


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def failures(data_dir: Path, broker: Broker, device: Device) -> Iterator[list[BaseException]]:
    """A device that listens; what its threads died of."""
    died: list[BaseException] = []
    performer = Performer(device.actions, data_dir, CLOCK, died.append, rate_per_s=1e6, burst=1e6)
    sender = Sender(data_dir, Mqtt(host="127.0.0.1", port=broker.port), "dev", died.append)
    ids = IdSource(CLOCK)
    commands = Commands(performer, "operate", device.switches, ROOT, sender.publish, ids.next, CLOCK)
    for topic_filter in commands.filters:
        sender.subscribe(topic_filter, commands.handle)
    performer.start()
    sender.start()
    yield died
    if not died:
        performer.stop()
    sender.stop()


@pytest.fixture
def asker(broker: Broker, failures: list[BaseException]) -> Iterator[Asker]:
    made = Asker(broker.port)
    until(lambda: _listens(made), 20, "a device that listens")
    made.answers.clear()
    yield made
    made.close()


def _listens(asker: Asker) -> bool:
    asker.client.publish(f"{ROOT}/command/status", b"{}", qos=1)
    try:
        until(lambda: asker.answers, 0.3, "an answer")
    except AssertionError:
        return False
    return True


def asked(asker: Asker, topic: str, payload: bytes, **how: Any) -> tuple[str, bytes | None, dict[str, Any]]:
    before = len(asker.answers)
    asker.ask(topic, payload, **how)
    until(lambda: len(asker.answers) > before, 5, f"the answer to {topic}")
    return asker.answer()


def test_an_answer_comes_where_it_is_wanted(asker: Asker, device: Device) -> None:
    topic, correlation, answer = asked(
        asker, "command/turn", b'{"camera":"a","request_id":"7"}', back="answers/me", correlation=b"\x00x"
    )
    assert (topic, correlation) == ("answers/me", b"\x00x")
    assert (answer["ok"], answer["result"], answer["request_id"], answer["action"]) == (True, "a", "7", "turn")
    topic, correlation, answer = asked(asker, "command/turn", b'{"camera":"broken"}')
    assert (topic, correlation) == (f"{ROOT}/result", None)
    assert (answer["ok"], answer["error"], answer["hint"]) == (False, "camera broken: no picture", "look at it")
    assert answer["request_id"]
    for elsewhere in (f"{ROOT}/events", f"{ROOT}/command/turn", ROOT):
        topic, _, _ = asked(asker, "command/status", b"{}", back=elsewhere)
        assert topic == f"{ROOT}/result", "an answer never stands for something else"


def test_what_is_no_command_is_refused(asker: Asker, device: Device) -> None:
    refused = {
        b"": "an empty message asks for nothing",
        b"  ": "an empty message asks for nothing",
        b"{": "the message is no request",
        b"[]": "the message is no request",
        b'{"request_id":7}': "the message is no request",
        b'{"zoom":1}': "turn: the arguments are wrong",
        b'{"camera":7}': "turn: the arguments are wrong",
        b'{"camera":"' + b"x" * PAYLOAD_BYTES + b'"}': "the message is too long",
        b'{"request_id":"' + b"x" * 200 + b'"}': "request_id is too long",
    }
    for payload, why in refused.items():
        _, _, answer = asked(asker, "command/turn", payload)
        assert not answer["ok"]
        assert answer["error"].startswith(why), (payload[:40], answer)
    assert "is no action" in asked(asker, "command/jump", b"{}")[2]["error"]
    assert "needs the permission 'admin'" in asked(asker, "command/reboot", b"{}")[2]["error"]
    assert not device.done


def test_a_request_is_done_once(asker: Asker, device: Device) -> None:
    first = asked(asker, "command/turn", b'{"camera":"once","request_id":"again"}')[2]
    assert asked(asker, "command/turn", b'{"camera":"once","request_id":"again"}')[2] == first
    assert device.done["once"] == 1


def test_a_retained_command_is_never_done_at_a_connection(
    asker: Asker, device: Device, broker: Broker, data_dir: Path
) -> None:
    other = paho.Client(CallbackAPIVersion.VERSION2)
    other.connect("127.0.0.1", broker.port)
    other.loop_start()
    other.publish(f"{ROOT}/command/turn", b'{"camera":"ghost"}', qos=1, retain=True).wait_for_publish(5)
    until(lambda: device.done["ghost"] == 1, 10, "the command")
    broker.stop()
    broker.start()
    until(
        lambda: any(answer[2]["error"] == "a retained message is no command" for answer in asker.answers),
        30,
        "the refusal",
    )
    assert device.done["ghost"] == 1
    other.publish(f"{ROOT}/command/turn", b"", qos=1, retain=True).wait_for_publish(10)
    until(lambda: any((answer[2]["error"] or "").startswith("an empty") for answer in asker.answers), 10, "the removal")
    assert device.done["ghost"] == 1
    other.disconnect()
    other.loop_stop()


def test_switches(asker: Asker, device: Device) -> None:
    assert asked(asker, "switch/turned/set", b"ON")[2]["ok"]
    assert device.on
    assert asked(asker, "switch/turned/set", b"off")[2]["ok"]
    assert not device.on
    assert asked(asker, "switch/turned/set", b"maybe")[2]["hint"] == "send ON or OFF"
    assert asked(asker, "switch/other/set", b"ON")[2]["error"] == "there is no switch 'other'"
    assert device.switches[0].state.payload == b"OFF"


def junk(dice: random.Random) -> bytes:
    """Nearly or not at all a request."""
    deep = dice.randrange(1, 900)
    return dice.choice(
        [
            dice.randbytes(dice.randrange(200)),
            b'{"a":' * deep + b"1" + b"}" * deep,
            b"[" * dice.randrange(5000),
            b'{"camera":"x"}'[: dice.randrange(14)],
            json.dumps({"request_id": dice.choice([None, 1, {}, "x" * 500]), "camera": dice.random()}).encode(),
            json.dumps({chr(dice.randrange(1, 0xD000)): "x" * dice.randrange(2000)}).encode(),
            b"x" * dice.randrange(PAYLOAD_BYTES, 60_000),
            b'{"camera":"\xff\xfe"}',
            b'{"camera":"\\ud800"}',
        ]
    )


@pytest.mark.timeout(180)
def test_ten_thousand_commands_of_all_kinds(asker: Asker, device: Device, failures: list[BaseException]) -> None:
    """No crash, every message answered, every valid command done exactly once, memory flat."""
    dice = random.Random(int(os.environ.get("EDGE_SEED", "5")))
    valid: list[str] = []
    before = 0
    for number in range(10_000):
        kind = dice.random()
        if kind < 0.3:
            name = f"v{number}"
            valid.append(name)
            asker.ask(
                "command/turn",
                json.dumps({"camera": name, "request_id": name}).encode(),
                back=dice.choice(["", "answers/x"]),
            )
        elif kind < 0.4 and valid:
            name = dice.choice(valid[-300:])  # the device remembers the newest thousand
            asker.ask("command/turn", json.dumps({"camera": name, "request_id": name}).encode())
        elif kind < 0.45:
            asker.ask("command/reboot", b"{}")
        elif kind < 0.5:
            asker.ask(
                f"switch/{dice.choice(['turned', 'ü', '$', ' '])}/set",
                dice.choice([b"ON", b"OFF", b"", dice.randbytes(9)]),
            )
        elif kind < 0.55:
            asker.ask(
                "command/status",
                b"{}",
                back=dice.choice(["$SYS/x", f"{ROOT}/state", "x" * 300, "answers/" + "y" * 200]),
            )
        else:
            topic = dice.choice(["turn", "turn", "status", "", "nothing", "ü" * 90, "{}", "$x"])
            asker.ask(
                f"command/{topic}",
                junk(dice),
                retain=dice.random() < 0.05,
                correlation=dice.randbytes(dice.randrange(40)),
            )
        assert not failures, failures
        if number == 3000:
            before = memory_bytes() or 0
    until(lambda: len(asker.answers) >= 10_000 or failures, 20, "an answer to each")
    assert not failures, failures
    assert (memory_bytes() or 0) - before < 40_000_000, "the asker keeps the answers in this process too"
    ok = {answer["request_id"] for _, _, answer in asker.answers if answer["ok"]}
    assert set(valid) <= ok
    assert {device.done[name] for name in valid} == {1}
    assert not device.done["reboot"]
