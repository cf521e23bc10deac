"""The entities that Home Assistant shows, from what is published. Pure; keys and values as its MQTT integration documents them."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from edge.actions.standard import BACK_UP, SNAPSHOT
from edge.mqtt.messages import StatsMessage, SummaryMessage
from edge.mqtt.presence import Shown
from edge.mqtt.showing import latest_topic, present_topic
from edge.mqtt.switches import Switch
from edge.mqtt.topics import level
from edge.update.works import INSTALL_ACTION

Entity = dict[str, Any]
"""One component of a device's discovery message, without what all of them have."""

ICONS = {
    "person": "mdi:account",
    "man": "mdi:account",
    "woman": "mdi:account",
    "human_face": "mdi:face-recognition",
    "car": "mdi:car",
    "truck": "mdi:truck",
    "bus": "mdi:bus",
    "bicycle": "mdi:bicycle",
    "motorcycle": "mdi:motorbike",
    "dog": "mdi:dog-side",
    "cat": "mdi:cat",
    "bird": "mdi:bird",
    "horse": "mdi:horse",
    "package": "mdi:package-variant-closed",
    "box": "mdi:package-variant-closed",
}
SEEN_ICON = "mdi:eye-outline"


@dataclass(frozen=True, slots=True)
class Published:
    """All that is published now; an entity is made only of what is here.

    `motion` are the cameras with a motion topic, `lines` the names of the counting lines with their cameras, `actions` the names of those
    that may be asked for over MQTT, `backup` whether one is set up, `inputs` the names of the inputs on pins.
    """

    cameras: Sequence[str]
    shown: Sequence[Shown]
    motion: Sequence[str]
    lines: Sequence[tuple[str, str]]
    switches: Sequence[Switch]
    actions: Sequence[str]
    summary: SummaryMessage
    stats: StatsMessage | None
    backup: bool = False
    inputs: Sequence[str] = ()


def entities(published: Published) -> Iterator[tuple[str, Entity]]:
    """Key and entity, in the order in which they are most wanted. Topics are relative to the device's (`~/…`)."""
    for camera in published.cameras:
        yield from _of_camera(camera, published)
    yield from _inputs(published)
    yield from _switches(published)
    yield from _buttons(published)
    yield from _of_device(published)


def _of_camera(camera: str, published: Published) -> Iterator[tuple[str, Entity]]:
    here = [shown for shown in published.shown if shown.camera == camera]
    title = titled(camera)
    if any(shown.picture for shown in here):
        yield (
            f"{camera}_latest",
            {"p": "image", "name": f"{title} latest", "image_topic": _topic(latest_topic(camera)), **_JPEG},
        )
    yield f"{camera}_events", _events(camera, title)
    if camera in published.motion:
        motion = {"state_topic": f"~/motion/{camera}", "device_class": "motion"}
        yield f"{camera}_motion", {"p": "binary_sensor", "name": f"{title} motion", **motion}
    for shown in here:
        yield from _of_label(shown, title)
    for line, at in published.lines:
        if at == camera:
            yield f"{camera}_line_{line}", _crossings(line, title)
    yield f"{camera}_camera", _connectivity(camera, title)


_JPEG = {"content_type": "image/jpeg"}


def _events(camera: str, title: str) -> Entity:
    """Of all messages those of this camera; the others render to nothing and are passed over."""
    template = (
        f"{{% if value_json.camera == '{camera}' %}}"
        "{{ {'event_type': value_json.type, 'label': value_json.label, 'sub_label': value_json.sub_label, 'score': value_json.score,"
        " 'id': value_json.id, 'started_at': value_json.started_at, 'ended_at': value_json.ended_at} | tojson }}"
        "{% endif %}"
    )
    types = ["started", "updated", "ended"]
    about = {
        "state_topic": "~/events",
        "event_types": types,
        "value_template": template,
        "icon": "mdi:bell-ring-outline",
    }
    return {"p": "event", "name": f"{title} events", **about}


