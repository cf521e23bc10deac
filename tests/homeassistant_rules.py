"""What Home Assistant documents of a device's discovery message, as rules of our own.

Sources: https://www.home-assistant.io/integrations/mqtt/ (device discovery, 2024.12), the pages of its MQTT platforms there, and
home-assistant/core: homeassistant/components/mqtt/{schemas,discovery,sensor,binary_sensor,event,image,switch,button,update}.py, with the
device classes and units of homeassistant/components/{sensor,binary_sensor,button,update}/const.py as of 2025.4.
"""

import json
import re
from typing import Any

import jinja2
import jsonschema

TOPIC = {"type": "string", "minLength": 1, "maxLength": 65535, "pattern": "^[^+#\\u0000]+$"}
TEMPLATE = {"type": "string", "minLength": 1, "format": "template"}
TEXT = {"type": "string", "minLength": 1}
COMMON = {
    "p": TEXT,
    "name": TEXT,
    "unique_id": TEXT,
    "default_entity_id": {"type": "string", "pattern": "^[a-z_]+\\.[a-z0-9]+(_[a-z0-9]+)*$"},
    "icon": {"type": "string", "pattern": "^mdi:[a-z0-9-]+$"},
    "entity_category": {"enum": ["config", "diagnostic"]},
    "enabled_by_default": {"type": "boolean"},
    "json_attributes_topic": TOPIC,
    "json_attributes_template": TEMPLATE,
}
READ = {"state_topic": TOPIC, "value_template": TEMPLATE}
WRITE = {"command_topic": TOPIC, "retain": {"type": "boolean"}}
CONFIG_TOO = {"switch", "button", "update"}
"""Platforms whose entities may be of the category `config`."""

PLATFORMS: dict[str, tuple[dict[str, Any], list[str]]] = {
    "sensor": (
        {
            **READ,
            "device_class": {"enum": ["battery", "data_size", "duration", "enum", "temperature", "timestamp"]},
            "state_class": {"enum": ["measurement", "total", "total_increasing"]},
            "unit_of_measurement": TEXT,
            "suggested_display_precision": {"type": "integer", "minimum": 0},
            "options": {"type": "array", "items": TEXT, "minItems": 1},
            "force_update": {"type": "boolean"},
            "expire_after": {"type": "integer", "minimum": 1},
        },
        ["state_topic"],
    ),
    "binary_sensor": (
        {
            **READ,
            "device_class": {"enum": ["connectivity", "motion", "occupancy", "presence", "problem"]},
            "payload_on": TEXT,
            "payload_off": TEXT,
            "off_delay": {"type": "integer", "minimum": 1},
        },
        ["state_topic"],
    ),
    "event": (
        {
            **READ,
            "device_class": {"enum": ["button", "doorbell", "motion"]},
            "event_types": {"type": "array", "items": TEXT, "minItems": 1},
        },
        ["state_topic", "event_types"],
    ),
    "image": ({"image_topic": TOPIC, "content_type": {"enum": ["image/jpeg", "image/png"]}}, ["image_topic"]),
    "switch": ({**READ, **WRITE, "device_class": {"enum": ["outlet", "switch"]}}, ["command_topic"]),
    "button": (
        {**WRITE, "device_class": {"enum": ["identify", "restart", "update"]}, "payload_press": TEXT},
        ["command_topic"],
    ),
    "update": (
        {
            **READ,
            **WRITE,
            "device_class": {"enum": ["firmware"]},
            "title": TEXT,
            "release_url": TEXT,
            "payload_install": TEXT,
        },
        [],
    ),
}
UNKNOWN = "None"
"""A sensor's state is unknown then (PAYLOAD_NONE in sensor.py)."""
UNITS = {
    "battery": {"%"},
    "data_size": {"B", "kB", "MB", "GB", "KiB", "MiB", "GiB"},
    "duration": {"ms", "s", "min", "h", "d"},
    "temperature": {"°C", "°F", "K"},
}
DEVICE = {
    "type": "object",
    "properties": {
        "identifiers": {"type": "array", "items": TEXT, "minItems": 1},
        **dict.fromkeys(
            ("name", "manufacturer", "model", "serial_number", "sw_version", "hw_version", "suggested_area"), TEXT
        ),
        "configuration_url": {"type": "string", "pattern": "^(https?|homeassistant)://"},
    },
    "required": ["identifiers", "name"],
    "additionalProperties": False,
}
WHOLE = {
    "type": "object",
    "properties": {
        "dev": DEVICE,
        "o": {
            "type": "object",
            "properties": {"name": TEXT, "sw_version": TEXT, "support_url": TEXT},
            "required": ["name"],
            "additionalProperties": False,
        },
        "availability": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"topic": TOPIC, "payload_available": TEXT, "payload_not_available": TEXT},
                "required": ["topic"],
                "additionalProperties": False,
            },
        },
        "availability_mode": {"enum": ["all", "any", "latest"]},
        "qos": {"enum": [0, 1, 2]},
        "cmps": {"type": "object", "minProperties": 1, "additionalProperties": {"$ref": "#/$defs/component"}},
    },
    "required": ["dev", "o", "cmps"],
    "additionalProperties": False,
    "$defs": {
        "component": {
            "type": "object",
            "required": ["p", "unique_id"],
            "properties": {"p": {"enum": list(PLATFORMS)}},
            "allOf": [
                {
                    "if": {"properties": {"p": {"const": platform}}},
                    "then": {
                        "properties": {**COMMON, **keys},
                        "required": ["name", "default_entity_id", *required],
                        "additionalProperties": False,
                    },
                }
                for platform, (keys, required) in PLATFORMS.items()
            ],
        }
    },
}


