"""Do clips and their rows agree? What is not finished or not known yet is the next start's: it finishes such clips and takes them in."""

import sqlite3
from collections.abc import Iterator, Set
from pathlib import Path

from edge.store.clips import ClipFolder

Difference = tuple[str, str, bool]
"""What, in words, and whether the next start puts it in order."""


def differing_clips(
    connection: sqlite3.Connection, data_dir: Path, waiting: Set[str], *, running: bool, repair: bool
) -> Iterator[Difference]:
    """Within the caller's transaction.

    Args:
        waiting: paths below `data_dir` that are still to be unlinked.
    """
    folder, known = ClipFolder(data_dir), set()
    for id_, size_bytes in connection.execute("SELECT id, size_bytes FROM clips").fetchall():
        known.add(id_)
        problem = _problem(folder.path_of(id_), size_bytes)
        if not problem or connection.execute("SELECT 1 FROM clips WHERE id = ?", (id_,)).fetchone() is None:
            continue
        yield "missing", f"clip {folder.path_of(id_).relative_to(data_dir)} {problem}", False
        if repair:
            connection.execute("DELETE FROM event_clips WHERE clip = ?", (id_,))
            connection.execute("DELETE FROM clips WHERE id = ?", (id_,))
            connection.execute("UPDATE totals SET bytes = bytes - ? WHERE what = 'clips'", (size_bytes,))
    if running:
        return
    for id_, path in folder.finished():
        name = str(path.relative_to(data_dir))
        if id_ not in known and name not in waiting:
            yield "unknown", f"{name}: no row names it; the next start takes it in", True
    for path in folder.unfinished():
        yield "temporary", f"{path.relative_to(data_dir)}: the next start finishes it", True


def _problem(path: Path, size_bytes: int) -> str:
    try:
        found = path.stat().st_size
    except FileNotFoundError:
        return "is missing"
    return f"has {found} bytes, not {size_bytes}" if found != size_bytes else ""
