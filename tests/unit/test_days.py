"""Days on the command line."""

from datetime import date

import pytest

from edge.clock import date_of, day_of
from edge.days import parse_days
from edge.errors import ConfigError

TODAY = date(2026, 3, 1)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("2026-11-21", date(2026, 11, 21), date(2026, 11, 21)),
        ("today", TODAY, TODAY),
        ("yesterday..today", date(2026, 2, 28), TODAY),
        ("2024-02-28..2024-03-01", date(2024, 2, 28), date(2024, 3, 1)),
    ],
)
def test_days(text: str, first: date, last: date) -> None:
    assert tuple(map(date_of, parse_days(text, TODAY))) == (first, last)


@pytest.mark.parametrize("text", ["", "2026-02-30", "tomorrow", "today..", "today..yesterday"])
def test_what_is_no_day(text: str) -> None:
    with pytest.raises(ConfigError, match=r"no such day|after the last"):
        parse_days(text, TODAY)


def test_days_are_counted_from_the_epoch() -> None:
    assert day_of(date(1970, 1, 2)) == 1
