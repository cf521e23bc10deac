"""Deletes events with all that belongs to them, in the order that leaves nothing behind.

One transaction removes the rows and notes in `to_unlink` which files no row names any more; only then are the files unlinked, and only when
that is on the disk is the note deleted. A cut anywhere leaves a note, and the files go the next time.
"""

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from edge.files import sync_folder
from edge.store.clips import remove_clips
from edge.store.database import Connected, transaction, translated
from edge.store.pictures import FOLDER_NAME, PictureFolder
from edge.store.port import path_of_hash

log = logging.getLogger(__name__)


class Place(NamedTuple):
    """Where an event stands in the order of age."""

    day: int
    number: int


BEGIN = Place(-(1 << 40), 0)


class Candidate(NamedTuple):
    """An event that may be deleted. `secured`: all its pictures and clips are in a backup."""

    place: Place
    id: str
    secured: bool


class LabelAge(NamedTuple):
    label: str
    first_day: int


_HAS_FILES = """(EXISTS (SELECT 1 FROM event_pictures p WHERE p.event = e.id)
    OR EXISTS (SELECT 1 FROM event_clips c WHERE c.event = e.id))"""

_AGE_IS_KNOWN = """(e.clock <> 'unsynchronised'
    OR e.number < (SELECT max(number) FROM events INDEXED BY events_by_day WHERE day < ? AND clock <> 'unsynchronised'))"""
"""The day of an event that a wrong clock dated says nothing. It is older than what was kept behind it under a right one. INDEXED BY: SQLite
would search all events by number."""


