"""Do database and files agree? Every difference is named, and mended when that is asked for.

What a cut may leave is told apart from what nothing explains: a temporary file, a file whose row was not committed any more, a file whose
row was deleted and that is noted in `to_unlink`, an event without an end. The next start puts these in order.
"""

import hashlib
import os
import sqlite3
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import NamedTuple

from edge.errors import StoreError
from edge.store.check_clips import differing_clips
from edge.store.database import FILE_NAME, open_database, transaction, translated
from edge.store.pictures import FOLDER_NAME as PICTURES
from edge.store.recount import wrong_numbers

YOUNG_S = 600.0
"""While the program runs, files younger than this may belong to rows that are about to be committed."""
NEWEST = 200
"""Events whose pictures are looked at after a cut."""
WRITTEN_S = 60.0
"""How long before the last commit a file was written, at the most, whose row never came."""
HEX = "0123456789abcdef"
TEMPORARY = ("*.tmp", "*.part")


class Finding(NamedTuple):
    """One difference. `explained`: a cut leaves such things, or the next start puts them in order."""

    what: str
    text: str
    explained: bool = False


class _Row(NamedTuple):
    event: str
    size_bytes: int


class Checker:
    """Thread: one; each call opens a connection of its own.

    Args:
        running: the program is running beside: young files belong to rows to come, and nothing may be mended.
        cut_since_s: the last run was cut off; it began at this wall time.
        repair: mend what is found. The caller holds the lock of the data folder.

    Raises (all methods):
        StoreError: the database failed; a damaged one is a finding of `check`.
        OSError: a file or folder cannot be read or mended.
    """

    def __init__(
        self, data_dir: Path, *, running: bool = False, cut_since_s: float | None = None, repair: bool = False
    ) -> None:
        self._data_dir = data_dir
        self._path = data_dir / FILE_NAME
        self._running = running
        self._cut_since_s = cut_since_s
        self._repair = repair

    def check(self, *, hashes: bool = False) -> list[Finding]:
        """Everything. Takes as long as there is much; the memory hardly grows."""
        try:
            return self._check(hashes)
        except StoreError as error:
            if error.retryable:
                raise
            return [Finding("database", str(error))]

    def _check(self, hashes: bool) -> list[Finding]:
        with translated(self._path), closing(open_database(self._data_dir)) as connection:
            damage = [row[0] for row in connection.execute("PRAGMA quick_check")]
            if damage != ["ok"]:
                return [Finding("database", f"{self._path} is damaged: {damage[0]}: restore a backup")]
            with transaction(connection) if self._repair else nullcontext():
                return list(self._all(connection, hashes))

    def check_after_cut(self) -> list[Finding]:
        """What a cut can have touched: the newest events, and files that were written when it came. Quick also with many events.

        A picture that is in a backup was on the card for good before: when it is missing, it has still to come, onto a restored card.
        """
        since_s = max(self._cut_since_s or 0.0, self._last_commit_s() - WRITTEN_S)
        with translated(self._path), closing(open_database(self._data_dir)) as connection, transaction(connection):
            behind = "e.number > (SELECT coalesce(max(number), 0) FROM events) - ?"
            newest = _rows(connection, f"WHERE p.secured = 0 AND {behind}", NEWEST)
            findings = list(self._missing(connection, newest, hashes=False))
            if findings:
                findings += [Finding("numbers", text) for text in wrong_numbers(connection, repair=self._repair)]
            findings += self._temporary()
            recent = {path.stem: path for path in _files(self._data_dir / PICTURES, "*", since_s)}
            if recent:
                for (sha256,) in connection.execute("SELECT sha256 FROM event_pictures"):
                    recent.pop(sha256, None)
            return findings + [self._unknown(path) for path in recent.values()]

    def _last_commit_s(self) -> float:
        """Of the run that was cut off; 0 when somebody has put the log into the database since."""
        log = self._path.with_name(f"{FILE_NAME}-wal")
        return log.stat().st_mtime if log.exists() and log.stat().st_size else 0.0

    def _all(self, connection: sqlite3.Connection, hashes: bool) -> Iterator[Finding]:
        waiting = {path for (path,) in connection.execute("SELECT path FROM to_unlink")}
        if waiting:
            yield Finding("waiting", f"{len(waiting)} files of deleted events are still to be unlinked", explained=True)
        (count,) = connection.execute("SELECT count(*) FROM events WHERE end_reason IS NULL").fetchone()
        if count and not self._running:
            yield Finding("open", f"{count} events without an end: the next start ends them", explained=True)
        yield from self._temporary()
        for digit in HEX:  # in parts, so that only a sixteenth of the names is in memory
            known = _rows(connection, "WHERE p.sha256 >= ? AND p.sha256 < ?", digit, digit + "g")
            yield from self._missing(connection, known, hashes=hashes)
            for path in _files(self._data_dir / PICTURES, f"{digit}?", 0.0):
                if path.stem not in known and str(path.relative_to(self._data_dir)) not in waiting:
                    yield from self._unless_young(connection, path)
        clips = differing_clips(connection, self._data_dir, waiting, running=self._running, repair=self._repair)
        yield from (Finding(*clip) for clip in clips)
        yield from self._dangling(connection)
        if not self._running:
            yield from (Finding("numbers", text) for text in wrong_numbers(connection, repair=self._repair))

    def _missing(self, connection: sqlite3.Connection, known: dict[str, _Row], *, hashes: bool) -> Iterator[Finding]:
        for sha256, row in known.items():
            path = self._data_dir / PICTURES / sha256[:2] / f"{sha256}.jpg"
            problem = _problem(path, row.size_bytes, sha256 if hashes else "")
            if not problem or not _is_named(connection, row.event, sha256):  # deleted meanwhile
                continue
            yield Finding("missing", f"event {row.event}: {path.relative_to(self._data_dir)} {problem}")
            if self._repair:
                path.unlink(missing_ok=True)
                connection.execute("UPDATE events SET picture = NULL WHERE picture = ?", (sha256,))
                connection.execute("DELETE FROM event_pictures WHERE sha256 = ?", (sha256,))

    def _unless_young(self, connection: sqlite3.Connection, path: Path) -> Iterator[Finding]:
        if self._running and time.time() - _written_s(path) < YOUNG_S:
            return
        yield self._unknown(path)

    def _unknown(self, path: Path) -> Finding:
        of_the_cut = self._cut_since_s is not None and _written_s(path) >= self._cut_since_s
        why = "written when the program was cut off, its row never came" if of_the_cut else "no row names it"
        if self._repair:
            path.unlink(missing_ok=True)
        return Finding("unknown", f"{path.relative_to(self._data_dir)}: {why}", explained=of_the_cut)

    def _temporary(self) -> Iterator[Finding]:
        if self._running:
            return
        for pattern in TEMPORARY:
            for path in (*self._data_dir.glob(f".{pattern}"), *self._data_dir.glob(f"{PICTURES}/*/.{pattern}")):
                yield Finding("temporary", f"{path.relative_to(self._data_dir)}: not finished", explained=True)
                if self._repair:
                    path.unlink(missing_ok=True)

    def _dangling(self, connection: sqlite3.Connection) -> Iterator[Finding]:
        for what, query, mend in _REFERENCES:
            (count,) = connection.execute(f"SELECT count(*) FROM {query}").fetchone()  # noqa: S608 - constants only
            if count:
                yield Finding("dangling", f"{count} {what}")
                if self._repair:
                    connection.execute(mend)


