"""JSON Schemas of all that is published as JSON, made from the structs that are published."""

from typing import Any

import msgspec

from edge.actions.port import Answer
from edge.events.card import CardMessage
from edge.events.message import ClipMessage, CrossingMessage, EventMessage, StateMessage
from edge.mqtt.backups import BackupMessage
from edge.mqtt.frigate import FrigateEvent
from edge.mqtt.messages import PresentMessage, StatsMessage, SummaryMessage
from edge.mqtt.updates import UpdateMessage
from edge.mqtt.works import WorkMessage

PAYLOADS: dict[str, tuple[type[msgspec.Struct], str]] = {
    "backup": (BackupMessage, "<prefix>/<device>/backup"),
    "card": (CardMessage, "<prefix>/<device>/card"),
    "clip": (ClipMessage, "<prefix>/<device>/clips"),
    "crossing": (CrossingMessage, "<prefix>/<device>/counts/<line>"),
    "event": (EventMessage, "<prefix>/<device>/events"),
    "frigate": (FrigateEvent, "<frigate_prefix>/events"),
    "part": (StateMessage, "<prefix>/<device>/state/<part>/<name> and notices"),
    "present": (PresentMessage, "<prefix>/<device>/present/<camera>/<label>"),
    "result": (Answer, "<prefix>/<device>/result, and where MQTT 5 asks for it"),
    "state": (SummaryMessage, "<prefix>/<device>/state"),
    "stats": (StatsMessage, "<prefix>/<device>/stats"),
    "update": (UpdateMessage, "<prefix>/<device>/update"),
    "work": (WorkMessage, "<prefix>/<device>/works/<name>"),
}
"""Name of the schema, its struct, and on which topics it is."""


def schema(name: str) -> dict[str, Any]:
    """A JSON Schema (2020-12)."""
    struct, topics = PAYLOADS[name]
    made = msgspec.json.schema(struct)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": topics, **made}


def text(name: str) -> bytes:
    """As it stands in docs/schemas."""
    return msgspec.json.format(msgspec.json.encode(schema(name)), indent=2) + b"\n"
