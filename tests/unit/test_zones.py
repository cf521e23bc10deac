import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.events.lines import Line, LineState
from edge.events.zones import Filter, Zone, ZoneState
from edge.geometry import Box
from edge.polygons import Polygon
from edge.recognition.port import Detection
from edge.store.port import Crossing

LEFT = Polygon(((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
BELOW = Polygon(((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)))


def person(x: float, foot: float = 0.4, score: float = 0.8, label: str = "Person") -> Detection:
    return Detection(label, score, Box(x - 0.05, foot - 0.2, x + 0.05, foot))


def stays(state: ZoneState, places: list[Detection], start_s: float = 0.0) -> list[tuple[str, ...]]:
    seen = []
    for number, found in enumerate(places):
        state.look(found, start_s + number)
        seen.append(state.current)
    return seen


def test_a_thing_is_where_it_stands() -> None:
    state = ZoneState([Zone("lawn", BELOW, inertia=1)])
    assert stays(state, [person(0.5, 0.45), person(0.5, 0.55)]) == [(), ("lawn",)]


def test_inertia_holds_both_ways() -> None:
    state = ZoneState([Zone("left", LEFT, inertia=3)])
    inside, outside = person(0.3), person(0.7)
    assert stays(state, [inside, inside, outside, inside, inside, inside]) == [()] * 4 + [("left",)] * 2
    assert stays(state, [outside, inside, outside, outside, outside]) == [("left",)] * 4 + [()]
    assert state.entered == ("left",)


def test_loitering() -> None:
    state = ZoneState([Zone("left", LEFT, inertia=2, loiter_s=3.0)])
    assert stays(state, [person(0.3)] * 3) == [()] * 3
    assert state.loiters
    assert stays(state, [person(0.3)], 3.0) == [("left",)]
    assert not state.loiters
    assert stays(state, [person(0.7)] * 2, 4.0) == [("left",), ()]
    assert stays(state, [person(0.3)] * 3, 6.0) == [()] * 3, "it must stay anew"


def test_labels_and_threshold_of_a_zone() -> None:
    zone = Zone("left", LEFT, frozenset({"Car"}), threshold=0.7, inertia=1)
    assert stays(ZoneState([zone]), [person(0.3)]) == [()]
    assert stays(ZoneState([zone]), [person(0.3, score=0.6, label="Car")]) == [()]
    sure, weak = person(0.3, score=0.8, label="Car"), person(0.3, score=0.5, label="Car")
    assert stays(ZoneState([zone]), [sure, weak]) == [("left",)] * 2, "a weak sight inside says nothing"


def test_zones_are_entered_in_order() -> None:
    state = ZoneState([Zone("left", LEFT, inertia=1), Zone("below", BELOW, inertia=1)])
    stays(state, [person(0.3), person(0.7, 0.8), person(0.3, 0.8)])
    assert (state.entered, state.current) == (("left", "below"), ("left", "below"))


@pytest.mark.parametrize(
    ("rule", "passes"),
    [
        (Filter("Person"), True),
        (Filter("Person", min_area=0.03), False),
        (Filter("Person", max_area=0.01), False),
        (Filter("Person", max_aspect=0.9), True),
        (Filter("Person", max_aspect=0.8), False),
        (Filter("Person", min_aspect=0.9), False),
    ],
)
def test_filters(rule: Filter, passes: bool) -> None:
    assert rule.passes(person(0.5), (1600, 900)) == passes, "160 x 180 pixels, 2 % of the picture"


ACROSS = Line("gate", (0.2, 0.5), (0.8, 0.5))


def crossed(line: Line, places: list[tuple[float, float]], label: str = "Person") -> list[Crossing]:
    state = LineState([line])
    return [crossing for x, foot in places for crossing in state.look(label, person(x, foot).box)]


def test_crossings_are_told_by_their_way() -> None:
    down = [(0.5, 0.3 + i * 0.05) for i in range(10)]
    assert crossed(ACROSS, down) == [Crossing("gate", "Person", "in")]
    assert crossed(ACROSS, down[::-1]) == [Crossing("gate", "Person", "out")]
    assert crossed(ACROSS, down + down[::-1]) == [Crossing("gate", "Person", "in"), Crossing("gate", "Person", "out")]


def test_trembling_on_a_line_is_no_crossing() -> None:
    assert crossed(ACROSS, [(0.5, 0.4), *[(0.5, 0.49), (0.5, 0.51)] * 10, (0.5, 0.4)]) == []


def test_who_walks_round_the_end_of_a_line_does_not_cross_it() -> None:
    assert crossed(ACROSS, [(0.1, 0.3), (0.1, 0.7), (0.5, 0.7)]) == []


def test_other_labels_are_not_counted() -> None:
    line = ACROSS._replace(labels=frozenset({"Car"}))
    assert crossed(line, [(0.5, 0.3), (0.5, 0.7)]) == []
    assert crossed(line, [(0.5, 0.3), (0.5, 0.7)], "Car") == [Crossing("gate", "Car", "in")]


@given(st.lists(st.tuples(st.floats(0.25, 0.75), st.floats(0.0, 1.0)), max_size=40))
def test_ways_alternate_and_their_difference_is_the_side_that_it_is_on(places: list[tuple[float, float]]) -> None:
    ways = [crossing.way for crossing in crossed(ACROSS, places)]
    assert all(before != after for before, after in itertools.pairwise(ways))
    assert abs(ways.count("in") - ways.count("out")) <= 1
