"""Safe to remove, and factory reset, on the running program: by a button that is held, and by the command."""

import json
import time
from pathlib import Path

import pytest

from edge import config, reset, runtime
from edge.demo.broker import Broker
from edge.errors import StoreError
from edge.identity import device_id
from edge.mqtt.subscriber import Subscriber
from edge.store.events import EventStore
from edge.store.outbox import Outbox
from tests.running import Running
from tests.support import Collector, edge, start_edge, until

pytestmark = pytest.mark.e2e

BUTTON, LIGHT, PRIVACY = 7, 27, 22
BACKUP = config.Button(name="backup", pin=BUTTON, press="backup-now", long="safe-to-remove", very_long="factory-reset")


@pytest.fixture
def running(base_dir: Path, data_dir: Path, broker: Broker) -> Running:
    return Running(
        config.Config(
            device=config.Device(id="porch"),
            paths=config.Paths(data=str(data_dir), models=str(base_dir / "models")),
            camera=(config.Camera(name="door", source="test:"),),
            mqtt=config.Mqtt(host=broker.host, port=broker.port),
            gpio=config.Gpio(driver="simulated"),
            button=(BACKUP,),
            web=config.Web(host="127.0.0.1", port=0),
            light=config.Light(pin=LIGHT, privacy_pin=PRIVACY),
        )
    )


def shown(collector: Collector, part: str) -> str:
    payload = collector.last(f"edge/porch/state/{part}")
    return json.loads(payload)["state"] if payload else ""


def is_safe(running: Running) -> bool:
    return any(condition.state == "safe" for condition in running.appliance._health.conditions())


def hold(running: Running, seconds: float) -> None:
    running.pin(BUTTON).drive_low()
    time.sleep(seconds)
    running.pin(BUTTON).drive_high()


def test_held_for_long_it_writes_what_it_has_and_rests_until_a_press(
    running: Running, data_dir: Path, broker: Broker
) -> None:
    collector = Collector()
    with Subscriber(broker.host, broker.port, ["edge/#"], collector):
        until(lambda: running.appliance.pipeline.newest("door"), 30, "a frame")
        assert running.ask("snapshot").ok
        until(lambda: shown(collector, "light/status") == "armed", 20, "what the light says")
        hold(running, 3.0)
        until(lambda: shown(collector, "program/edge") == "safe", 30, "the end of writing")
        until(lambda: shown(collector, "light/status") == "safe", 20, "the light")
        assert not running.pin(PRIVACY).state, "no camera is open"
        assert (data_dir / "edge.db-wal").stat().st_size == 0, "all is in the database"
        wrote = {path: path.stat().st_mtime_ns for path in data_dir.rglob("*") if path.name.startswith("edge.db")}
        refused = running.ask("snapshot")
        assert (refused.ok, refused.hint) == (False, "`edge ask restart`, or press a button")
        assert running.ask("status").ok
        assert {path: path.stat().st_mtime_ns for path in wrote} == wrote
        assert collector.last("edge/porch/availability") == b"online"
        outbox = Outbox(data_dir)
        assert outbox.count() == 0, "what the broker has acknowledged is forgotten now, not a minute later"
        outbox.close()
        hold(running, 0.1)
        assert running.ended().restart
    assert [event.label for event in EventStore(data_dir).newest(5)] == ["snapshot"]


def test_a_full_card_is_safe_to_remove_too(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_folder: Path) -> None:
        raise StoreError("edge.db: database or disk is full")

    monkeypatch.setattr(runtime, "checkpoint", full)
    until(lambda: running.appliance.pipeline.newest("door"), 30, "a frame")
    assert running.ask("safe-to-remove").ok
    until(lambda: is_safe(running), 30, "the end of writing")
    assert running.ask("restart").ok
    assert running.ended().restart


def test_held_for_very_long_it_asks_and_a_press_erases(running: Running, data_dir: Path, broker: Broker) -> None:
    collector = Collector()
    with Subscriber(broker.host, broker.port, ["edge/#"], collector):
        until(lambda: running.appliance.pipeline.newest("door"), 30, "a frame")
        assert running.ask("snapshot").ok
        running.pin(BUTTON).drive_low()
        until(lambda: shown(collector, "light/status") == "asking", 30, "the question")
        running.pin(BUTTON).drive_high()
        time.sleep(0.2)
        assert not reset.is_asked(data_dir), "letting go is no answer"
        hold(running, 0.1)
        assert running.ended().restart
    assert reset.carry_out(data_dir), "the next start does it"
    assert [path.name for path in data_dir.iterdir()] == []


def test_a_running_program_is_erased_by_the_command_and_is_a_new_device(tmp_path: Path, models_dir: Path) -> None:
    data_dir, settings = tmp_path / "data", tmp_path / "edge.toml"
    settings.write_text(
        f'paths = {{ data = "{data_dir}", models = "{models_dir}" }}\n[[camera]]\nname = "door"\nsource = "test:"\n'
    )
    program = start_edge("run", "--config", settings, log=tmp_path / "log")
    try:
        until(lambda: edge("ask", "snapshot", "--config", settings).returncode == 0, 60, "a picture")
        before = device_id(data_dir)
        asked = edge("ask", "factory-reset", "--config", settings)
        assert (asked.returncode, f"confirm={before}" in asked.stderr) == (1, True)
        edge("reset", "--config", settings, "--confirm", before, check=True)
        assert program.wait(60) == 75
        assert reset.is_asked(data_dir)
        program = start_edge("run", "--config", settings, log=tmp_path / "log")
        until(lambda: edge("ask", "status", "--config", settings).returncode == 0, 60, "the program")
        assert device_id(data_dir) != before
        assert edge("events", "list", "--config", settings, check=True).stdout == ""
    finally:
        program.terminate()
        program.wait(60)
