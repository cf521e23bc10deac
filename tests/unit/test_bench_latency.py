"""Which appearances the host of a virtual machine disturbed."""

import pytest

from edge.bench.latency import Taken, disturbed


@pytest.mark.parametrize(
    ("stolen", "expected"),
    [
        ([0, 5, 5, 5, 5], False),
        ([0, 0, 1, 1, 1], True),
        ([0, 0, 0, 1, 1], True),
        ([0, 0, 0, 0, 1], False),
    ],
    ids=["long before", "while the frame before it was under way", "before the next frame", "later"],
)
def test_time_stolen(stolen: list[int], expected: bool) -> None:
    assert disturbed([Taken(number * 0.06, ticks) for number, ticks in enumerate(stolen)], 2) is expected


@pytest.mark.parametrize(("sequence", "expected"), [(0, True), (1, True)], ids=["first", "last"])
def test_at_the_ends(sequence: int, expected: bool) -> None:
    assert disturbed([Taken(0.0, 0), Taken(0.06, 1)], sequence) is expected
