"""`edge bench store`: lists, filters, counts and retention with very many events."""

import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from edge.bench.filled_store import BEGIN_S, CAMERAS, DAYS, LABELS, fill
from edge.bench.report import BenchReport, Figure
from edge.bench.retention import compare
from edge.clock import local_day
from edge.files import make_folder
from edge.store.database import FILE_NAME
from edge.store.events import EventStore

BOUND_MS = 20.0
PAGE = 50
TIMES = 31
SMALL = 10_000
LEAST, MOST = 0.8, 1.2
"""Deleting a thousand events from the large store may cost so much of what it costs from a small one."""


def run(parent: Path, *, events: int) -> BenchReport:
    """Make a store of so many events in a folder of its own below `parent`, ask it, and remove it."""
    make_folder(parent)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as folder:
        large, small = Path(folder) / "large", Path(folder) / "small"
        begin_s = time.monotonic()
        fill(large, events)
        filled_s = time.monotonic() - begin_s
        size_mb = (large / FILE_NAME).stat().st_size / 1e6
        figures = _questions(large)
        fill(small, SMALL)
        small_s, large_s = compare(small, large)
    ratio = large_s / small_s
    figures += [
        Figure.of("retention_ratio", ratio, "", "lower", MOST),
        Figure.of("retention_ratio_least", ratio, "", "higher", LEAST),
    ]
    return BenchReport(
        "store",
        figures,
        {
            "events": events,
            "filled_s": round(filled_s, 1),
            "database_mb": round(size_mb, 1),
            "delete_1000_of_10000_ms": round(small_s * 1000, 1),
            "delete_1000_of_all_ms": round(large_s * 1000, 1),
        },
    )


def _questions(data_dir: Path) -> list[Figure]:
    store = EventStore(data_dir)
    try:
        middle = local_day(BEGIN_S) + DAYS // 2
        day, label, camera = (middle, middle), LABELS[-1], CAMERAS[0]
        last = store.newest(PAGE)[-1].id
        asked: dict[str, Callable[[], list[Any]]] = {
            "newest_ms": lambda: store.newest(PAGE),
            "next_page_ms": lambda: store.newest(PAGE, before=last),
            "label_and_day_ms": lambda: store.newest(PAGE, label=label, days=day),
            "camera_and_label_ms": lambda: store.newest(PAGE, label=label, camera=camera),
            "count_by_day_ms": lambda: store.count_by_day(),
            "count_by_day_of_label_ms": lambda: store.count_by_day(label=label),
        }
        return [Figure.of(name, _median_ms(ask), "ms", "lower", BOUND_MS) for name, ask in asked.items()]
    finally:
        store.close()


def _median_ms(ask: Callable[[], list[Any]]) -> float:
    took_s = []
    for _ in range(TIMES):
        begin_s = time.perf_counter()
        ask()
        took_s.append(time.perf_counter() - begin_s)
    return float(np.median(took_s)) * 1000
