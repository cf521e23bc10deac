"""What was disturbed is measured again, within bounds."""

import pytest

from edge.bench.disturbed import measure_quiet


@pytest.mark.parametrize(
    ("made", "together", "every", "counted"),
    [
        ("qqqq", 1, "qqq", "qqq"),
        ("qdqdq", 1, "qdqdq", "qqq"),
        ("qdqqdq", 3, "qdqqdq", "qqqq"),
        ("d" * 16 + "qqq", 1, "d" * 16 + "qq", "qq"),
        ("d" * 17 + "qqq", 1, "d" * 17 + "q", "d" * 17 + "q"),
    ],
    ids=["quiet", "some again", "several at a time", "few are enough", "too few: all count"],
)
def test_until_enough_were_undisturbed(made: str, together: int, every: str, counted: str) -> None:
    source = iter(made)
    result = measure_quiet(lambda: [next(source) for _ in range(together)], lambda each: each == "d", 3, 2)
    assert tuple("".join(some) for some in result) == (every, counted)
