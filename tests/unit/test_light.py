"""What the light says, and how."""

import pytest

from edge.buttons.light import PATTERNS, SIGNALS, Facts, Player, Says, Signal, Sounder, says


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (Facts(), "starting"),
        (Facts(started=True), "armed"),
        (Facts(started=True, missing=True), "missing"),
        (Facts(started=True, missing=True, armed=False), "private"),
        (Facts(started=True, armed=False, busy=True), "busy"),
        (Facts(started=True, busy=True, failed=True), "fault"),
        (Facts(started=True, busy=True, failed=True, safe=True), "safe"),
    ],
)
def test_the_most_important_is_said(facts: Facts, said: Says) -> None:
    assert says(facts) == said


def levels(player: Player, until_s: float) -> list[tuple[float, float]]:
    """Level and when it began, over time."""
    shown, at_s = [], 0.0
    while at_s < until_s:
        now = player.show(at_s)
        shown.append((now.level, round(at_s, 3)))
        assert now.until_s > at_s
        at_s = now.until_s
    return shown


@pytest.mark.parametrize("what", PATTERNS)
def test_a_pattern_repeats(what: Says) -> None:
    player = Player()
    player.say(what, 0.0)
    seen = levels(player, 3.0)
    steps = PATTERNS[what].steps
    assert [level for level, _ in seen[: len(steps)]] == [level for level, _ in steps]
    if what == "armed":
        assert len(seen) == 1


def test_patterns_can_be_told_apart() -> None:
    assert len({pattern.steps for pattern in PATTERNS.values()}) == len(PATTERNS)


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_signal_is_seen_once_over_any_pattern(signal: Signal) -> None:
    player = Player()
    player.say("armed", 0.0)
    player.signal(signal, 0.0)
    assert [level for level, _ in levels(player, 5.0)] == [*(level for level, _ in SIGNALS[signal]), 1.0]


def test_saying_the_same_again_does_not_begin_the_pattern_anew() -> None:
    player = Player()
    player.say("private", 0.0)
    player.say("private", 0.9)
    assert player.show(1.5).level == 0


def test_the_buzzer_says_what_became_of_it_and_a_silent_signal_leaves_that_alone() -> None:
    sounder = Sounder()
    assert sounder.sounds(5.0) == (False, float("inf"))
    sounder.signal("refused", 10.0)
    sounder.signal("down", 10.01)
    heard, at_s = [], 10.0
    while at_s < float("inf"):
        on, until_s = sounder.sounds(at_s)
        heard.append((on, round(until_s - at_s, 3)))
        at_s = until_s
    assert heard == [(True, 0.08), (False, 0.08)] * 3 + [(False, float("inf"))]
    sounder.signal("acknowledged", 20.0)
    assert sounder.sounds(20.05) == (True, pytest.approx(20.1))