def _crossings(line: str, title: str) -> Entity:
    template = "{{ {'event_type': value_json.way, 'label': value_json.label, 'at': value_json.at} | tojson }}"
    about = {"event_types": ["in", "out"], "value_template": template, "icon": "mdi:swap-horizontal"}
    return {
        "p": "event",
        "name": f"{title} {titled(line).lower()} crossings",
        "state_topic": f"~/counts/{line}",
        **about,
    }


def _of_label(shown: Shown, title: str) -> Iterator[tuple[str, Entity]]:
    label, key = shown.label.lower(), f"{shown.camera}_{level(shown.label)}"
    icon = ICONS.get(level(shown.label), SEEN_ICON)
    state = {"state_topic": _topic(present_topic(shown)), "icon": icon}
    if shown.picture:
        picture = {"image_topic": _topic(latest_topic(shown.camera, shown.label)), **_JPEG}
        yield f"{key}_picture", {"p": "image", "name": f"{title} {label} picture", **picture}
    if shown.label == SNAPSHOT:
        return
    there = {"value_template": "{{ 'ON' if value_json.count > 0 else 'OFF' }}", "device_class": "occupancy"}
    yield key, {"p": "binary_sensor", "name": f"{title} {label}", **state, **there}
    count = {"value_template": "{{ value_json.count }}", "state_class": "measurement"}
    yield f"{key}_count", {"p": "sensor", "name": f"{title} {label} count", **state, **count}
    if shown.event:
        seen = {"value_template": "{{ value_json.last_seen_at }}", "device_class": "timestamp"}
        yield f"{key}_last_seen", {"p": "sensor", "name": f"{title} {label} last seen", **state, **seen}


def _connectivity(camera: str, title: str) -> Entity:
    running = f"(value_json.cameras | selectattr('name', 'eq', '{camera}') | first).state == 'running'"
    return {
        "p": "binary_sensor",
        "name": f"{title} camera",
        "state_topic": "~/state",
        "value_template": f"{{{{ 'ON' if {running} else 'OFF' }}}}",
        "device_class": "connectivity",
        "entity_category": "diagnostic",
    }


def _inputs(published: Published) -> Iterator[tuple[str, Entity]]:
    for name in published.inputs:
        state = {
            "state_topic": f"~/state/input/{name}",
            "value_template": "{{ 'ON' if value_json.state == 'on' else 'OFF' }}",
        }
        yield f"input_{name}", {"p": "binary_sensor", "name": titled(name), **state, "icon": "mdi:import"}


def _switches(published: Published) -> Iterator[tuple[str, Entity]]:
    for switch in published.switches:
        topics = {"state_topic": f"~/switch/{switch.name}/state", "command_topic": f"~/switch/{switch.name}/set"}
        yield f"switch_{switch.name}", {"p": "switch", "name": switch.title, **topics, "icon": switch.icon}


def _buttons(published: Published) -> Iterator[tuple[str, Entity]]:
    if "snapshot" in published.actions:
        for camera in published.cameras:
            press = {"command_topic": "~/command/snapshot", "payload_press": f'{{"camera":"{camera}"}}'}
            yield (
                f"{camera}_snapshot",
                {"p": "button", "name": f"{titled(camera)} take picture", **press, "icon": "mdi:camera"},
            )
    for action, name, extra in _BUTTONS:
        if action in published.actions and (published.backup or action != BACK_UP):
            press = {"command_topic": f"~/command/{action}", "payload_press": "{}"}
            yield action, {"p": "button", "name": name, **press, **extra}


_BUTTONS = (
    (BACK_UP, "Back up now", {"icon": "mdi:cloud-upload-outline"}),
    ("restart", "Restart program", {"device_class": "restart", "entity_category": "config"}),
    ("reboot", "Restart device", {"device_class": "restart", "entity_category": "config"}),
)


