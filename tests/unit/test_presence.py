"""What is shown of the events that were kept."""

import msgspec

from edge.clock import Instant
from edge.geometry import Box
from edge.mqtt.presence import Presence
from edge.mqtt.topics import joined, level, whole
from edge.store.port import Event, Picture


def event(number: int, label: str = "Person", camera: str = "door", *, ended: bool = False, picture: str = "") -> Event:
    at = Instant(1000.0 + number, number)
    return Event(
        id=f"{number:04}",
        camera=camera,
        label=label,
        score=0.9,
        box=Box(0, 0, 1, 1),
        started=at,
        seen=at,
        boot_id="boot",
        end_reason="left" if ended else None,
        picture=Picture(picture, 1, 1, 1) if picture else None,
    )


def ended(begun: Event) -> Event:
    return msgspec.structs.replace(begun, end_reason="left", revision=2, seen=begun.seen.later(5))


def shows(presence: Presence) -> dict[tuple[str, str], int]:
    return {shown.place: shown.count for shown in presence.changed()}


def test_things_are_counted_while_they_are_there() -> None:
    presence = Presence(["door"], lambda label: True)
    presence.take(event(1))
    presence.take(event(2))
    assert shows(presence) == {("door", "Person"): 2}
    presence.take(ended(event(1)))
    presence.take(event(3, ended=True))  # a stored picture: there and gone
    assert shows(presence) == {("door", "Person"): 1}
    assert shows(presence) == {}


def test_the_newest_event_counts_whichever_ends_last() -> None:
    presence = Presence(["door"], lambda label: True)
    presence.take(event(1, picture="old"))
    presence.take(event(2, picture="new"))
    presence.take(ended(event(1, picture="old")))
    (shown,) = presence.shown
    assert (shown.event, shown.picture and shown.picture.sha256, shown.seen_wall_s) == ("0002", "new", 1006.0)


def test_a_picture_stays_when_a_newer_event_has_none() -> None:
    presence = Presence(["door"], lambda label: True)
    presence.take(event(1, picture="old"))
    presence.take(event(2))
    (shown,) = presence.shown
    assert shown.picture is not None


def test_what_an_earlier_run_left_open_is_not_there() -> None:
    presence = Presence(["door"], lambda label: True)
    presence.recall(event(1))
    (shown,) = presence.changed()
    assert (shown.count, shown.event) == (0, "0001")


def test_only_what_is_wanted_and_no_more_than_fits() -> None:
    presence = Presence(["door"], lambda label: label != "Tree", most=2)
    presence.expect("door", "Cat")
    for number, label in enumerate(["Tree", "Dog", "Bird"]):
        presence.take(event(number, label))
    presence.take(event(9, "Dog", camera="taken away"))
    assert [shown.label for shown in presence.shown] == ["Cat", "Dog"]


def test_levels() -> None:
    names = {
        "Coffee cup": "coffee_cup",
        "Fixed-wing aircraft": "fixed-wing_aircraft",
        "a/b+#": "a_b",
        "Käse": "käse",
        "/": "unnamed",
    }
    assert {name: level(name) for name in names} == names
    assert joined("edge/dev", "stats") == "edge/dev/stats"
    assert joined("edge/dev", whole("homeassistant/device/x/config")) == "homeassistant/device/x/config"


def test_what_came_while_earlier_runs_were_read_stays_there() -> None:
    presence = Presence(["door"], lambda label: True)
    presence.take(event(2))
    presence.recall(event(1))
    presence.recall(event(2))
    assert shows(presence) == {("door", "Person"): 1}
