from itertools import count

import numpy as np

from edge.camera.port import Frame, Still
from edge.clock import Instant
from edge.events.lifecycle import Change, LifeCycle
from edge.events.tracks import TrackSettings
from edge.geometry import Box
from edge.recognition.port import Detection

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
