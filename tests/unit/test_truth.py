import pytest

from edge.bench.truth import Shown, Thing, Truth, compare, load
from edge.geometry import Box

CAR = Thing("car", ("Car", "Vehicle"), True, ((10, 0.0, 0.4, 0.2, 0.6), (20, 0.5, 0.4, 0.7, 0.6)))
BIKE = Thing("bike", ("Bicycle",), False, ((0, 0.8, 0.8, 1.0, 1.0), (30, 0.8, 0.8, 1.0, 1.0)))
TRUTH = Truth("a.mp4", "", 30, (CAR, BIKE))


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        (9, None),
        (10, Box(0.0, 0.4, 0.2, 0.6)),
        (15, Box(0.25, 0.4, 0.45, 0.6)),
        (20, Box(0.5, 0.4, 0.7, 0.6)),
        (21, None),
    ],
)
def test_a_thing_moves_evenly_between_its_places(frame: int, expected: Box | None) -> None:
    found = CAR.at(frame)
    assert (found is None) == (expected is None)
    if expected is not None:
        assert found == pytest.approx(expected)


def test_events_are_told_apart() -> None:
    right = Shown("Vehicle", 15, Box(0.26, 0.4, 0.46, 0.6))
    again = Shown("Car", 20, Box(0.5, 0.42, 0.7, 0.6))
    wrong = Shown("Person", 5, Box(0.8, 0.8, 1.0, 1.0))
    nothing = Shown("Car", 25, Box(0.5, 0.4, 0.7, 0.6))
    found = compare(TRUTH, [right, again, wrong, nothing])
    assert found.events == {"car": [right, again]}
    assert (found.wrong, found.nothing) == ([wrong], [nothing])
    assert found.recall(TRUTH.object) == 0.5


@pytest.mark.parametrize("name", ["bikes", "vtest"])
def test_the_truth_is_consistent(name: str) -> None:
    truth = load(name)
    assert len({thing.name for thing in truth.object}) == len(truth.object)
    for thing in truth.object:
        frames = [frame for frame, *_ in thing.boxes]
        assert frames == sorted(set(frames)), thing.name
        assert frames[0] < truth.frames, thing.name
        for _, *box in thing.boxes:
            assert Box(*box).clipped() == Box(*box), thing.name
            assert Box(*box).area > 0, thing.name
