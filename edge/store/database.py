"""The SQLite file: how it is opened, its schema and its migrations."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import StoreError
from edge.files import make_folder

FILE_NAME = "edge.db"
BUSY_TIMEOUT_S = 10.0
CACHE_KIB = 512
"""Page cache of a connection. Several threads have one each, and all of them hold what they touched: the kernel's cache serves the rest."""

MIGRATIONS = (
    """
    CREATE TABLE pictures (
        sha256 TEXT PRIMARY KEY,
        width_px INTEGER NOT NULL,
        height_px INTEGER NOT NULL,
        size_bytes INTEGER NOT NULL
    ) WITHOUT ROWID;

    CREATE TABLE events (
        id TEXT PRIMARY KEY,               -- UUIDv7: sorts by time of making
        revision INTEGER NOT NULL,
        camera TEXT NOT NULL,
        label TEXT NOT NULL,
        score REAL NOT NULL,
        box_left REAL NOT NULL, box_top REAL NOT NULL, box_right REAL NOT NULL, box_bottom REAL NOT NULL,
        started_wall_s REAL NOT NULL, started_boot_s REAL NOT NULL,
        seen_wall_s REAL NOT NULL, seen_boot_s REAL NOT NULL,
        boot_id TEXT NOT NULL,             -- the boot that the *_boot_s count from
        end_reason TEXT,                   -- NULL: still there
        source TEXT,
        picture TEXT REFERENCES pictures (sha256)
    ) WITHOUT ROWID;
    CREATE INDEX events_open ON events (id) WHERE end_reason IS NULL;

    CREATE TABLE event_pictures (          -- every picture that was announced for an event, not only the best
        event TEXT NOT NULL REFERENCES events (id),
        picture TEXT NOT NULL REFERENCES pictures (sha256),
        PRIMARY KEY (event, picture)
    ) WITHOUT ROWID;

    CREATE TABLE outbox (
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        topic TEXT NOT NULL,
        payload BLOB NOT NULL
    );

    CREATE TABLE stills (                  -- stored pictures that are done
        camera TEXT NOT NULL,
        path TEXT NOT NULL,
        size_bytes INTEGER NOT NULL,
        mtime_ns INTEGER NOT NULL,
        problem TEXT,                      -- why it could not be read
        PRIMARY KEY (camera, path)
    ) WITHOUT ROWID;
    """,
    """
    -- What a second look found; key points as JSON: [[name, x, y, score], ...]
    ALTER TABLE events ADD COLUMN sub_label TEXT;
    ALTER TABLE events ADD COLUMN sub_score REAL;
    ALTER TABLE events ADD COLUMN keypoints TEXT;
    """,
    """
    CREATE TABLE requests (                -- what was asked for already; the newest thousand
        seq INTEGER PRIMARY KEY AUTOINCREMENT,
        id TEXT NOT NULL UNIQUE,
        action TEXT NOT NULL,
        begun_wall_s REAL NOT NULL,
        answer BLOB                        -- NULL: begun, and cut off before its end
    );
    """,
)


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
    if _version(connection) == len(MIGRATIONS):
        return
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


def _version(connection: sqlite3.Connection) -> int:
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return int(version)


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
        raise StoreError(f"{path}: {error}", hint=hint) from error
    except sqlite3.DatabaseError as error:
        problem = StoreError(
            f"{path}: {error}", hint="the file is damaged: restore a backup, or move it away to begin a new one"
        )
        problem.retryable = False
        raise problem from error