def check_discovery(topic: str, payload: bytes, prefix: str = "homeassistant") -> dict[str, Any]:
    """The message, decoded, when it keeps every rule."""
    assert re.fullmatch(rf"{prefix}/device/[a-zA-Z0-9_-]+/config", topic), topic
    message: dict[str, Any] = json.loads(payload)
    jsonschema.Draft202012Validator(WHOLE).validate(message)
    components = message["cmps"]
    for key in ("unique_id", "default_entity_id", "name"):
        values = [(component["p"], component[key]) for component in components.values()]
        assert len(set(values)) == len(values), f"{key} is used twice"
    for key, component in components.items():
        try:
            _check_component(component)
        except (AssertionError, jinja2.TemplateError) as error:
            raise AssertionError(f"{key}: {error}") from error
    return message


def _check_component(component: dict[str, Any]) -> None:
    platform, kind = component["p"], component.get("device_class")
    assert component["default_entity_id"].startswith(f"{platform}.")
    assert component.get("entity_category") != "config" or platform in CONFIG_TOO, "only what is written can be config"
    for name, value in component.items():
        if name.endswith("_template"):
            jinja2.Environment().parse(value)
    if platform == "sensor":
        _check_sensor(component, kind)


def _check_sensor(component: dict[str, Any], kind: str | None) -> None:
    unit = component.get("unit_of_measurement")
    if kind in UNITS:
        assert unit in UNITS[kind], f"{unit} is no unit of {kind}"
    if kind == "enum":
        assert component.get("options")
        assert not unit
        assert "state_class" not in component
    else:
        assert "options" not in component, "only an enum has options"
    if kind == "timestamp":
        assert not unit
        assert "state_class" not in component


def rendered(template: str | None, payload: bytes) -> str:
    """What Home Assistant makes of a payload."""
    text = payload.decode()
    if template is None:
        return text
    return (
        jinja2.Environment(undefined=jinja2.StrictUndefined)
        .from_string(template)
        .render(value=text, value_json=json.loads(text))
    )


def check_value(component: dict[str, Any], payload: bytes) -> str:
    """The state that an entity has after this payload, when it is one that its platform takes."""
    platform = component["p"]
    if platform == "image":
        assert payload.startswith(b"\xff\xd8")
        return "image"
    value = rendered(component.get("value_template"), payload).strip()
    if platform in ("binary_sensor", "switch"):
        assert value in ("ON", "OFF"), value
    elif platform == "update":
        assert json.loads(value)["installed_version"]
    elif platform == "event":
        assert not value or json.loads(value)["event_type"] in component["event_types"], value
    elif platform == "sensor":
        _check_reading(component, value)
    if "json_attributes_template" in component:
        assert isinstance(json.loads(rendered(component["json_attributes_template"], payload)), dict)
    return value


def _check_reading(component: dict[str, Any], value: str) -> None:
    kind = component.get("device_class")
    if kind == "timestamp":
        assert value == UNKNOWN or re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", value), value
    elif kind == "enum":
        assert value in component["options"], value
    elif component.get("state_class"):
        float(value)