_REFERENCES = (
    (
        "pictures of events that are not there",
        "event_pictures WHERE event NOT IN (SELECT id FROM events)",
        "DELETE FROM event_pictures WHERE event NOT IN (SELECT id FROM events)",
    ),
    (
        "clips of events that are not there",
        "event_clips WHERE event NOT IN (SELECT id FROM events) OR clip NOT IN (SELECT id FROM clips)",
        "DELETE FROM event_clips WHERE event NOT IN (SELECT id FROM events) OR clip NOT IN (SELECT id FROM clips)",
    ),
    (
        "events whose picture is none of theirs",
        """events e WHERE picture IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM event_pictures p WHERE p.event = e.id AND p.sha256 = e.picture)""",
        """UPDATE events AS e SET picture = NULL WHERE picture IS NOT NULL
            AND NOT EXISTS (SELECT 1 FROM event_pictures p WHERE p.event = e.id AND p.sha256 = e.picture)""",
    ),
)


def _rows(connection: sqlite3.Connection, where: str, *values: object) -> dict[str, _Row]:
    """Pictures by their hash."""
    query = f"SELECT p.sha256, p.event, p.size_bytes FROM events e JOIN event_pictures p ON p.event = e.id {where}"  # noqa: S608 - constants only
    return {sha256: _Row(event, size) for sha256, event, size in connection.execute(query, values)}


def _is_named(connection: sqlite3.Connection, event: str, sha256: str) -> bool:
    query = "SELECT 1 FROM event_pictures WHERE event = ? AND sha256 = ?"
    return connection.execute(query, (event, sha256)).fetchone() is not None


def _files(folder: Path, folders: str, since_s: float) -> Iterable[Path]:
    """Files below `folder` that have a name for good and were written since."""
    for inner in sorted(folder.glob(folders)):
        if not inner.is_dir() or inner.stat().st_mtime < since_s:
            continue
        with os.scandir(inner) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and (not since_s or entry.stat().st_mtime >= since_s):
                    yield Path(entry.path)


def _written_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def _problem(path: Path, size_bytes: int, sha256: str) -> str:
    """What is wrong with a file, in words; empty when nothing is. The content is read when its hash is given."""
    try:
        found = path.stat().st_size
    except FileNotFoundError:
        return "is missing"
    if found != size_bytes:
        return f"has {found} bytes, not {size_bytes}"
    if sha256 and hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        return "is damaged: its hash is not its name"
    return ""
