"""A store with as many events as are asked for, made quickly: rows only, spread over weeks, cameras and labels."""

import random
import uuid
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from edge.clock import local_day
from edge.store.database import open_database, transaction

CAMERAS = ("door", "yard", "street", "garage")
LABELS = ("Person", "Car", "Bicycle", "Dog", "Cat")
WEIGHTS = (50, 30, 10, 7, 3)
BEGIN_S = 1_790_000_000.0
DAYS = 30
PICTURE_BYTES = 150_000
CHUNK = 50_000

_EVENT = """
    INSERT INTO events (id, revision, camera, label, score, box_left, box_top, box_right, box_bottom,
        started_wall_s, started_boot_s, seen_wall_s, seen_boot_s, boot_id, end_reason, picture, day)
    VALUES (?, 2, ?, ?, 0.75, 0.1, 0.2, 0.3, 0.4, ?, ?, ?, ?, ?, 'left', ?, ?)"""
_PICTURE = "INSERT INTO event_pictures VALUES (?, ?, 1280, 720, ?, 0)"


def fill(folder: Path, events: int, *, days: int = DAYS) -> None:
    """Make a store of so many events, each with the row of a picture, evenly over `days`; without the picture files."""
    connection = open_database(folder)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -65536")
    rows = _rows(events, days * 86_400 / max(1, events))
    while chunk := list(islice(rows, CHUNK)):
        with transaction(connection):
            connection.executemany(_EVENT, chunk)
            connection.executemany(_PICTURE, [(row[0], row[8], PICTURE_BYTES) for row in chunk])
    with transaction(connection):
        connection.execute("UPDATE totals SET bytes = ? WHERE what = 'pictures'", (events * PICTURE_BYTES,))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()


def _rows(events: int, step_s: float) -> Iterator[tuple[Any, ...]]:
    chance = random.Random(7)
    boot_id = str(uuid.UUID(int=chance.getrandbits(128)))
    for number in range(events):
        wall_s = BEGIN_S + number * step_s
        tail = 7 << 76 | (number & 0xFFF) << 64 | 0b10 << 62 | chance.getrandbits(62)
        id_ = str(uuid.UUID(int=int(wall_s * 1000) << 80 | tail))
        camera, (label,) = CAMERAS[number % len(CAMERAS)], chance.choices(LABELS, WEIGHTS)
        boot_s = wall_s - BEGIN_S
        sha256 = f"{chance.getrandbits(256):064x}"
        yield (id_, camera, label, wall_s, boot_s, wall_s + 5, boot_s + 5, boot_id, sha256, local_day(wall_s))
