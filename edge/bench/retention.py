"""Deleting a thousand events, from a small and from a large store: what does the size of the rest cost?"""

import os
import time
from contextlib import closing
from pathlib import Path

from edge import config
from edge.bench.filled_store import PICTURE_BYTES
from edge.errors import StoreError
from edge.files import make_folder
from edge.store.database import open_database
from edge.store.events import EventStore
from edge.store.pictures import FOLDER_NAME
from edge.store.port import path_of_hash
from edge.store.removal import Remover
from edge.store.retention import MB, Retention
from edge.store.space import Space

DELETED = 1000
ROUNDS = 7
FILE_BYTES = 4096
NEEDED = (ROUNDS + 1) * DELETED
"""Events of a store to be compared, at the least."""


def compare(small: Path, large: Path) -> tuple[float, float]:
    """Seconds to delete the oldest thousand of each of two filled stores: the best of some rounds in turns, as syncing is at the disk's
    mercy."""
    os.sync()  # what filling has left to be written is not theirs
    took_s: dict[Path, list[float]] = {small: [], large: []}
    for _ in range(ROUNDS):
        for folder, times_s in took_s.items():
            times_s.append(_delete(folder))
    return min(took_s[small]), min(took_s[large])


def _delete(folder: Path) -> float:
    with closing(EventStore(folder)) as store:
        events = store.count()
    _make_files(folder)
    limit = config.Retention(days=0, min_free_mb=0, max_mb=(events - DELETED) * PICTURE_BYTES // MB)
    with closing(Remover(folder)) as remover:
        retention = Retention(remover, Space(folder), limit, lambda: True)
        begin_s = time.perf_counter()
        done = retention.run(today=0)
        took_s = time.perf_counter() - begin_s
    if done.events != DELETED:
        raise StoreError(f"bench store: {done.events} events were deleted, not {DELETED}")
    return took_s


def _make_files(folder: Path) -> None:
    """Pictures of the oldest, so that there is something to unlink."""
    query = "SELECT picture FROM events ORDER BY day, number LIMIT ?"
    with closing(open_database(folder)) as connection:
        for (sha256,) in connection.execute(query, (DELETED,)):
            path = folder / FOLDER_NAME / path_of_hash(sha256)
            make_folder(path.parent)
            path.write_bytes(bytes(FILE_BYTES))
