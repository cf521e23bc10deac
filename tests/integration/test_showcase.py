"""The showcase over a real store and broker."""

import io
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edge.actions.standard import SNAPSHOT
from edge.clock import SystemClock
from edge.config import Config, Mqtt
from edge.demo.broker import Broker
from edge.geometry import Box
from edge.health import Health
from edge.mqtt.frigate import FrigateEvents
from edge.mqtt.messages import Versions
from edge.mqtt.sender import Sender
from edge.mqtt.showcase import Showcase
from edge.mqtt.showing import EDGE_PX, PICTURE_BYTES
from edge.mqtt.subscriber import Subscriber
from edge.mqtt.summary import Figures, Sources
from edge.mqtt.tree import Tree
from edge.store.events import EventStore
from edge.store.pictures import PictureFolder
from edge.store.port import Event, Record
from tests.support import Collector, check_payload, until

CLOCK = SystemClock()
VERSIONS = Versions(program="1", python="3", model="m", runtime="r")


def fail(error: BaseException) -> None:
    raise AssertionError("a thread died") from error


class Rig:
    """A showcase with its sender, and what a subscriber that comes later finds."""

    def __init__(self, data_dir: Path, broker: Broker) -> None:
        self.data_dir = data_dir
        self.broker = broker
        self.health = Health(CLOCK)
        self.store = EventStore(data_dir)
        self.figures = Figures()
        self.ids = 0

    @contextmanager
    def run(self, *, cameras: tuple[str, ...] = ("door",), labels: tuple[str, ...] = ()) -> Iterator[Showcase]:
        sender = Sender(self.data_dir, Mqtt(host="127.0.0.1", port=self.broker.port), "dev", fail)
        sources = Sources("dev", cameras, VERSIONS, self.health.conditions, lambda: self.figures, lambda camera: True)
        showcase = Showcase(
            self.data_dir, sources, labels, sender.set_state, CLOCK, fail, stats_s=(0.1, 0.5), sweep_s=0.5
        )
        sender.start()
        showcase.start()
        try:
            yield showcase
        finally:
            showcase.stop()
            sender.stop()

    def event(
        self, showcase: Showcase, label: str, *, picture: bytes = b"", ended: bool = False, **other: Any
    ) -> Event:
        self.ids += 1
        now = CLOCK.now()
        kept = PictureFolder(self.data_dir).put(picture, (1, 1)) if picture else None
        event = Event(
            id=other.pop("id", f"{self.ids:04}"),
            camera=other.pop("camera", "door"),
            label=label,
            score=0.9,
            box=Box(0, 0, 1, 1),
            started=now,
            seen=now,
            boot_id="boot",
            end_reason="left" if ended else None,
            picture=getattr(kept, "picture", kept),
        )
        record = Record((event,))
        self.store.commit([record])
        showcase.committed([record])
        return event

    def retained(self) -> dict[str, bytes]:
        """Everything that the broker keeps, by the topic below the device's."""
        found = Collector()
        with Subscriber(self.broker.host, self.broker.port, ["edge/dev/#"], found):
            count = -1
            while count < len(found.all):  # they come in one go, in any order
                count = len(found.all)
                time.sleep(0.2)
        return {message.topic.removeprefix("edge/dev/"): message.payload for message in found.all if message.retained}

    def until(self, condition: Callable[[dict[str, bytes]], Any], what: str) -> dict[str, bytes]:
        def look() -> dict[str, bytes] | None:
            found = self.retained()
            return found if condition(found) else None

        found: dict[str, bytes] = until(look, 10, what)
        return found


@pytest.fixture
def rig(data_dir: Path, broker: Broker) -> Iterator[Rig]:
    made = Rig(data_dir, broker)
    yield made
    made.store.close()


