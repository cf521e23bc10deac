"""Days as people write them: `2026-11-21`, `today`, `yesterday`, or two of them with `..` between."""

from datetime import date, timedelta

from edge.clock import day_of
from edge.errors import ConfigError


def parse_days(text: str, today: date) -> tuple[int, int]:
    """First and last day, both included, as the store counts them.

    Raises:
        ConfigError: that is no day, or the first is after the last.
    """
    first, separator, last = text.partition("..")
    days = _day(first, today), _day(last if separator else first, today)
    if days[0] > days[1]:
        raise ConfigError(f"day {text!r}: the first day is after the last", hint="turn them round")
    return days


def _day(text: str, today: date) -> int:
    named = {"today": today, "yesterday": today - timedelta(days=1)}
    try:
        return day_of(named[text] if text in named else date.fromisoformat(text))
    except ValueError:
        hint = "write 2026-11-21, today, yesterday, or 2026-11-01..2026-11-07"
        raise ConfigError(f"day {text!r}: no such day", hint=hint) from None
