from itertools import count, pairwise

import numpy as np

from edge.camera.port import Frame
from edge.camera.still import Still
from edge.clock import Instant
from edge.events.lifecycle import HELD, LifeCycle
from edge.events.lines import Line
from edge.events.port import Change, LookRequest, LookResult
from edge.events.rules import ANY, Rules
from edge.events.sighting import sharpness
from edge.events.tracks import TrackSettings
from edge.events.zones import Filter, Zone
from edge.geometry import WHOLE, Box
from edge.polygons import Polygon
from edge.recognition.port import NOTHING, Detection, Insight
from edge.store.port import Crossing

PIXELS = np.zeros((4, 4, 3), np.uint8)


def life() -> LifeCycle:
    numbers = count(1)
    return LifeCycle("door", "boot", TrackSettings(2, 1.0), lambda label: 0.5, lambda: f"id{next(numbers)}")


def frame(number: int, still: Still | None = None) -> Frame:
    return Frame("door", number, PIXELS, Instant(1000 + number * 0.5, number * 0.5), still)


def car(score: float, size: float = 0.2) -> Detection:
    return Detection("Car", score, Box(0.4, 0.4, 0.4 + size, 0.4 + size))


def test_one_thing_gives_one_event_with_a_start_and_an_end() -> None:
    under_test = life()
    changes: list[Change] = []
    for number in range(10):
        changes += under_test.on_frame(frame(number), [car(0.8)] if number < 5 else [])
    started, ended = changes
    assert (started.kind, started.event.id, started.event.revision, started.event.end_reason) == (
        "started",
        "id1",
        1,
        None,
    )
    assert (ended.kind, ended.event.id, ended.event.revision, ended.event.end_reason) == ("ended", "id1", 2, "left")
    assert started.event.started == Instant(1000.0, 0.0)
    assert ended.event.seen == Instant(1002.0, 2.0)


def test_attention_is_where_another_look_is_wanted() -> None:
    under_test = life()
    assert under_test.attention == ()
    run(under_test, range(5))
    assert under_test.attention == (car(0.8).box,)
    run(under_test, range(5, 15))
    assert under_test.attention == (), "it is stationary"
    under_test.on_frame(frame(15), [], Box(0.7, 0.7, 1.0, 1.0))
    assert under_test.attention == (), "nobody looked there"
    under_test.on_frame(frame(16), [])
    assert under_test.attention == (car(0.8).box,)


def test_the_best_picture_so_far_is_kept_and_a_better_one_replaces_it() -> None:
    under_test = life()
    started = under_test.on_frame(frame(0), [car(0.9, 0.1)]) + under_test.on_frame(frame(1), [car(0.6, 0.1)])
    assert started[0].frame is not None
    assert started[0].frame.sequence == 0
    under_test.on_frame(frame(2), [car(0.7, 0.16)])
    (ended,) = under_test.finish("stopped")
    assert ended.frame is not None
    assert ended.frame.sequence == 2
    assert ended.event.score == 0.9, "the score is the best of the whole track"
    assert ended.event.box == car(0.7, 0.16).box, "the box is that of the picture"


def test_a_picture_that_is_only_a_little_better_does_not_replace_the_first() -> None:
    under_test = life()
    under_test.on_frame(frame(0), [car(0.8, 0.2)])
    (started,) = under_test.on_frame(frame(1), [car(0.81, 0.2)])
    assert started.frame is not None
    assert started.frame.sequence == 0


def test_the_picture_that_will_be_wanted_is_foreseen() -> None:
    under_test = life()
    assert under_test.likely() == []
    first = frame(0)
    under_test.on_frame(first, [car(0.8)])
    assert under_test.likely() == [first]
    (started,) = under_test.on_frame(frame(1), [car(0.8)])
    assert started.frame is first
    assert under_test.likely() == []


def test_no_second_picture_when_none_was_better() -> None:
    under_test = life()
    for number in range(5):
        under_test.on_frame(frame(number), [car(0.8)])
    (ended,) = under_test.finish("camera")
    assert ended.frame is None
    assert ended.event.end_reason == "camera"


def test_a_picture_cut_off_by_the_border_is_worth_less() -> None:
    under_test = life()
    under_test.on_frame(frame(0), [Detection("Car", 0.8, Box(0.0, 0.4, 0.2, 0.6))])
    (started,) = under_test.on_frame(frame(1), [Detection("Car", 0.8, Box(0.05, 0.4, 0.25, 0.6))])
    assert started.frame is not None
    assert started.frame.sequence == 1


