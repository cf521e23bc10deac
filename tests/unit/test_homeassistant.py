"""The discovery message against the documented rules."""

import json
from typing import Any, cast

import msgspec
import pytest

from edge.actions.standard import Rooms, standard_actions
from edge.clock import Instant
from edge.device.state import DeviceState, Network, Power, Storage, Thermal
from edge.events.message import state_message
from edge.geometry import Box
from edge.health import Condition
from edge.mqtt.backups import BackupMessage
from edge.mqtt.entities import Published
from edge.mqtt.homeassistant import Announcement, discovery
from edge.mqtt.messages import Versions
from edge.mqtt.presence import Shown
from edge.mqtt.showcase import View
from edge.mqtt.summary import Figures, Sources, stats, summary
from edge.mqtt.switches import Switch, output_switch
from edge.mqtt.updates import UpdateMessage
from edge.store.port import Message, Picture
from tests.homeassistant_rules import check_discovery, check_value

AT = Instant(1000.0, 10.0)
FULL = DeviceState(
    at=AT,
    power=Power(since=AT, source="battery", battery_percent=80.0, battery_low=False, under_voltage=False),
    network=Network(since=AT, connected=True, kind="wifi", ssid="home"),
    storage=Storage(free_bytes=10**9, total_bytes=10**10, free_inodes=1000, low=False),
    thermal=Thermal(hot=False, celsius=48.2),
)
PERSON = Shown("front_door", "Person", event="1", seen_wall_s=1000.0, picture=Picture("a", 1, 1, 1), open={"1"})
CUP = Shown("front_door", "Coffee cup")
SNAPSHOT = Shown("yard", "snapshot", event="2", seen_wall_s=1001.0, picture=Picture("b", 1, 1, 1))
ARMED = Switch("armed", "Armed", "mdi:shield-home", ("arm", b"{}"), ("disarm", b"{}"), lambda: True)


def published(state: DeviceState | None = FULL, **other: Any) -> Published:
    sources = Sources(
        "dev", ("front_door", "yard"), Versions(program="1", python="3", model="m", runtime="r"), list, armed=lambda camera: True,
        **({"device_state": lambda: state} if state else {}),
    )  # fmt: skip
    fields: dict[str, Any] = {
        "cameras": sources.cameras,
        "shown": (PERSON, CUP, SNAPSHOT),
        "motion": ("front_door",),
        "lines": (("gate", "yard"),),
        "switches": (ARMED,),
        "actions": ("snapshot", "restart", "reboot", "backup-now"),
        "backup": True,
        "summary": summary(sources),
        "stats": stats(sources, Figures(frames=10, infer_s=1.0), (AT, Figures()), AT.later(60), AT, 3),
    }
    return Published(**{**fields, **other})


def made(published: Published, device: str = "edge-1a2b") -> dict[str, Any]:
    message = discovery("homeassistant", device, f"edge/{device}", "", published)
    return check_discovery(message.topic.removeprefix("/"), message.payload)


def test_everything_keeps_the_rules() -> None:
    message = made(published())
    assert message["dev"]["name"] == "Edge 1a2b"
    assert message["availability"] == [{"topic": "edge/edge-1a2b/availability"}]
    entities = message["cmps"]
    assert entities["front_door_person"]["name"] == "Front door person"
    assert entities["front_door_person"]["state_topic"] == "edge/edge-1a2b/present/front_door/person"
    assert (
        entities["front_door_coffee_cup_count"]["default_entity_id"] == "sensor.edge_1a2b_front_door_coffee_cup_count"
    )
    assert entities["yard_snapshot_picture"]["image_topic"] == "edge/edge-1a2b/latest/yard/snapshot"
    assert {"switch_armed", "restart", "backup-now", "temperature", "battery", "network", "power"} <= entities.keys()


def test_every_button_asks_for_an_action_that_there_is() -> None:
    names = [action.name for action in standard_actions(cast("Rooms", None))]
    buttons = {
        key: entity["command_topic"] for key, entity in made(published(actions=names))["cmps"].items() if entity["p"] == "button"
    }  # fmt: skip
    assert {"restart", "reboot", "backup-now", "yard_snapshot"} <= buttons.keys()
    assert {topic.rpartition("/command/")[2] for topic in buttons.values()} <= set(names)


def test_a_device_without_a_backup_offers_none() -> None:
    assert not {"backup-now", "backup", "backup_proven"} & made(published(backup=False))["cmps"].keys()


def test_the_times_of_the_backup_are_read_and_unknown_before_the_first() -> None:
    entities = made(published())["cmps"]
    fields = {"device": "dev", "waiting_changes": 1, "packs": 0, "packs_bytes": 0}
    for snapshot, proven in ((None, None), ("2026-11-21T08:00:00.000Z", "2026-11-21T09:00:00.000Z")):
        payload = msgspec.json.encode(BackupMessage(**fields, snapshot_at=snapshot, proven_at=proven))  # type: ignore[arg-type]
        values = [check_value(entities[key], payload) for key in ("backup", "backup_proven")]
        assert values == [str(snapshot), str(proven)]
    assert entities["backup"]["state_topic"] == "edge/edge-1a2b/backup"


