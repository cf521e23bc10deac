"""kill -9 at any moment: nothing that was kept is lost."""

import hashlib
import json
import random
import time
from pathlib import Path
from typing import Any

import pytest

from edge.demo.broker import Broker
from edge.mqtt.subscriber import Subscriber
from edge.store.events import EventStore
from edge.store.outbox import Outbox
from edge.store.pictures import PictureFolder
from tests.support import Collector, edge, start_edge, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

ROUNDS = 20
LONGEST_S = 2.5


def test_every_event_reaches_the_subscriber_over_twenty_kills(base_dir: Path, tmp_path: Path, broker: Broker) -> None:
    config, log, data_dir = tmp_path / "edge.toml", tmp_path / "log", tmp_path / "data"
    config.write_text(
        f"""
        [paths]
        data = "{data_dir}"
        models = "{base_dir / "models"}"
        [[camera]]
        name = "street"
        source = "file:{base_dir / "samples" / "bikes.mp4"}"
        pace = "fast"
        loop = true
        [[camera]]
        name = "gallery"
        source = "folder:{base_dir / "samples" / "pictures"}"
        [tracking]
        lost_after_s = 0.3
        [mqtt]
        host = "{broker.host}"
        port = {broker.port}
        """
    )
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    collector = Collector()
    with Subscriber(broker.host, broker.port, ["edge/#"], collector, session="test"):
        for _ in range(ROUNDS):
            killed_during_work(config, log, chance.uniform(0, LONGEST_S))
        last = edge("run", "--once", "--config", config)
        assert last.returncode == 0, f"exit code {last.returncode}: {last.stderr}"
        expected = {
            (event.id, n) for event in EventStore(data_dir).newest(100_000) for n in range(1, event.revision + 1)
        }
        until(lambda: expected <= received(collector).keys(), 20, "every message")

    messages = received(collector)
    assert messages.keys() == expected, "nothing was published that is not kept"
    assert len(expected) > 2 * ROUNDS, "the video gave events in most rounds"
    different = [payloads for payloads in messages.values() if len(payloads) > 1]
    assert not different, "a duplicate says the same as the first"
    assert Outbox(data_dir).count() == 0
    check_pictures(data_dir, messages)


def killed_during_work(config: Path, log: Path, after_s: float) -> None:
    """Start the program, wait until it works, and kill it `after_s` later."""
    seen = log.stat().st_size if log.exists() else 0
    program = start_edge("run", "--config", config, log=log)
    try:
        until(lambda: b"started device" in log.read_bytes()[seen:] or program.poll() is not None, 30, "the start")
        assert program.poll() is None, log.read_text()
        time.sleep(after_s)
    finally:
        program.kill()
        program.wait()


def received(collector: Collector) -> dict[tuple[str, int], set[str]]:
    """The different payloads of each message, by event id and revision."""
    messages: dict[tuple[str, int], set[str]] = {}
    for payload in collector.events():
        payload.pop("replayed", None)
        messages.setdefault((payload["id"], payload["revision"]), set()).add(json.dumps(payload, sort_keys=True))
    return messages


def check_pictures(data_dir: Path, messages: dict[tuple[str, int], set[str]]) -> None:
    """Every event row and every message has its picture on disk, whole."""
    events = EventStore(data_dir).newest(100_000)
    folder = PictureFolder(data_dir)
    for event in events:
        assert event.end_reason is not None
        assert event.picture is not None
        assert hashlib.sha256(folder.path_of(event.picture).read_bytes()).hexdigest() == event.picture.sha256
    for payloads in messages.values():
        picture: dict[str, Any] = json.loads(next(iter(payloads)))["picture"]
        assert (data_dir / picture["path"]).stat().st_size == picture["size_bytes"]
    stills = [event for event in events if event.camera == "gallery"]
    assert sorted(event.label for event in stills) == ["Cat", "Coffee cup", "Person"], "each stored picture once"
