"""When the level of an input counts."""

from hypothesis import given
from hypothesis import strategies as st

from edge.buttons.inputs import Settling

SETTLE_S = 0.05


def changes(settling: Settling, levels: list[tuple[float, bool]], until_s: float) -> list[tuple[float, bool]]:
    """When the level changed, to what, if somebody looks whenever it is due."""
    found = []
    for at_s, raw in [*levels, (until_s, levels[-1][1] if levels else settling.level)]:
        due_s = settling.due_s
        if due_s is not None and due_s <= at_s and settling.settles(due_s):
            found.append((round(due_s, 6), settling.level))
        settling.see(raw, at_s)
    return found


def test_a_level_counts_when_it_has_rested() -> None:
    assert changes(Settling(SETTLE_S, False), [(1.0, True)], 2.0) == [(1.05, True)]


def test_a_short_pulse_is_none() -> None:
    assert changes(Settling(SETTLE_S, False), [(1.0, True), (1.04, False)], 2.0) == []


def test_each_rest_counts() -> None:
    levels = [(1.0, True), (1.5, False), (1.52, True), (1.6, False)]
    assert changes(Settling(SETTLE_S, False), levels, 2.0) == [(1.05, True), (1.65, False)]


@given(st.lists(st.tuples(st.floats(0.001, 0.049), st.booleans()), max_size=50), st.booleans())
def test_whatever_bounces_ends_in_the_level_at_which_it_rests(bounces: list[tuple[float, bool]], last: bool) -> None:
    levels, at_s = [], 1.0
    for gap_s, raw in bounces:
        at_s += gap_s
        levels.append((at_s, raw))
    levels.append((at_s + 0.001, last))
    settling = Settling(SETTLE_S, False)
    found = changes(settling, levels, at_s + 10)
    assert settling.level == last
    assert [level for _, level in found] == [bool(index % 2 == 0) for index in range(len(found))]