class Remover(Connected):
    """One instance and one connection a thread.

    Args:
        pictures: the folder that the keeper puts into, when it runs beside: what it holds in hand is not unlinked.

    Raises (all methods):
        StoreError: the database failed; nothing of the batch was deleted.
    """

    def __init__(self, data_dir: Path, pictures: PictureFolder | None = None) -> None:
        super().__init__(data_dir)
        self._data_dir = data_dir
        self._pictures = pictures or PictureFolder(data_dir)
        self._refused: set[str] = set()

    def oldest(
        self,
        limit: int,
        *,
        after: Place = BEGIN,
        label: str | None = None,
        before_day: int | None = None,
        with_files: bool = False,
    ) -> list[Candidate]:
        """Ended events behind `after` that nobody keeps, oldest first.

        Args:
            before_day: only those that are older, as far as their age is known.
            with_files: only those whose end makes room.
        """
        terms, values = ["(e.day, e.number) > (?, ?)"], [*after]
        if label is not None:
            terms.append("e.label = ?")
        if before_day is not None:
            terms += ["e.day < ?", _AGE_IS_KNOWN]
        if with_files:
            terms.append(_HAS_FILES)
        bound = [*values, *(value for value in (label, before_day, before_day) if value is not None), limit]
        query = f"""SELECT e.day, e.number, e.id,
                NOT EXISTS (SELECT 1 FROM event_pictures p WHERE p.event = e.id AND p.secured = 0)
                AND NOT EXISTS (SELECT 1 FROM event_clips l JOIN clips c ON c.id = l.clip WHERE l.event = e.id AND c.secured = 0)
            FROM events e WHERE {" AND ".join(terms)} AND e.kept = 0 AND e.end_reason IS NOT NULL
            ORDER BY e.day, e.number LIMIT ?"""  # noqa: S608 - constants only
        with translated(self._path):
            rows = self._connection.execute(query, bound).fetchall()
        return [Candidate(Place(day, number), id_, bool(secured)) for day, number, id_, secured in rows]

    def labels(self) -> list[LabelAge]:
        """Every label with the day of its oldest event."""
        with translated(self._path):
            rows = self._connection.execute("SELECT label, min(day) FROM day_counts GROUP BY label")
            return [LabelAge(*row) for row in rows]

    def total_bytes(self) -> int:
        """Of all files that rows name."""
        with translated(self._path):
            (total,) = self._connection.execute("SELECT coalesce(sum(bytes), 0) FROM totals").fetchone()
        return int(total)

    def mean_bytes(self) -> int:
        """Of the files of an event; at least 1."""
        with translated(self._path):
            (events,) = self._connection.execute("SELECT coalesce(sum(events), 0) FROM day_counts").fetchone()
        return max(1, self.total_bytes() // max(1, int(events)))

    def remove(self, candidates: Iterable[Candidate]) -> list[Candidate]:
        """Delete these events in one transaction; their files wait in `to_unlink`.

        Returns:
            Those that were deleted: not what has become a favourite, or was deleted by somebody else, since it was found.
        """
        with translated(self._path), transaction(self._connection):
            removed = [candidate for candidate in candidates if self._may_go(candidate.id)]
            for candidate in removed:
                self._remove_pictures(candidate.id)
                remove_clips(self._connection, candidate.id)
                self._connection.execute("DELETE FROM events WHERE id = ?", (candidate.id,))
        return removed

    def _may_go(self, event: str) -> bool:
        query = "SELECT 1 FROM events WHERE id = ? AND kept = 0"
        return self._connection.execute(query, (event,)).fetchone() is not None

    def _remove_pictures(self, event: str) -> None:
        query = "DELETE FROM event_pictures WHERE event = ? RETURNING sha256, size_bytes"
        for sha256, size_bytes in self._connection.execute(query, (event,)).fetchall():
            if self._still_shared(sha256):
                continue
            path = f"{FOLDER_NAME}/{path_of_hash(sha256)}"
            self._connection.execute("INSERT INTO to_unlink VALUES (?) ON CONFLICT DO NOTHING", (path,))
            self._connection.execute("UPDATE totals SET bytes = bytes - ? WHERE what = 'pictures'", (size_bytes,))

    def _still_shared(self, sha256: str) -> bool:
        """Take one use off a picture that several rows name; the last but one makes it an ordinary picture."""
        query = "UPDATE shared_pictures SET uses = uses - 1 WHERE sha256 = ? RETURNING uses"
        left = self._connection.execute(query, (sha256,)).fetchall()
        if left and left[0][0] <= 1:
            self._connection.execute("DELETE FROM shared_pictures WHERE sha256 = ?", (sha256,))
        return bool(left)

    def checkpoint(self) -> None:
        """Let the write-ahead log begin anew instead of growing, as far as nobody reads from it."""
        with translated(self._path):
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def unlink(self, limit: int, after: str = "") -> str:
        """Unlink files that wait for it, at most so many, in the order of their paths. What cannot be unlinked waits on.

        Returns:
            Behind which path to go on; empty: that was all.

        Raises:
            OSError: what was unlinked cannot be made durable; all of it waits on.
        """
        with translated(self._path):
            query = "SELECT path FROM to_unlink WHERE path > ? ORDER BY path LIMIT ?"
            if self._connection.execute(query, (after, 1)).fetchone() is None:
                return ""
            with transaction(self._connection):  # nobody can name one of them again meanwhile
                paths = [path for (path,) in self._connection.execute(query, (after, limit))]
                gone = [path for path in paths if self._is_unlinked(path)]
                self._sync_one_folder_of(gone)
                self._connection.executemany("DELETE FROM to_unlink WHERE path = ?", [(path,) for path in gone])
        return paths[-1] if len(paths) == limit else ""

    def _is_unlinked(self, path: str) -> bool:
        """Not when somebody has it in hand, and not when the card does not let it go: that is said once."""
        try:
            return self._pictures.unlink_unless_in_hand(self._data_dir / path)
        except OSError as error:
            if path not in self._refused:
                self._refused.add(path)
                log.warning("file cannot be unlinked path=%s error=%s", path, error.strerror)
            return False

    def _sync_one_folder_of(self, paths: Sequence[str]) -> None:
        """ext4 makes all unlinked names durable with one. A restored card may not have the folder of a picture yet."""
        folders = ((self._data_dir / path).parent for path in reversed(paths))
        folder = next((folder for folder in folders if folder.is_dir()), None)
        if folder is not None:
            sync_folder(folder)
