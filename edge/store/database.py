"""The SQLite file: how it is opened and brought up to date."""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import StoreError
from edge.files import make_folder, sync_folder
from edge.store.migrations import HARMLESS, MIGRATIONS

FILE_NAME = "edge.db"
BUSY_TIMEOUT_S = 10.0
PAGE_BYTES = 2048
"""An event touches some ten pages for a few hundred bytes each: half the usual page writes a quarter less beside the picture."""
LOG_PAGES = 2000
"""Of the write-ahead log before it goes into the database: the more, the more changes of a page are written there once."""
COPY, NEWER = ".schema-", ".newer"
"""Endings of the copy of a database before it was changed (with its schema), and of the one that was gone back from."""
SPARE_BYTES = 64_000_000
CACHE_KIB = 512
"""Page cache of a connection. Several threads have one each, and all of them hold what they touched: the kernel's cache serves the rest."""


def open_database(folder: Path) -> sqlite3.Connection:
    """Open the database in `folder`, made and migrated as needed.

    The connection belongs to the calling thread. Commits are durable when they return (WAL with synchronous=FULL).

    Raises:
        StoreError: the folder or file cannot be used, or was written by a newer program.
    """
    path = folder / FILE_NAME
    try:
        make_folder(folder)
    except OSError as error:
        raise StoreError(
            f"{folder}: cannot be made: {error.strerror}", hint="choose another folder with paths.data or --data"
        ) from error
    with translated(path):
        connection = _connect(path)
        try:
            _migrate(connection, path)
        except BaseException:
            connection.close()
            raise
        return connection


def _connect(path: Path) -> sqlite3.Connection:
    # isolation_level None: transactions begin where `transaction` says and nowhere else.
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")  # of a new file; others stay as they are
    connection.execute(f"PRAGMA wal_autocheckpoint = {LOG_PAGES}")
    _use_wal(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    return connection


def _use_wal(connection: sqlite3.Connection) -> None:
    # SQLite's own waiting does not cover this switch, which two threads may try at once on a new file.
    deadline_s = time.monotonic() + BUSY_TIMEOUT_S
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > deadline_s:
                raise
            time.sleep(0.01)


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    before = _version(connection)
    if before == len(MIGRATIONS) or (before > len(MIGRATIONS) and _is_usable(connection)):
        return
    if 0 < before < len(MIGRATIONS) and any(step not in HARMLESS for step in _steps(before)):
        _keep_copy(connection, path, before)
    with transaction(connection):
        version = _version(connection)  # again, now that nobody else can migrate
        if version > len(MIGRATIONS):
            raise StoreError(
                f"{path}: has schema {version}, this program knows {len(MIGRATIONS)}",
                hint="it was written by a newer version: install that one",
            )
        for script in MIGRATIONS[version:]:
            for statement in script.split(";\n"):  # not executescript: that would commit
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")  # part of the transaction
        # The number that SQLite keeps for the application: the least that a program must know to use this file.
        connection.execute(f"PRAGMA application_id = {max(set(_steps(0)) - HARMLESS, default=1)}")


def _steps(version: int) -> range:
    """Those that a database of this version has not seen, counted from 1."""
    return range(version + 1, len(MIGRATIONS) + 1)


def _is_usable(connection: sqlite3.Connection) -> bool:
    """Though a newer program has written it: nothing that it added is noticed."""
    (least,) = connection.execute("PRAGMA application_id").fetchone()
    return 0 < int(least) <= len(MIGRATIONS)


def _keep_copy(connection: sqlite3.Connection, path: Path, version: int) -> None:
    """As it is now, for the program that runs when this one is gone back from."""
    copy, fresh = path.with_name(f"{path.name}{COPY}{version}"), path.with_name(f".{path.name}.copy")
    if copy.exists():
        return
    free, size = shutil.disk_usage(path.parent).free, path.stat().st_size
    if free < size + SPARE_BYTES:
        problem = StoreError(
            f"{path}: no room for a copy before it is changed: needs {size / 1e6:.0f} MB", hint="free some space"
        )
        problem.full = True
        raise problem
    fresh.unlink(missing_ok=True)
    connection.execute("VACUUM INTO ?", (str(fresh),))
    with fresh.open("rb") as file:
        os.fsync(file.fileno())
    fresh.replace(copy)
    sync_folder(path.parent)


def go_back(folder: Path) -> Path | None:
    """Put the copy back that a newer program kept, if it left a database that this one cannot use. The caller holds the folder's lock.

    What the newer one wrote since is not lost: it lies beside it, for that program. A power cut in the middle is gone on with.

    Returns:
        Where that is; None: there was nothing to go back from.

    Raises:
        StoreError: the files cannot be moved.
    """
    path = folder / FILE_NAME
    copies = [folder / f"{FILE_NAME}{COPY}{version}" for version in range(len(MIGRATIONS), 0, -1)]
    copy = next((copy for copy in copies if copy.exists()), None)
    if copy is None or not (_is_too_new(path) if path.exists() else True):
        return None
    newer = folder / f"{FILE_NAME}{NEWER}"
    try:
        if path.exists():
            path.replace(newer)
            sync_folder(folder)
        for ending in ("-wal", "-shm"):  # of the one moved away, empty since it was looked at
            (folder / (FILE_NAME + ending)).unlink(missing_ok=True)
        copy.replace(path)
        sync_folder(folder)
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}", hint="check the card and the rights of the folder") from error
    return newer


def _is_too_new(path: Path) -> bool:
    with translated(path):
        connection = _connect(path)
        try:
            too_new = _version(connection) > len(MIGRATIONS) and not _is_usable(connection)
            if too_new:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return too_new
        finally:
            connection.close()


def forget_copies(folder: Path) -> None:
    """The program that runs is well: nobody goes back any more."""
    for copy in folder.glob(f"{FILE_NAME}{COPY}*"):
        copy.unlink(missing_ok=True)


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


def checkpoint(folder: Path) -> None:
    """Put all that waits in the write-ahead log into the database file; what a reader holds up stays in the log, which is as safe.

    Raises:
        StoreError: the database failed.
    """
    connection = open_database(folder)
    try:
        with translated(folder / FILE_NAME):
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    finally:
        connection.close()


class Connected:
    """A store with a connection of its own: one instance a thread."""

    def __init__(self, folder: Path) -> None:
        """Raises StoreError: the database cannot be used."""
        self._path = folder / FILE_NAME
        self._connection = open_database(folder)

    def close(self) -> None:
        self._connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All of it or nothing; durable when the block has ended."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's errors as StoreError with a remedy."""
    try:
        yield
    except sqlite3.OperationalError as error:
        full = "full" in str(error)
        hint = (
            "free some space"
            if full
            else "check the card and the rights of the folder; another program may hold the file"
        )
        problem = StoreError(f"{path}: {error}", hint=hint)
        problem.full = full
        raise problem from error
    except sqlite3.DatabaseError as error:
        problem = StoreError(
            f"{path}: {error}", hint="the file is damaged: restore a backup, or move it away to begin a new one"
        )
        problem.retryable = False
        raise problem from error


def is_busy(error: StoreError) -> bool:
    """Whether it only says that another connection was writing."""
    return getattr(error.__cause__, "sqlite_errorcode", 0) & 0xFF == sqlite3.SQLITE_BUSY