def test_a_stored_picture_stands_alone() -> None:
    under_test = life()
    still = Still("/pictures/a.jpg", 1, 2)
    changes = under_test.on_frame(frame(0, still), [car(0.8), car(0.3)])
    assert [change.kind for change in changes] == ["started", "ended"]
    assert {change.event.source for change in changes} == {"/pictures/a.jpg"}
    assert changes[1].event.end_reason == "still"
    assert under_test.finish("stopped") == []


class Asked:
    """`edge.events.port.Looks` that keeps what it was asked and answers when it is told to."""

    def __init__(self, answer: Insight = NOTHING) -> None:
        self.requests: list[LookRequest] = []
        self.answer = answer

    def wants(self, label: str) -> bool:
        return label == "Car"

    def ask(self, request: LookRequest) -> None:
        self.requests.append(request)

    def look(self, request: LookRequest) -> Insight:
        self.requests.append(request)
        return self.answer


TAXI = Insight("taxi", 0.8)


def looking(asked: Asked) -> LifeCycle:
    numbers = count(1)
    return LifeCycle("door", "boot", TrackSettings(2, 1.0), lambda label: 0.5, lambda: f"id{next(numbers)}", asked)


def run(under_test: LifeCycle, frames: range, found: Detection | None = None) -> list[Change]:
    return [change for number in frames for change in under_test.on_frame(frame(number), [found or car(0.8)])]


def test_a_thing_is_looked_at_once_at_its_best_picture() -> None:
    asked = Asked()
    under_test = looking(asked)
    under_test.on_frame(frame(0), [car(0.8)])
    assert asked.requests == [], "not an event yet"
    run(under_test, range(1, 5))
    (request,) = asked.requests
    assert (request.event, request.label, request.box) == ("id1", "Car", car(0.8).box)
    assert request.frame.sequence == 0


def test_other_labels_are_not_looked_at() -> None:
    asked = Asked()
    run(looking(asked), range(5), Detection("Cat", 0.8, Box(0.4, 0.4, 0.6, 0.6)))
    assert asked.requests == []


def test_what_a_look_found_is_published_once_and_is_in_the_end_too() -> None:
    asked = Asked()
    under_test = looking(asked)
    run(under_test, range(3))
    (updated,) = under_test.on_look(LookResult(asked.requests[0], TAXI))
    assert (updated.kind, updated.event.revision, updated.event.sub_label, updated.event.sub_score) == (
        "updated",
        2,
        "taxi",
        0.8,
    )
    assert updated.frame is None, "it was found in the picture that was announced"
    run(under_test, range(3, 5), car(0.9, 0.3))
    assert len(asked.requests) == 1, "what is known is not asked again"
    (ended,) = under_test.finish("camera")
    assert (ended.event.revision, ended.event.sub_label) == (3, "taxi")


def test_a_better_picture_is_looked_at_when_the_first_look_found_nothing() -> None:
    asked = Asked()
    under_test = looking(asked)
    run(under_test, range(3))
    assert under_test.on_look(LookResult(asked.requests[0], NOTHING)) == []
    run(under_test, range(3, 4), car(0.8, 0.3))
    assert [request.frame.sequence for request in asked.requests] == [0, 3]
    (updated,) = under_test.on_look(LookResult(asked.requests[1], TAXI))
    assert updated.frame is asked.requests[1].frame, "the picture goes with what was found in it"
    assert updated.event.box == car(0.8, 0.3).box


def test_a_better_picture_that_came_during_the_look_is_looked_at_behind_it() -> None:
    asked = Asked()
    under_test = looking(asked)
    run(under_test, range(3))
    run(under_test, range(3, 4), car(0.8, 0.3))
    assert len(asked.requests) == 1
    under_test.on_look(LookResult(asked.requests[0], NOTHING))
    assert [request.frame.sequence for request in asked.requests] == [0, 3]


def test_there_are_two_looks_at_the_most() -> None:
    asked = Asked()
    under_test = looking(asked)
    answered = 0
    for number in range(8):
        under_test.on_frame(frame(number), [car(0.8, 0.1 + number * 0.05)])
        for request in asked.requests[answered:]:
            answered += 1
            under_test.on_look(LookResult(request, NOTHING))
    assert len(asked.requests) == 2


