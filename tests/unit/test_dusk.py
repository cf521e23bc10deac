"""When a scene gets its own light."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.buttons.dusk import BRIGHTER, PROBE_EVERY_S, PROBE_S, SETTLE_S, Dusk

DARK = 0.2


def switched(
    dusk: Dusk, luminances: list[float | None], *, lit: float = 0.0, at_s: float = 0.0
) -> list[tuple[int, bool]]:
    """When the light went on or off, if the scene has these luminances second by second, and `lit` more by the light."""
    changes, on = [], dusk.wants_light(None, at_s)
    for second, luminance in enumerate(luminances):
        seen = None if luminance is None else luminance + lit * on
        wanted = dusk.wants_light(seen, at_s + second)
        if wanted != on:
            changes.append((second, wanted))
        on = wanted
    return changes


def test_it_goes_on_when_it_has_been_dark_for_a_while() -> None:
    assert switched(Dusk(DARK), [0.5] * 5 + [0.1] * 60) == [(5 + SETTLE_S, True)]


def test_a_hand_before_the_lens_is_no_night() -> None:
    assert switched(Dusk(DARK), ([0.0] * int(SETTLE_S - 1) + [0.5]) * 5) == []


def test_it_looks_without_its_own_light_and_goes_on_again_while_it_is_night() -> None:
    changes = switched(Dusk(DARK), [0.05] * 1000, lit=0.5)
    on_s, off_s = int(SETTLE_S), int(SETTLE_S + PROBE_EVERY_S)
    assert changes == [(on_s, True), (off_s, False), (off_s + PROBE_S, True)]


def test_by_day_it_stays_off_after_a_look() -> None:
    changes = switched(Dusk(DARK), [0.05] * 600 + [0.5] * 2000, lit=0.3)
    assert [on for _, on in changes] == [True, False]


def test_dawn_does_not_flicker() -> None:
    between = DARK * (1 + BRIGHTER) / 2
    changes = switched(Dusk(DARK), [0.05] * 100 + [between] * 3000)
    assert len(changes) <= 2 + 2 * 3000 / PROBE_EVERY_S
    assert changes[-1][1], "darker than day"


def test_without_a_picture_it_stays_as_it_is() -> None:
    dusk = Dusk(DARK)
    assert switched(dusk, [0.1] * 30) == [(20, True)]
    assert switched(dusk, [None] * 5000, at_s=30) == []


@given(st.lists(st.floats(0.0, 1.0), max_size=3000))
def test_whatever_the_light_does_it_never_switches_on_sooner_than_it_settles_or_looks(luminances: list[float]) -> None:
    changes = switched(Dusk(DARK), list(luminances))
    for (before_s, before), (after_s, after) in pairwise(changes):
        assert before != after
        assert after_s - before_s >= (PROBE_EVERY_S if before else PROBE_S)