def test_only_what_is_published_has_an_entity() -> None:
    bare = published(None, shown=(CUP,), motion=(), lines=(), switches=(), actions=(), stats=None, backup=False)
    entities = made(bare)["cmps"]
    assert {entity["p"] for entity in entities.values()} == {"event", "binary_sensor", "sensor", "update"}
    assert (
        not {"front_door_coffee_cup_last_seen", "front_door_latest", "front_door_motion", "temperature", "network"}
        & entities.keys()
    )


def test_the_message_stays_small_with_many_labels() -> None:
    many = [Shown("front_door", f"Label {n}", event="1", seen_wall_s=1.0, picture=PERSON.picture) for n in range(64)]
    message = discovery("homeassistant", "dev", "edge/dev", "", published(shown=many))
    check_discovery(message.topic.removeprefix("/"), message.payload)
    assert len(message.payload) < 150_000


def test_values_are_taken() -> None:
    everything = published()
    entities = made(everything)["cmps"]
    state = msgspec.json.encode(everything.summary)
    figures = msgspec.json.encode(everything.stats)
    values = {
        key: check_value(entity, state if entity["state_topic"].endswith("/state") else figures)
        for key, entity in entities.items()
        if entity.get("state_topic", "").endswith(("1a2b/state", "/stats"))
    }
    assert (values["battery"], values["network"], values["power"], values["problem"]) == (
        "80.0",
        "wifi",
        "battery",
        "OFF",
    )
    assert (values["inference"], values["temperature"], values["waiting"]) == ("100.0", "48.2", "3")


@pytest.mark.parametrize("may", [True, False])
def test_an_update_is_shown_and_installed_where_that_may_be_asked_for(may: bool) -> None:
    entity = made(published(actions=("install-update",) if may else ()))["cmps"]["update"]
    message = UpdateMessage(
        device="dev", installed_version="1.0", latest_version="1.1", in_progress=True, update_percentage=40,
        phase="installing", error="", release_summary="Sees better",
    )  # fmt: skip
    assert json.loads(check_value(entity, msgspec.json.encode(message))) == {
        "installed_version": "1.0",
        "latest_version": "1.1",
        "in_progress": True,
        "update_percentage": 40,
        "release_summary": "Sees better",
    }
    assert entity.get("command_topic") == ("edge/edge-1a2b/command/install-update" if may else None)


@pytest.mark.parametrize(("camera", "fires"), [("front_door", True), ("yard", False)])
def test_an_event_fires_at_its_camera_only(camera: str, fires: bool) -> None:
    from edge.events.message import message_of
    from edge.store.port import Event

    event = Event(
        id="1", camera=camera, label="Person", score=0.9, box=Box(0, 0, 1, 1), started=AT, seen=AT, boot_id="b"
    )
    entity = made(published())["cmps"]["front_door_events"]
    value = check_value(entity, message_of("started", event, "dev").payload)
    assert bool(value) == fires
    if fires:
        assert json.loads(value)["event_type"] == "started"
        assert json.loads(value)["label"] == "Person"


def test_a_crossing_fires() -> None:
    from edge.events.lines import Crossing
    from edge.events.message import crossing_message

    entity = made(published())["cmps"]["yard_line_gate"]
    message = crossing_message(Crossing("gate", "Person", "in"), AT, "dev")
    assert entity["state_topic"] == f"edge/edge-1a2b/{message.topic}"
    assert json.loads(check_value(entity, message.payload))["event_type"] == "in"


def test_an_input_is_a_binary_sensor_and_an_output_a_switch() -> None:
    entities = made(published(inputs=("door",), switches=(output_switch("siren", "Siren", lambda: False),)))["cmps"]
    for state, value in (("on", "ON"), ("off", "OFF")):
        condition = Condition(part="input", name="door", state=state, cause="", since=AT)  # type: ignore[arg-type]
        assert check_value(entities["input_door"], state_message(condition, "dev", "boot").payload) == value
    assert entities["input_door"]["state_topic"] == "edge/edge-1a2b/state/input/door"
    assert entities["switch_output-siren"]["command_topic"] == "edge/edge-1a2b/switch/output-siren/set"


def test_it_is_made_anew_only_when_something_else_can_be_found() -> None:
    count = 0

    def make(view: View) -> Message:
        nonlocal count
        count += 1
        return Message("x", b"%d" % count)

    announcement = Announcement(make)
    everything = published()
    view = View((PERSON,), everything.summary, everything.stats)
    gone = Shown(PERSON.camera, PERSON.label, "9", 2000.0, PERSON.picture)
    for each in (
        view,
        view._replace(shown=(gone,)),
        view._replace(shown=(PERSON, CUP)),
        view._replace(shown=(PERSON, CUP), stats=None),
    ):
        (message,) = announcement(each)
    assert message.payload == b"3"