def jpeg(width: int, height: int, *, noise: bool = False, colour: int = 0) -> bytes:
    shape = (height, width, 3)
    pixels = np.random.default_rng(1).integers(0, 255, shape, np.uint8) if noise else np.full(shape, colour, np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def test_who_is_there_and_the_latest_picture(rig: Rig) -> None:
    with rig.run() as showcase:
        first = rig.event(showcase, "Coffee cup", picture=jpeg(1280, 720, noise=True))
        found = rig.until(lambda found: {"latest/door/coffee_cup", "latest/door"} <= found.keys(), "the pictures")
        present = check_payload("present", found["present/door/coffee_cup"])
        assert (present["count"], present["label"], present["event"]) == (1, "Coffee cup", first.id)
        with Image.open(io.BytesIO(found["latest/door/coffee_cup"])) as image:
            assert max(image.size) <= EDGE_PX
        assert len(found["latest/door/coffee_cup"]) <= PICTURE_BYTES
        assert found["latest/door"] == found["latest/door/coffee_cup"]

        small = jpeg(320, 200)
        rig.event(showcase, SNAPSHOT, picture=small, ended=True)
        found = rig.until(lambda found: found.get("latest/door") == small, "the newer picture")
        assert found["latest/door/snapshot"] == small
        assert "present/door/snapshot" not in found

        rig.event(showcase, "Coffee cup", id=first.id, ended=True)
        rig.until(lambda found: json.loads(found["present/door/coffee_cup"])["count"] == 0, "the end")


def test_after_a_restart_everything_is_there_and_what_is_gone_is_not(rig: Rig) -> None:
    with rig.run(cameras=("door", "yard")) as showcase:
        rig.event(showcase, "Cat", picture=jpeg(64, 48))
        rig.event(showcase, "Dog", camera="yard", picture=jpeg(64, 40))
        rig.health.report("camera", "yard", "running")
        rig.until(lambda found: {"latest/door/cat", "latest/yard/dog"} <= found.keys(), "both")
    with rig.run(cameras=("door",)):
        found = rig.until(lambda found: not any("yard" in topic for topic in found), "the removed camera's end")
        present = json.loads(found["present/door/cat"])
        assert (present["count"], present["event"]) == (0, "0001")
        assert {"latest/door", "latest/door/cat", "state", "stats"} <= found.keys()
    with rig.run(cameras=("door",), labels=("Person",)):
        found = rig.until(lambda found: "present/door/cat" not in found, "the label's end")
        assert json.loads(found["present/door/person"])["last_seen_at"] is None


def test_states_figures_and_problems(rig: Rig) -> None:
    rig.figures = Figures(frames=10, infer_s=0.5)
    with rig.run() as showcase:
        found = rig.until(lambda found: "stats" in found and "state" in found, "stats")
        stats = check_payload("stats", found["stats"])
        assert (stats["frames"], stats["inference_ms"]) == (10, 50.0)
        assert stats["memory_bytes"] > 10_000_000
        assert not json.loads(found["state"])["degraded"]
        rig.health.report("camera", "door", "failed", "no such device")
        showcase.poke()
        found = rig.until(lambda found: json.loads(found["state"])["degraded"], "the trouble")
        state = check_payload("state", found["state"])
        assert state["problems"] == ["camera door: no such device"]
        assert state["cameras"] == [{"name": "door", "state": "failed", "armed": True}]


def test_as_frigate_has_it(rig: Rig, broker: Broker) -> None:
    """Counts, pictures and motion on Frigate's topics, and its events through the same outbox."""
    heard = Collector()
    with Subscriber(broker.host, broker.port, ["frigate/#"], heard):
        sender = Sender(rig.data_dir, Mqtt(host="127.0.0.1", port=broker.port), "dev", fail)
        sources = Sources("dev", ("door",), VERSIONS, rig.health.conditions, lambda: rig.figures)
        config = Config(mqtt=Mqtt(frigate_prefix="frigate"))
        tree = Tree(config, rig.data_dir, sender, sources, CLOCK, fail)
        sender.start()
        tree.start()
        event = rig.event(tree.showcase, "Coffee cup", picture=jpeg(64, 48))
        rig.store.commit([Record((), tuple(FrigateEvents("frigate")("started", event)))])
        sender.wake()
        rig.health.report("motion", "door", "moving")
        tree.showcase.poke()
        expected = {"door/coffee_cup": b"1", "door/all": b"1", "door/motion": b"ON", "available": b"online"}
        for topic, payload in expected.items():
            until(lambda topic=topic, payload=payload: heard.last(f"frigate/{topic}") == payload, 10, topic)
        until(
            lambda: (heard.last("frigate/door/coffee_cup/snapshot") or b"").startswith(b"\xff\xd8"), 10, "the picture"
        )
        told = until(lambda: heard.last("frigate/events"), 10, "the event")
        assert json.loads(told)["after"]["id"] == event.id
        until(lambda: heard.last("frigate/stats"), 10, "stats")
        tree.stop()
        sender.stop()
        until(lambda: heard.last("frigate/available") == b"offline", 5, "the farewell")
