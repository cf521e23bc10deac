"""A press on the running appliance: an event on the card, a message at a subscriber, a signal of the light."""

import asyncio
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from edge import config, wiring
from edge.demo.broker import Broker
from edge.mqtt.subscriber import Subscriber
from edge.runtime import Appliance, Report
from edge.store.events import EventStore
from tests.support import Collector, until

pytestmark = pytest.mark.e2e

CAPTURE, LIGHT, PRIVACY = 17, 27, 22


class Running:
    """The appliance in a thread of this process, so that the test can reach its simulated pins."""

    def __init__(self, settings: config.Config) -> None:
        self.appliance: Appliance = wiring.build(settings)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self.reports: list[Report] = []
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        self.reports.append(self._loop.run_until_complete(self.appliance.run(self._stop)))
        self._loop.close()

    def pin(self, number: int) -> Any:
        assert self.appliance.board is not None
        assert self.appliance.board.pins is not None
        return self.appliance.board.pins.factory.pin(number)  # type: ignore[attr-defined]

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(30)
        assert self.reports


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