def test_an_end_waits_for_a_look_that_is_under_way() -> None:
    asked = Asked()
    under_test = looking(asked)
    run(under_test, range(3))
    assert under_test.finish("camera") == []
    (ended,) = under_test.on_look(LookResult(asked.requests[0], TAXI))
    assert (ended.kind, ended.event.revision, ended.event.sub_label, ended.event.end_reason) == (
        "ended",
        2,
        "taxi",
        "camera",
    )
    assert under_test.release() == []


def test_an_end_does_not_wait_for_ever() -> None:
    asked = Asked()
    under_test = looking(asked)
    run(under_test, range(3))
    assert [under_test.on_frame(frame(number), []) for number in range(3, 10)] == [[]] * 7
    late = [change for number in range(10, 20) for change in under_test.on_frame(frame(number), [])]
    assert [(change.kind, change.event.sub_label) for change in late] == [("ended", None)]
    assert under_test.on_look(LookResult(asked.requests[0], TAXI)) == []


def test_the_end_of_the_program_releases_what_waits() -> None:
    under_test = looking(Asked())
    run(under_test, range(3))
    assert under_test.finish("stopped") == []
    assert [change.event.end_reason for change in under_test.release()] == ["stopped"]


def test_a_stored_picture_is_looked_at_before_its_event_is_made() -> None:
    asked = Asked(TAXI)
    changes = looking(asked).on_frame(frame(0, Still("/pictures/a.jpg", 1, 2)), [car(0.8)])
    assert [(change.kind, change.event.sub_label, change.event.revision) for change in changes] == [
        ("started", "taxi", 1),
        ("ended", "taxi", 2),
    ]


def walker(x: float, score: float = 0.8, size: float = 0.2) -> Detection:
    return Detection("Person", score, Box(x - size / 2, 0.5 - size / 2, x + size / 2, 0.5 + size / 2))


def ruled(rules: Rules, settings: TrackSettings = TrackSettings(2, 1.0)) -> LifeCycle:  # noqa: B008 - immutable
    numbers = count(1)
    return LifeCycle("door", "boot", settings, lambda label: 0.5, lambda: f"id{next(numbers)}", None, rules)


RIGHT = Zone("right", Polygon(((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0))), inertia=1)


def walk(under_test: LifeCycle, places: list[float], start: int = 0) -> list[Change]:
    return [change for i, x in enumerate(places) for change in under_test.on_frame(frame(start + i), [walker(x)])]


def test_a_change_of_zone_is_told() -> None:
    under_test = ruled(Rules((RIGHT,)))
    started, updated = walk(under_test, [0.2 + i * 0.06 for i in range(10)])
    assert (started.event.zones, started.event.current_zones) == ((), ())
    assert (updated.kind, updated.event.revision, updated.event.zones, updated.event.current_zones, updated.frame) == (
        "updated",
        2,
        ("right",),
        ("right",),
        None,
    )
    (ended,) = under_test.finish("camera")
    assert (ended.event.revision, ended.event.zones) == (3, ("right",))


def test_outside_the_zones_that_are_wanted_nothing_begins() -> None:
    rules = Rules((RIGHT,), frozenset({"right"}))
    assert walk(ruled(rules), [0.2] * 10) == []
    (started,) = walk(ruled(rules), [0.2 + i * 0.06 for i in range(10)])
    assert started.event.zones == ("right",)
    assert started.event.started.boot_s == 0.0, "it was seen before it was in the zone"


def test_what_does_not_fit_is_no_finding() -> None:
    rules = Rules(filters=(Filter("Person", max_area=0.03),))
    assert walk(ruled(rules), [0.5] * 10) == []


def test_coming_to_rest_and_going_on_are_told_and_nothing_between() -> None:
    under_test = ruled(ANY, TrackSettings(2, 1.0, 2.0))
    changes = walk(under_test, [0.3] * 300)
    assert [(change.kind, change.event.stationary) for change in changes] == [("started", False), ("updated", True)]
    moved = walk(under_test, [0.3 + i * 0.05 for i in range(8)], 300)
    assert [(change.kind, change.event.stationary) for change in moved] == [("updated", False)]


def test_what_moves_is_told_once_a_minute() -> None:
    under_test = ruled(ANY)
    changes = walk(under_test, [0.4 + 0.05 * (i % 2) for i in range(250)])
    assert [change.kind for change in changes] == ["started", "updated", "updated"]
    assert changes[2].event.seen.boot_s - changes[1].event.seen.boot_s == 60.0


