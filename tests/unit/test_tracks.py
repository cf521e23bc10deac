import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.events.tracks import MAX_TRACKS, Tracker, TrackSettings
from edge.geometry import Box
from edge.recognition.port import Detection

STEP_S = 0.1
STILL_S, STILL_LOST_S = 2.0, 5.0
LEFT_HALF, RIGHT_HALF = Box(0, 0, 0.5, 1), Box(0.5, 0, 1, 1)


def tracker(min_frames: int = 3, lost_after_s: float = 1.0) -> Tracker:
    return Tracker(TrackSettings(min_frames, lost_after_s, STILL_S, STILL_LOST_S), lambda label: 0.5)


def at(x: float, label: str = "Car", score: float = 0.8, y: float = 0.5) -> Detection:
    return Detection(label, score, Box(x - 0.05, y - 0.05, x + 0.05, y + 0.05))


def play(tracker: Tracker, frames: list[list[Detection]], start_s: float = 0.0) -> tuple[list[int], list[int]]:
    """Numbers of the tracks that began and that were lost."""
    begun, lost = [], []
    for number, detections in enumerate(frames):
        step = tracker.update(detections, start_s + number * STEP_S)
        begun += [track.number for track in step.begun]
        lost += [track.number for track in step.lost]
    return begun, lost


def test_one_thing_that_moves_is_one_track() -> None:
    assert play(tracker(), [[at(0.1 + i * 0.02)] for i in range(30)]) == ([1], [])


def test_it_is_over_once_it_has_been_gone_long_enough() -> None:
    gone = [[] for _ in range(12)]
    assert play(tracker(), [[at(0.5)]] * 5 + gone) == ([1], [1])


def test_a_short_gap_does_not_split_it() -> None:
    frames = [[at(0.1 + i * 0.02)] if i % 5 else [] for i in range(40)]
    assert play(tracker(), frames) == ([1], [])


def test_fast_things_are_found_again_by_their_speed() -> None:
    frames = [[at(0.1 + i * 0.03)] if i not in (6, 7, 8) else [] for i in range(20)]
    assert play(tracker(), frames) == ([1], [])


def test_two_things_that_cross_stay_two() -> None:
    frames = [[at(0.2 + i * 0.02, y=0.5), at(0.8 - i * 0.02, y=0.58)] for i in range(30)]
    assert play(tracker(), frames) == ([1, 2], [])


def test_labels_are_told_apart() -> None:
    assert play(tracker(), [[at(0.5), at(0.5, "Person")] for _ in range(5)]) == ([1, 2], [])


def test_a_flash_is_nothing() -> None:
    assert play(tracker(), [[at(0.5)], [], [], [], [], [], [], [], [], [], [], [], []]) == ([], [])


def test_weak_findings_continue_a_track_but_begin_none() -> None:
    weak = [[at(0.5, score=0.4)] for _ in range(20)]
    assert play(tracker(), weak) == ([], [])
    assert play(tracker(), [[at(0.5)]] * 5 + weak) == ([1], [])


def test_it_counts_only_once_the_median_of_its_scores_does() -> None:
    mostly_weak = [[at(0.5, score=0.6 if i % 4 == 0 else 0.4)] for i in range(20)]
    assert play(tracker(), mostly_weak) == ([], [])


def test_finish_gives_what_counted() -> None:
    under_test = tracker()
    play(under_test, [[at(0.2), at(0.8)]] * 2 + [[at(0.2)]] * 2)
    assert [track.number for track in under_test.finish()] == [1]
    assert under_test.finish() == []


def test_what_was_not_looked_at_was_not_missed() -> None:
    under_test = tracker()
    play(under_test, [[at(0.25)]] * 5)
    for number in range(100):
        assert under_test.update([], 1 + number * STEP_S, RIGHT_HALF).lost == []
    assert [under_test.update([], 20 + i * STEP_S, LEFT_HALF).lost for i in range(11)] == [[]] * 11
    assert [track.number for track in under_test.update([], 22, LEFT_HALF).lost] == [1]


def test_a_look_that_misses_after_a_long_time_without_looks_is_not_yet_a_loss() -> None:
    under_test = tracker()
    play(under_test, [[at(0.25)]] * 5)
    assert under_test.update([], 60.0).lost == []
    assert under_test.update([at(0.25)], 60.5).begun == []
    assert len(under_test.tracks) == 1


def test_a_thing_that_left_the_picture_is_missed_by_any_look() -> None:
    under_test = tracker()
    play(under_test, [[at(0.7 + i * 0.03)] for i in range(11)])
    for number in range(15):
        under_test.update([], 1.1 + number * STEP_S, LEFT_HALF)
    assert under_test.tracks == []


def test_a_scene_is_restless_until_all_in_it_is_stationary_and_again_when_something_is_missed() -> None:
    under_test = tracker()
    assert under_test.restless == []
    play(under_test, [[at(0.25)]] * 10)
    assert [track.number for track in under_test.restless] == [1]
    play(under_test, [[at(0.25)]] * 15, 1.0)
    assert under_test.restless == []
    under_test.update([], 3.0)
    assert [track.number for track in under_test.restless] == [1]
    under_test.update([at(0.25)], 3.1)
    assert under_test.restless == []


def test_a_stationary_thing_survives_what_stands_in_front_of_it_for_a_while() -> None:
    parked, hidden = [at(0.25)], list[Detection]()
    assert play(tracker(), [parked] * 30 + [hidden] * 40 + [parked] * 10) == ([1], [])
    assert play(tracker(), [parked] * 30 + [hidden] * 60) == ([1], [1])


