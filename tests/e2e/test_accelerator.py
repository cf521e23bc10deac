"""`edge run` with an accelerator that dies and comes back: what a subscriber hears of it, and what a newcomer finds."""

import json
from pathlib import Path
from typing import Any

import pytest

from edge.demo.broker import Broker
from edge.mqtt.subscriber import Subscriber
from tests.support import Collector, start_edge, until

pytestmark = pytest.mark.e2e

TOPIC = "edge/porch/state/accelerator/edgetpu"


def test_the_state_goes_degraded_and_back(shared: Path, fake_edgetpu: Path, tmp_path: Path, broker: Broker) -> None:
    config, broken = tmp_path / "edge.toml", tmp_path / "broken"
    config.write_text(
        f"""
        [device]
        id = "porch"
        [paths]
        data = "data"
        models = "{shared / "models"}"
        [[camera]]
        name = "door"
        source = "test:"
        [detector]
        model = "mobilenet_v1_025_imagenet"
        accelerator = "edgetpu"
        edgetpu_library = "{fake_edgetpu}"
        edgetpu_options = {{ trouble = "hang", while = "{broken}", answer = "1" }}
        [mqtt]
        host = "{broker.host}"
        port = {broker.port}
        """
    )
    collector = Collector()
    with Subscriber(broker.host, broker.port, ["edge/#"], collector):
        program = start_edge("run", "--config", config, log=tmp_path / "log")
        try:
            until(lambda: states(collector) == ["running"], 30, "the accelerator's coming up")
            until(lambda: labels(collector) == {"tench, Tinca tinca"}, 10, "an event of the accelerator's")
            broken.touch()
            until(lambda: states(collector) == ["running", "degraded"], 5, "its being lost")
            assert "no answer to Infer within 1 s" in last(collector)["cause"]
            assert newcomer(broker)["state"] == "degraded"
            broken.unlink()
            until(lambda: states(collector) == ["running", "degraded", "running"], 10, "its coming back")
            assert newcomer(broker) == {**last(collector), "state": "running", "cause": ""}
            assert program.poll() is None
        finally:
            program.terminate()
            code = program.wait(20)
        assert code == 0, (tmp_path / "log").read_text()
        notices = [json.loads(m.payload) for m in collector.all if m.topic == "edge/porch/notices"]
    assert [notice["state"] for notice in notices if notice["part"] == "accelerator"] == ["degraded", "running"]
    assert "Traceback" not in (tmp_path / "log").read_text()


def states(collector: Collector) -> list[str]:
    return [json.loads(message.payload)["state"] for message in collector.all if message.topic == TOPIC]


def last(collector: Collector) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(collector.last(TOPIC) or b"{}")
    return found


def labels(collector: Collector) -> set[str]:
    return {event["label"] for event in collector.events()}


def newcomer(broker: Broker) -> dict[str, Any]:
    """What one who subscribes now is told at once."""
    collector = Collector()
    with Subscriber(broker.host, broker.port, [TOPIC], collector):
        until(lambda: collector.all, 5, "the retained state")
    return last(collector)
