"""Events as Frigate would tell them."""

import json
from typing import Any

import msgspec

from edge.clock import Instant
from edge.events.port import Kind
from edge.geometry import Box
from edge.mqtt.frigate import REMEMBERED, FrigateEvents
from edge.store.port import Event, Picture

AT = Instant(1000.5, 10.0)
SEEN = Event(
    id="1",
    camera="door",
    label="Coffee cup",
    score=0.91237,
    box=Box(0.25, 0.5, 0.5, 1.0),
    started=AT,
    seen=AT,
    boot_id="b",
    picture=Picture("a", 640, 480, 1),
    zones=("table", "desk"),
    current_zones=("desk",),
)


def told(events: FrigateEvents, kind: Kind, event: Event) -> dict[str, Any]:
    (message,) = events(kind, event)
    assert message.topic == "/frigate/events"
    decoded: dict[str, Any] = json.loads(message.payload)
    return decoded


def test_the_life_of_an_object() -> None:
    events = FrigateEvents("frigate")
    new = told(events, "started", SEEN)
    assert (new["type"], new["before"]["false_positive"], new["after"]["false_positive"]) == ("new", True, False)
    after = new["after"]
    assert (after["box"], after["area"], after["ratio"]) == ([160, 240, 320, 480], 160 * 240, 0.67)
    assert (after["label"], after["top_score"], after["start_time"], after["end_time"]) == (
        "coffee_cup",
        0.9124,
        1000.5,
        None,
    )
    assert (after["entered_zones"], after["current_zones"], after["has_snapshot"]) == (
        ["table", "desk"],
        ["desk"],
        True,
    )

    changed = msgspec.structs.replace(SEEN, revision=2, sub_label="mug", sub_score=0.8, stationary=True)
    update = told(events, "updated", changed)
    assert (update["type"], update["before"]) == ("update", after)
    assert (update["after"]["sub_label"], update["after"]["stationary"], update["after"]["active"]) == (
        ["mug", 0.8],
        True,
        False,
    )

    end = told(events, "ended", msgspec.structs.replace(changed, revision=3, seen=AT.later(5), end_reason="left"))
    assert (end["type"], end["before"], end["after"]["end_time"]) == ("end", update["after"], 1005.5)


def test_an_end_whose_beginning_is_not_known() -> None:
    end = told(FrigateEvents("frigate"), "ended", msgspec.structs.replace(SEEN, end_reason="interrupted"))
    assert (end["before"]["end_time"], end["before"]["false_positive"], end["after"]["end_time"]) == (
        None,
        False,
        1000.5,
    )


def test_what_is_remembered_is_bounded_and_pictures_on_request_are_no_objects() -> None:
    events = FrigateEvents("frigate")
    for number in range(REMEMBERED + 10):
        told(events, "started", msgspec.structs.replace(SEEN, id=str(number)))
    assert len(events._before) == REMEMBERED
    assert events("started", msgspec.structs.replace(SEEN, label="snapshot")) == []