def test_a_stationary_thing_that_goes_on_is_the_same_thing() -> None:
    under_test = tracker()
    waits, goes = [[at(0.25)]] * 30, [[at(0.25 + i * 0.02)] for i in range(20)]
    play(under_test, waits)
    assert under_test.tracks[0].stationary
    assert play(under_test, goes, 3.0) == ([], [])
    assert not under_test.tracks[0].stationary
    play(under_test, [[at(0.63)]] * 30, 5.0)
    assert under_test.tracks[0].stationary


def test_one_box_that_jumps_does_not_make_it_move() -> None:
    under_test = tracker()
    play(under_test, [[at(0.25)]] * 30 + [[at(0.29)]] + [[at(0.25)]] * 3)
    assert under_test.tracks[0].stationary


def test_what_creeps_is_not_stationary() -> None:
    under_test = tracker()
    play(under_test, [[at(0.1 + i * 0.002)] for i in range(100)])
    assert not under_test.tracks[0].stationary


def test_no_more_things_than_the_bound_are_followed() -> None:
    many = [at(0.05 + i % 12 * 0.08, y=0.05 + i // 12 * 0.1) for i in range(MAX_TRACKS + 20)]
    under_test = tracker()
    begun, _ = play(under_test, [many] * 5)
    assert len(begun) == len(under_test.tracks) == MAX_TRACKS


scenes = st.lists(
    st.lists(st.builds(at, st.floats(0, 1), st.sampled_from(["Car", "Person"]), st.floats(0.1, 1)), max_size=6),
    max_size=25,
)


@settings(max_examples=60)
@given(scenes)
def test_same_input_same_output_and_no_track_twice(frames: list[list[Detection]]) -> None:
    first, second = play(tracker(), frames), play(tracker(), frames)
    assert first == second
    begun, lost = first
    assert len(set(begun)) == len(begun)
    assert set(lost) <= set(begun)
    assert len(set(lost)) == len(lost)


@pytest.mark.parametrize("min_frames", [1, 2, 5])
def test_min_frames(min_frames: int) -> None:
    enough = play(tracker(min_frames), [[at(0.5)]] * min_frames)
    assert enough == ([1], [])
    assert play(tracker(min_frames), [[at(0.5)]] * (min_frames - 1)) == ([], [])


def test_a_second_box_around_a_thing_or_a_part_of_it_is_no_second_thing() -> None:
    whole, part = at(0.5), Detection("Car", 0.7, Box(0.46, 0.46, 0.5, 0.5))
    assert play(tracker(), [[whole, part]] * 5) == ([1], [])
    beside = at(0.58)
    assert play(tracker(), [[whole, beside]] * 5) == ([1, 2], [])


def test_a_thing_that_turns_while_it_is_hidden_is_the_same_thing() -> None:
    comes, hidden = [[at(0.3 + i * 0.01)] for i in range(15)], [list[Detection]()] * 6
    goes_back = [[at(0.40 - i * 0.01)] for i in range(15)]
    assert play(tracker(), comes + hidden + goes_back) == ([1], [])


def test_what_is_always_weakly_found_does_not_keep_a_thing_that_passed_it() -> None:
    post = at(0.5, score=0.4)
    passes = [[at(0.1 + i * 0.02), post] for i in range(20)]
    under_test = tracker()
    begun, _ = play(under_test, passes)
    _, lost = play(under_test, [[post]] * 40, 2.0)
    assert begun == lost == [1]
    assert under_test.tracks == []


walks = st.lists(st.tuples(st.floats(0.005, 0.03), st.booleans(), st.integers(0, 10)), min_size=1, max_size=4)


@settings(max_examples=60)
@given(walks)
def test_things_that_cross_or_are_hidden_for_a_moment_give_one_track_each(
    walkers: list[tuple[float, bool, int]],
) -> None:
    """Each walks along a line of its own, one way or the other, and is hidden for a few looks."""

    def seen(look: int) -> list[Detection]:
        return [
            at((0.1 + look * speed) if right else (0.9 - look * speed), y=0.1 + 0.2 * row)
            for row, (speed, right, hidden) in enumerate(walkers)
            if not 12 <= look < 12 + min(hidden, 8)
        ]

    begun, lost = play(tracker(), [seen(look) for look in range(26)])
    assert begun == list(range(1, len(walkers) + 1))
    assert lost == []


@settings(max_examples=60)
@given(st.floats(0.01, 0.03), st.floats(0.01, 0.03), st.integers(0, 5))
def test_two_that_meet_keep_their_ways(speed: float, other: float, hidden: int) -> None:
    """One box is found while they cover each other; afterwards the track that went right still goes right."""
    under_test = tracker()
    for look in range(40):
        right, left = at(0.2 + look * speed), at(0.8 - look * other)
        meet = abs(right.box.left - left.box.left) < 0.03 * (1 + hidden / 5)
        under_test.update([right] if meet else [right, left], look * STEP_S)
        if right.box.left > 0.85 or left.box.left < 0.05:
            break
    one, two = under_test.tracks
    assert (one.number, two.number) == (1, 2)
    assert one.velocity[0] > 0 > two.velocity[0]


@settings(max_examples=60)
@given(scenes)
def test_nothing_begins_that_never_reached_its_threshold(frames: list[list[Detection]]) -> None:
    weak = [[found._replace(score=min(found.score, 0.49)) for found in detections] for detections in frames]
    assert play(tracker(), weak) == ([], [])
