"""What a person meant by pressing: a table of cases, and that bouncing changes nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.buttons.gestures import GESTURES, TIMING, Gesture, GestureMachine

Level = tuple[float, bool]
ALL = frozenset(GESTURES)
PRESS = frozenset({"press"})
PRESS_LONG = frozenset({"press", "long"})
PRESS_DOUBLE = frozenset({"press", "double"})

LATER_S = 300.0


def held(*spans: tuple[float, float]) -> list[Level]:
    """Down and up at these seconds."""
    return [level for down_s, up_s in spans for level in ((down_s, True), (up_s, False))]


def meant(bound: frozenset[Gesture], levels: list[Level], until_s: float = LATER_S) -> list[str]:
    machine = GestureMachine(bound)
    steps = [machine.level(pressed, at_s) for at_s, pressed in levels] + [machine.tick(until_s)]
    assert machine.next_s() is None
    return [gesture for step in steps for gesture in (*step.gestures, *(["stuck"] if step.stuck else []))]


@pytest.mark.parametrize(
    ("levels", "with_all", "press_only", "press_and_long", "press_and_double"),
    [
        (held((0, 0.1)), ["press"], ["press"], ["press"], ["press"]),
        (held((0, 0.1), (0.3, 0.4)), ["double"], ["press"] * 2, ["press"] * 2, ["double"]),
        (held((0, 0.1), (0.8, 0.9)), ["press"] * 2, ["press"] * 2, ["press"] * 2, ["press"] * 2),
        (
            held((0, 0.1), (0.2, 0.3), (0.5, 0.6)),
            ["double", "press"],
            ["press"] * 3,
            ["press"] * 3,
            ["double", "press"],
        ),
        (held((0, 1.9)), ["press"], ["press"], ["press"], ["press"]),
        (held((0, 3)), ["long"], ["press"], ["long"], ["press"]),
        (held((0, 9)), ["very_long"], ["press"], ["long"], ["press"]),
        (held((0, 0.1), (0.3, 3)), ["press", "long"], ["press"] * 2, ["press", "long"], ["double"]),
        (held((0, 0.1), (0.3, 9)), ["press", "very_long"], ["press"] * 2, ["press", "long"], ["double"]),
        (held((0, 0.02)), [], [], [], []),
        ([(0, True)], ["very_long", "stuck"], ["press", "stuck"], ["long", "stuck"], ["stuck"]),
        ([(0, False), (1, False)], [], [], [], []),
    ],
)
def test_gestures(
    levels: list[Level],
    with_all: list[str],
    press_only: list[str],
    press_and_long: list[str],
    press_and_double: list[str],
) -> None:
    assert meant(ALL, levels) == with_all
    assert meant(PRESS, levels) == press_only
    assert meant(PRESS_LONG, levels) == press_and_long
    assert meant(PRESS_DOUBLE, levels) == press_and_double
    assert [gesture for gesture in meant(frozenset(), levels) if gesture != "stuck"] == []


@pytest.mark.parametrize(
    ("bound", "levels", "before_s", "at_s", "gesture"),
    [
        (PRESS, [(0, True)], 0.03, 0.05, "press"),
        (PRESS_LONG, held((0, 0.1)), 0.13, 0.15, "press"),
        (PRESS_LONG, [(0, True)], 1.9, 2.1, "long"),
        (PRESS_DOUBLE, held((0, 0.1)), 0.49, 0.51, "press"),
        (PRESS_DOUBLE, held((0, 0.1), (0.2, 0.3)), 0.33, 0.35, "double"),
        (ALL, [(0, True)], 7.9, 8.1, "very_long"),
    ],
)
def test_a_gesture_is_given_as_soon_as_it_is_certain(
    bound: frozenset[Gesture], levels: list[Level], before_s: float, at_s: float, gesture: str
) -> None:
    machine = GestureMachine(bound)
    given_before = [found for at, pressed in levels for found in machine.level(pressed, at).gestures]
    assert given_before + machine.tick(before_s).gestures == []
    assert machine.tick(at_s).gestures == [gesture]


def test_stages_of_a_hold_are_told_while_it_lasts() -> None:
    machine = GestureMachine(ALL)
    machine.level(True, 0.0)
    assert machine.tick(0.1).stages == ["down"]
    assert machine.tick(2.5).stages == ["long"]
    assert machine.tick(8.5).stages == ["very_long"]


clean_presses = st.lists(
    st.tuples(st.floats(0.15, 12.0), st.floats(0.15, 2.0)), min_size=1, max_size=5
)  # how long it is held and how long it rests, without bouncing
bounces = st.lists(st.integers(1, 14), max_size=6)


@given(
    clean_presses, st.lists(bounces, min_size=10, max_size=10), st.sampled_from([ALL, PRESS, PRESS_LONG, PRESS_DOUBLE])
)
def test_a_bouncing_contact_means_the_same_as_a_clean_one(
    presses: list[tuple[float, float]], all_bounces: list[list[int]], bound: frozenset[Gesture]
) -> None:
    clean: list[Level] = []
    at_s = 1.0
    for down_s, up_s in presses:
        clean += [(at_s, True), (at_s + down_s, False)]
        at_s += down_s + up_s
    bouncing: list[Level] = []
    for (edge_s, pressed), gaps_ms in zip(clean, all_bounces, strict=False):
        bouncing.append((edge_s, pressed))
        for gap_ms in gaps_ms:  # there and back again, each shorter than the time of rest, 84 ms at the most
            bounce_s = bouncing[-1][0] + gap_ms / 1000
            bouncing += [(bounce_s, not pressed), (bounce_s + 0.0005, pressed)]
    assert meant(bound, bouncing) == meant(bound, clean)


@given(st.lists(st.tuples(st.floats(0.0, 3.0), st.booleans()), max_size=60))
def test_any_levels_are_understood_and_time_alone_ends_them(changes: list[tuple[float, bool]]) -> None:
    machine = GestureMachine(ALL)
    at_s = 0.0
    for passed_s, pressed in changes:
        at_s += passed_s
        machine.level(pressed, at_s)
    machine.tick(at_s + TIMING.stuck_s + 1)
    assert machine.next_s() is None