def test_a_clearly_better_picture_is_told_but_not_at_once_and_not_often() -> None:
    under_test = ruled(ANY, TrackSettings(2, 1.0, 1000.0))
    grows = [0.2 * 1.04**i for i in range(30)]
    changes = [c for i, size in enumerate(grows) for c in under_test.on_frame(frame(i), [walker(0.5, 0.8, size)])]
    assert [(change.kind, change.frame is not None) for change in changes] == [("started", True), ("updated", True)]
    assert changes[1].event.seen.boot_s - changes[0].event.seen.boot_s >= 5.0
    assert changes[1].event.box == walker(0.5, 0.8, changes[1].event.box.width).box
    assert len([c for c in [*changes, *under_test.finish("camera")] if c.frame is not None]) <= 3


def test_the_path_is_thinned_and_keeps_both_ends() -> None:
    under_test = ruled(ANY)
    walk(under_test, [0.2 + i * 0.002 for i in range(301)])
    (ended,) = under_test.finish("camera")
    path = ended.event.path
    assert 32 <= len(path) <= 64
    assert (path[0].x, path[0].since_start_s) == (0.2, 0.0)
    assert (path[-1].x, path[-1].since_start_s) == (0.8, 150.0)
    steps = {round(b.since_start_s - a.since_start_s, 2) for a, b in pairwise(path[:-1])}
    assert len(steps) == 1, "evenly"


def test_few_frames_are_held_however_many_things_are_there() -> None:
    under_test = ruled(ANY, TrackSettings(50, 100.0))
    places = [(0.05 + 0.1 * (i % 10), 0.1 + 0.2 * (i // 10)) for i in range(30)]
    for number, (x, y) in enumerate(places):
        found = [Detection("Cat", 0.8, Box(x - 0.03, y - 0.05, x + 0.03, y + 0.05)) for x, y in places[: number + 1]]
        under_test.on_frame(frame(number), found)
    held = {s.best.frame.sequence for s in under_test._sightings.values() if s.best and s.best.frame}
    assert len(held) <= HELD
    assert len(under_test._sightings) == 30


def test_disarming_ends_what_is_open_and_keeps_nothing_from_before_the_arming() -> None:
    armed = {"now": True}
    under_test = ruled(Rules(armed=lambda at: armed["now"]))
    places = [0.2 + i * 0.03 for i in range(20)]
    assert [change.kind for change in walk(under_test, places[:5])] == ["started"]
    armed["now"] = False
    (ended,) = walk(under_test, places[5:10], 5)
    assert (ended.kind, ended.event.end_reason, ended.frame) == ("ended", "disarmed", None)
    armed["now"] = True
    (started,) = walk(under_test, places[10:15], 10)
    assert started.kind == "started"
    assert started.event.id != ended.event.id
    assert started.frame is not None
    assert started.frame.sequence >= 10
    assert started.event.started.boot_s >= 4.5


def test_what_stood_there_at_the_arming_is_no_news_until_it_moves() -> None:
    armed = {"now": False}
    under_test = ruled(Rules(armed=lambda at: armed["now"]), TrackSettings(2, 1.0, 2.0))
    assert walk(under_test, [0.3] * 20) == []
    armed["now"] = True
    assert walk(under_test, [0.3] * 20, 20) == []
    assert [change.kind for change in walk(under_test, [0.3 + i * 0.05 for i in range(6)], 40)] == ["started"]


def test_a_line_counts_what_counts() -> None:
    under_test = ruled(Rules(lines=(Line("gate", (0.5, 0.0), (0.5, 1.0)),)))
    walk(under_test, [0.2 + i * 0.06 for i in range(10)])
    assert under_test.crossings() == [Crossing("gate", "Person", "out")]
    assert under_test.crossings() == []


def test_a_sharp_picture_is_worth_more_than_a_blurred_one() -> None:
    rng = np.random.default_rng(1)
    sharp = np.kron(rng.integers(0, 2, (24, 24)) * 255, np.ones((4, 4))).astype(np.uint8)[..., None].repeat(3, axis=2)
    ramp = np.linspace(0, 255, 96).astype(np.uint8)[None, :, None].repeat(96, axis=0).repeat(3, axis=2)
    assert sharpness(sharp, WHOLE) == 1.0
    assert sharpness(ramp, WHOLE) < 0.2
    assert sharpness(np.zeros((96, 96, 3), np.uint8), WHOLE) == 0.0
