"""How fast a backup may be, by the time of day."""

import pytest

from edge.backup.rate import limit_at, lowest, timetable_of
from edge.config import parse
from edge.errors import ConfigError

NIGHT = timetable_of({"23:00": 0, "07:00": 500, "12:00": 100})


@pytest.mark.parametrize(
    ("at", "limit"),
    [
        ("00:00", 0),
        ("06:59", 0),
        ("07:00", 500),
        ("11:59", 500),
        ("12:00", 100),
        ("22:59", 100),
        ("23:00", 0),
        ("23:59", 0),
    ],
)
def test_the_last_entry_so_far_holds_and_before_the_first_yesterdays_last(at: str, limit: int) -> None:
    assert limit_at(7, NIGHT, at) == limit


def test_without_a_timetable_the_one_limit_holds() -> None:
    assert limit_at(7, (), "12:00") == 7
    assert (lowest(7, ()), lowest(0, ()), lowest(7, NIGHT), lowest(7, timetable_of({"00:00": 0}))) == (7, 0, 100, 0)


def test_the_configuration_takes_times_and_rates_only() -> None:
    section = parse({"backup": {"timetable": {"07:00": 500}}}, place="x").backup
    assert timetable_of(section.timetable) == (("07:00", 500),)
    for wrong in ({"7:00": 1}, {"24:00": 1}, {"07:00": -1}, {"07:00": "fast"}):
        with pytest.raises(ConfigError):
            parse({"backup": {"timetable": wrong}}, place="x")
