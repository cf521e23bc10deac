"""How fast a backup may be, by the time of day. Pure but for the clock on the wall."""

from collections.abc import Mapping
from datetime import datetime

Timetable = tuple[tuple[str, int], ...]
"""From when on (`HH:MM`, local time), kilobytes a second (0: no limit). Empty: always the same."""


def timetable_of(entries: Mapping[str, int]) -> Timetable:
    return tuple(sorted(entries.items()))


def limit_at(limit_kb_per_s: int, timetable: Timetable, time_of_day: str) -> int:
    """What holds at this time: the last entry so far, and before the first one yesterday's last."""
    if not timetable:
        return limit_kb_per_s
    return ([limit for begin, limit in timetable if begin <= time_of_day] or [timetable[-1][1]])[-1]


def limit_now(limit_kb_per_s: int, timetable: Timetable) -> int:
    return limit_at(limit_kb_per_s, timetable, f"{datetime.now():%H:%M}")


def lowest(limit_kb_per_s: int, timetable: Timetable) -> int:
    """Of all the limits that may hold; 0: there is none."""
    limits = [limit for _, limit in timetable] or [limit_kb_per_s]
    return min((limit for limit in limits if limit), default=0)
