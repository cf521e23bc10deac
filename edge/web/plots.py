"""Where the bars of a plot stand. Pure."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

from edge.clock import date_of
from edge.recognition.drawing import colour_of
from edge.store.port import Event

BIN_MINUTES, BIN_PX, FLOOR_PX, TALLEST_PX = 15, 10, 56, 48
LEFT_PX, WIDTH_PX, TOP_PX, PLOT_PX = 40, 916, 12, 190


class Bar(NamedTuple):
    """In units of the drawing."""

    x: float
    y: float
    width: float
    height: float
    fill: str
    title: str


class Timeline(NamedTuple):
    """`labels`: what was seen and how often, the most frequent first."""

    bars: list[Bar]
    labels: list[tuple[str, int]]


def timeline(events: Sequence[Event]) -> Timeline:
    """The events of one day in quarters of an hour, local time, a stack each; no bars without events."""
    bins: dict[int, Counter[str]] = {}
    for event in events:
        local = time.localtime(event.started.wall_s)
        bins.setdefault((local.tm_hour * 60 + local.tm_min) // BIN_MINUTES, Counter())[event.label] += 1
    total = sum(bins.values(), Counter())
    labels = sorted(total.items(), key=lambda each: (-each[1], each[0]))
    most = max((of_bin.total() for of_bin in bins.values()), default=1)
    bars = [bar for index in sorted(bins) for bar in _quarter(bins[index], labels, index, TALLEST_PX / most)]
    return Timeline(bars, labels)


def _quarter(counts: Counter[str], labels: Sequence[tuple[str, int]], index: int, unit_px: float) -> Iterator[Bar]:
    floor, minute = float(FLOOR_PX), index * BIN_MINUTES
    for label, _ in labels:
        if count := counts[label]:
            height = max(1.5, unit_px * count)
            floor -= height
            title = f"{minute // 60:02}:{minute % 60:02} · {label} {count}"
            yield Bar(index * BIN_PX + 1, round(floor, 1), BIN_PX - 2, round(height, 1), colour_of(label), title)


class Line(NamedTuple):
    y: float
    text: str


class Tick(NamedTuple):
    x: float
    text: str


class Row(NamedTuple):
    label: str
    today: int
    week: int
    month: int


class Plot(NamedTuple):
    height: int
    bars: list[Bar]
    lines: list[Line]
    ticks: list[Tick]
    rows: list[Row]


Counts = Mapping[str, Mapping[int, int]]
"""Label → day → events."""


def by_day(counts: Counts, today: int, days: int = 30) -> Plot:
    """A stack for each day, the most frequent label at the bottom."""
    first = today - days + 1
    totals = {label: sum(of_day.values()) for label, of_day in counts.items()}
    order = sorted(totals, key=lambda label: (-totals[label], label))
    highest = max((sum(of_day.get(day, 0) for of_day in counts.values()) for day in range(first, today + 1)), default=0)
    top = _round_up(highest)
    step = WIDTH_PX / days
    bars = [
        bar
        for day in range(first, today + 1)
        for bar in _stack(counts, order, day, LEFT_PX + (day - first) * step + 2, step - 4, top)
    ]
    lines = [Line(TOP_PX + PLOT_PX * (1 - share), f"{top * share:g}") for share in (0, 0.5, 1)]
    ticks = [_tick(date_of(day), LEFT_PX + (day - first + 0.5) * step) for day in range(today, first - 1, -7)]
    return Plot(TOP_PX + PLOT_PX + 26, bars, lines, ticks, [_row(label, counts[label], today) for label in order])


def _stack(counts: Counts, order: Sequence[str], day: int, x: float, width: float, top: int) -> Iterator[Bar]:
    floor = float(TOP_PX + PLOT_PX)
    for label in order:
        if count := counts[label].get(day, 0):
            height = PLOT_PX * count / top
            floor -= height
            title = f"{date_of(day):%d %b} · {label} {count}"
            yield Bar(round(x, 1), round(floor, 1), round(width, 1), round(height, 1), colour_of(label), title)


def _row(label: str, of_day: Mapping[int, int], today: int) -> Row:
    def since(days: int) -> int:
        return sum(count for day, count in of_day.items() if today - days < day <= today)

    return Row(label, since(1), since(7), since(30))


def _tick(day: date, x: float) -> Tick:
    return Tick(round(x, 1), f"{day:%d %b}")


def _round_up(value: int) -> int:
    """The next of 2, 4, 10, 20, 40, 100 …"""
    size = 1
    while True:
        for digit in (2, 4, 10):
            if value <= digit * size:
                return digit * size
        size *= 10
