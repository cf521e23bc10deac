"""Puts the database of a snapshot together again, outside of the data folder, and looks whether it is whole."""

import gzip
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from edge.backup.fetching import fetch_all
from edge.backup.format import Layer, Manifest
from edge.backup.journal import adopt
from edge.backup.packs import copy
from edge.backup.repository import Repository
from edge.errors import BackupError
from edge.store.database import FILE_NAME, open_database, transaction
from edge.store.recount import wrong_numbers

NOT_TAKEN = ("outbox", "to_unlink", "requests")
"""What belongs to the old card: messages that are long sent, files that are long gone."""


def rebuild(
    repository: Repository, manifest: Manifest, folder: Path, done: Callable[[int], None] = lambda layers: None
) -> Path:
    """The database file, in a folder that is emptied of an older one; migrated to this program's schema, and its journal goes on.

    Raises:
        BackupError: a layer is missing or damaged.
        StoreError: it is of a newer program.
    """
    path = folder / FILE_NAME
    for old in folder.glob(f"{FILE_NAME}*"):
        old.unlink()
    for count, (layer, packed) in enumerate(fetch_all(repository, manifest.database), 1):
        if isinstance(packed, BackupError):
            raise packed
        _apply(layer, packed, path)
        done(count)
    _put_in_order(folder, manifest)
    return path


def _apply(layer: Layer, packed: Path, path: Path) -> None:
    try:
        if layer.kind == "copy":
            with gzip.open(packed) as source, path.open("wb") as place:
                copy(source, place)
            return
        connection = sqlite3.connect(path, isolation_level=None)
        try:
            with gzip.open(packed, "rt", encoding="utf-8", newline="\n") as source:
                for statement in _statements(source):
                    connection.execute(statement)
        finally:
            connection.close()
    except (OSError, EOFError, sqlite3.Error) as error:
        raise BackupError(f"{layer.path}: cannot be applied: {error}", hint="try an older snapshot") from error


def _statements(lines: Iterable[str]) -> Iterator[str]:
    """One by one: after a season without its remote the rows of a device are larger than its memory. A text may go over several lines."""
    statement = ""
    for line in lines:
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement:
        raise sqlite3.OperationalError(f"incomplete: {statement:.60}")


def _put_in_order(folder: Path, manifest: Manifest) -> None:
    connection = open_database(folder)
    try:
        (said,) = connection.execute("PRAGMA quick_check").fetchone()
        if said != "ok":
            raise BackupError(f"the database of this snapshot is damaged: {said}", hint="try an older snapshot")
        with transaction(connection):
            for table in NOT_TAKEN:
                connection.execute(f"DELETE FROM {table}")  # noqa: S608 - constants only
            adopt(connection, manifest)
            list(wrong_numbers(connection, repair=True))
        (events,) = connection.execute("SELECT count(*) FROM events").fetchone()
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()
    if events < manifest.events:
        raise BackupError(f"{events} events are there where {manifest.events} should be", hint="try an older snapshot")
