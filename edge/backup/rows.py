"""The database in a snapshot: whole copies now and then, and between them the rows that have changed, as SQL."""

import gzip
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from edge.backup.format import Layer
from edge.backup.packs import copy, hash_of

MOST_LAYERS = 50
"""Behind a copy; then a new copy is made. It is also made when the rows have grown to the copy's size."""
SMALL_BYTES = 1_000_000
LEVEL = 3
"""Of gzip: what a Pi can keep up with. Higher ones cost twice the time for a tenth of the size."""
_WHOLE = ("switches", "labels_seen", "works", "work_tags", "work_parents")
"""Small tables that every layer has as they are."""
_EXACTLY = "iif(instr({0}, char(13)), 'CAST(X''' || hex({0}) || ''' AS TEXT)', quote({0}))"
"""SQLite's shell, with which a person restores, takes carriage returns at the ends of lines away."""


def needs_copy(layers: Sequence[Layer], schema: int, last_schema: str) -> bool:
    """Whether the next layer has to be a whole copy."""
    if not layers or str(schema) != last_schema:
        return True
    rows_bytes = sum(layer.size_bytes for layer in layers[1:])
    return len(layers) > MOST_LAYERS or rows_bytes > max(layers[0].size_bytes, SMALL_BYTES)


def schema_of(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def write_copy(connection: sqlite3.Connection, folder: Path) -> Layer:
    """A copy of the live database as it is at one moment, packed; writers go on meanwhile."""
    plain, packed = folder / "copy.db", folder / "copy.db.gz"
    for old in (plain, packed):
        old.unlink(missing_ok=True)
    connection.execute("VACUUM INTO ?", (str(plain),))
    with plain.open("rb") as source, _packed(packed) as place:
        copy(source, place)
    plain.unlink()
    return _named("copy", packed, folder)


def write_rows(connection: sqlite3.Connection, folder: Path, upto: int, after_pack: int, since_day: int) -> Layer:
    """The rows that belong to the changes up to `upto`, as they are now.

    Args:
        after_pack: number of the last pack that the layers before know.
        since_day: counts of days before have not changed.
    """
    packed = folder / "rows.sql.gz"
    connection.execute("BEGIN")  # one moment for all of it
    try:
        with _packed(packed) as place:
            for line in _statements(connection, upto, after_pack, since_day):
                place.write(line.encode() + b"\n")
    finally:
        connection.execute("ROLLBACK")
    return _named("rows", packed, folder)


def _statements(connection: sqlite3.Connection, upto: int, after_pack: int, since_day: int) -> Iterator[str]:
    yield "PRAGMA foreign_keys = OFF;"
    yield "BEGIN;"
    changed = "SELECT kind, id FROM backup_changes WHERE seq <= ? GROUP BY kind, id ORDER BY max(seq)"
    for kind, id_ in connection.execute(changed, (upto,)):
        yield from _clip(connection, id_) if kind == "clip" else _event(connection, id_)
    for table in _WHOLE:
        yield f"DELETE FROM {table};"  # noqa: S608 - the values are quoted by SQLite
        yield from _inserts(connection, table, "1", ())
    yield f"DELETE FROM counts WHERE day >= {since_day};"  # noqa: S608
    yield from _inserts(connection, "counts", "day >= ?", (since_day,))
    yield from _inserts(connection, "backup_packs", "number > ?", (after_pack,), "INSERT OR REPLACE")
    yield "COMMIT;"


def _event(connection: sqlite3.Connection, id_: str) -> Iterator[str]:
    quoted = _quoted(connection, id_)
    for table in ("event_pictures", "event_clips"):
        yield f"DELETE FROM {table} WHERE event = {quoted};"  # noqa: S608
    yield f"DELETE FROM events WHERE id = {quoted};"  # noqa: S608
    yield from _inserts(connection, "events", "id = ?", (id_,))
    for table in ("event_pictures", "event_clips"):
        yield from _inserts(connection, table, "event = ?", (id_,))


def _clip(connection: sqlite3.Connection, id_: str) -> Iterator[str]:
    yield f"DELETE FROM clips WHERE id = {_quoted(connection, id_)};"  # noqa: S608
    yield from _inserts(connection, "clips", "id = ?", (id_,))


def _inserts(
    connection: sqlite3.Connection, table: str, where: str, values: tuple[object, ...], verb: str = "INSERT"
) -> Iterator[str]:
    """SQLite itself writes the values, so that they come back exactly."""
    columns = [name for _, name, *_ in connection.execute(f"PRAGMA table_info({table})")]
    quoted = " || ',' || ".join(_EXACTLY.format(column) for column in columns)
    head = f"{verb} INTO {table} ({', '.join(columns)}) VALUES ("
    for (row,) in connection.execute(f"SELECT {quoted} FROM {table} WHERE {where}", values):  # noqa: S608 - names are the schema's
        yield f"{head}{row});"


def _quoted(connection: sqlite3.Connection, text: str) -> str:
    (quoted,) = connection.execute("SELECT quote(?)", (text,)).fetchone()
    return str(quoted)


@contextmanager
def _packed(path: Path) -> Iterator[gzip.GzipFile]:
    """Without a time in it: the same content gives the same bytes."""
    with path.open("wb") as file, gzip.GzipFile("", "wb", LEVEL, file, mtime=0) as place:
        yield place


def _named(kind: str, packed: Path, folder: Path) -> Layer:
    layer = Layer("copy" if kind == "copy" else "rows", hash_of(packed), packed.stat().st_size)
    target = folder / layer.path
    target.parent.mkdir(parents=True, exist_ok=True)
    with packed.open("rb") as file:
        os.fsync(file.fileno())
    packed.replace(target)
    return layer
