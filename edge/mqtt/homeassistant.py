"""Home Assistant's discovery: the whole device in one retained message (2024.12 and later)."""

import re
from collections.abc import Callable

import msgspec

from edge import __version__
from edge.mqtt.entities import Entity, Published, entities, titled
from edge.mqtt.showcase import View
from edge.mqtt.summary import inputs
from edge.mqtt.topics import joined, whole
from edge.store.port import Message

ONLINE = b"online"
TOPIC_KEYS = ("state_topic", "command_topic", "image_topic", "json_attributes_topic")


class Announcement:
    """Makes the discovery message anew when there is something else to be found."""

    def __init__(self, make: Callable[[View], Message]) -> None:
        self._make = make
        self._of: object = None
        self._message: Message | None = None

    def __call__(self, view: View) -> list[Message]:
        of = _signature(view)
        if self._message is None or of != self._of:
            self._of, self._message = of, self._make(view)
        return [self._message]


def _signature(view: View) -> object:
    """All that entities depend on: which values there are, not what they are."""
    stats, power = view.stats, view.summary.power
    return (
        [(shown.place, shown.picture is None, shown.event == "") for shown in view.shown],
        (power.source == "unknown", power.battery_percent is None, view.summary.network.kind == "unknown"),
        inputs(view.conditions),
        stats and (stats.temperature_c is None, stats.card_free_bytes is None, stats.memory_bytes is None),
    )


def config_topic(prefix: str, device: str) -> str:
    """Where Home Assistant looks for the device."""
    return f"{prefix}/device/{device}/config"


def status_topic(prefix: str) -> str:
    """Where Home Assistant says that it has started: what it shows is to be published again."""
    return f"{prefix}/status"


def discovery(prefix: str, device: str, root: str, name: str, published: Published) -> Message:
    """The message that makes the device and its entities appear.

    Args:
        prefix: Home Assistant's own.
        root: the device's topic.
        name: of the device, for people; empty: made from its id.
    """
    slug = re.sub(r"[^a-z0-9]+", "_", device).strip("_")
    components = {key: _component(device, slug, root, key, entity) for key, entity in entities(published)}
    body = {
        "dev": {
            "identifiers": [f"edge_{device}"],
            "name": name or titled(device),
            "manufacturer": "Edge appliance",
            "model": published.summary.versions.model,
            "serial_number": device,
            "sw_version": __version__,
        },
        "o": {"name": "edge-appliance", "sw_version": __version__},
        "availability": [{"topic": f"{root}/availability"}],
        "qos": 1,
        "cmps": components,
    }
    return Message(whole(config_topic(prefix, device)), msgspec.json.encode(body))


def _component(device: str, slug: str, root: str, key: str, entity: Entity) -> Entity:
    made = {name: _full(root, value) if name in TOPIC_KEYS else value for name, value in entity.items()}
    made["unique_id"] = f"edge_{device}_{key}"
    made["default_entity_id"] = f"{entity['p']}.{slug}_{re.sub(r'[^a-z0-9]+', '_', key)}"
    return made


def _full(root: str, topic: str) -> str:
    return joined(root, topic.removeprefix("~/"))