def _of_device(published: Published) -> Iterator[tuple[str, Entity]]:
    yield "problem", _PROBLEM
    yield "update", _update(published)
    summary, stats = published.summary, published.stats
    if summary.power.source != "unknown":
        yield (
            "power",
            _state(
                "Power",
                "power.source",
                icon="mdi:power-plug",
                device_class="enum",
                options=["mains", "battery", "unknown"],
            ),
        )
    if summary.power.battery_percent is not None:
        yield "battery", _state("Battery", "power.battery_percent", **_measured("battery", "%", 0))
    if summary.network.kind != "unknown":
        kinds = ["wifi", "ethernet", "cellular", "other", "none", "unknown"]
        yield "network", _state("Network", "network.kind", icon="mdi:network", device_class="enum", options=kinds)
    if published.backup:
        yield "backup", _moment("Last backup", "snapshot_at", "mdi:cloud-check-outline")
        yield "backup_proven", _moment("Last proven restore", "proven_at", "mdi:backup-restore")
    if stats is not None:
        yield from _figures(stats)


def _figures(stats: StatsMessage) -> Iterator[tuple[str, Entity]]:
    if stats.temperature_c is not None:
        yield "temperature", _stat("Temperature", "temperature_c", **_measured("temperature", "°C", 1))
    if stats.card_free_bytes is not None:
        free = "(card_free_bytes / 1e9) | round(2)"
        yield "card_free", _stat("Card free", free, icon="mdi:micro-sd", **_measured("data_size", "GB", 1))
    if stats.memory_bytes is not None:
        used = "(memory_bytes / 1e6) | round(1)"
        yield "memory", _stat("Memory", used, icon="mdi:memory", **_measured("data_size", "MB", 0))
    yield "inference", _stat("Inference time", "inference_ms", **_measured("duration", "ms", 1), icon="mdi:brain")
    yield (
        "frames",
        _stat(
            "Frames a second",
            "frames_per_s",
            state_class="measurement",
            unit_of_measurement="frames/s",
            icon="mdi:filmstrip",
        ),
    )
    yield "waiting", _stat("Messages waiting", "outbox_waiting", state_class="measurement", icon="mdi:tray-full")


def _measured(device_class: str, unit: str, precision: int) -> Entity:
    return {
        "device_class": device_class,
        "unit_of_measurement": unit,
        "state_class": "measurement",
        "suggested_display_precision": precision,
    }


def _moment(name: str, path: str, icon: str) -> Entity:
    """Unknown in Home Assistant while it is null."""
    return _sensor(name, "~/backup", path, {"device_class": "timestamp", "icon": icon})


def _state(name: str, path: str, **more: Any) -> Entity:
    return _sensor(name, "~/state", path, more)


def _stat(name: str, path: str, **more: Any) -> Entity:
    return _sensor(name, "~/stats", path, more)


def _sensor(name: str, topic: str, path: str, more: Entity) -> Entity:
    """`path`: a value of the payload, or a term that begins with one in brackets."""
    value = path.replace("(", "(value_json.", 1) if path.startswith("(") else f"value_json.{path}"
    read = {"state_topic": topic, "value_template": f"{{{{ {value} }}}}", "entity_category": "diagnostic"}
    return {"p": "sensor", "name": name, **read, **more}


_PROBLEM = {
    "p": "binary_sensor",
    "name": "Problem",
    "state_topic": "~/state",
    "value_template": "{{ 'ON' if value_json.degraded else 'OFF' }}",
    "json_attributes_topic": "~/state",
    "json_attributes_template": "{{ {'problems': value_json.problems} | tojson }}",
    "device_class": "problem",
    "entity_category": "diagnostic",
}

_UPDATE_KEYS = ("installed_version", "latest_version", "in_progress", "update_percentage", "release_summary")


def _update(published: Published) -> Entity:
    """It has a button where that may be asked for."""
    picked = ", ".join(f"'{key}': value_json.{key}" for key in _UPDATE_KEYS)
    read = {"state_topic": "~/update", "value_template": f"{{{{ {{{picked}}} | tojson }}}}"}
    press = {"command_topic": f"~/command/{INSTALL_ACTION}", "payload_install": "{}"}
    may = INSTALL_ACTION in published.actions
    about = {"device_class": "firmware", "entity_category": "config" if may else "diagnostic"}
    return {"p": "update", "name": "Update", **read, **(press if may else {}), **about}


def titled(name: str) -> str:
    """A name as people would write it: `front_door` → `Front door`."""
    return re.sub(r"[_-]+", " ", name).strip().capitalize()


def _topic(below: str) -> str:
    return f"~/{below}"
