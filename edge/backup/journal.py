"""What the device knows of its backup: what has changed since, and which pack holds what. In the device's own database.

Rows are noted by triggers, so that a run costs what is new and nothing looks through what is kept. The journal is in every copy of the
database: a restored device goes on where it was.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from edge.backup.format import Layer, Manifest, Pack
from edge.backup.packs import Member
from edge.store.clips import FOLDER_NAME as CLIPS
from edge.store.clips import relative_path
from edge.store.database import FILE_NAME, open_database, transaction, translated
from edge.store.pictures import FOLDER_NAME as PICTURES
from edge.store.port import path_of_hash

TAKEN = "taken_over"
"""State: `yes` when this card itself has begun the lineage that it writes."""
CHUNK = 5_000
"""Events that are noted in one transaction at the beginning."""
_NOTE = "INSERT INTO backup_changes (kind, id) VALUES"
_UNPACK = "UPDATE backup_packs SET live = live - 1 WHERE number = OLD.secured"
TRIGGERS = (
    f"CREATE TRIGGER IF NOT EXISTS backup_event_new AFTER INSERT ON events BEGIN {_NOTE} ('event', NEW.id); END",
    f"CREATE TRIGGER IF NOT EXISTS backup_event_changed AFTER UPDATE ON events BEGIN {_NOTE} ('event', NEW.id); END",
    f"CREATE TRIGGER IF NOT EXISTS backup_event_gone AFTER DELETE ON events BEGIN {_NOTE} ('event', OLD.id); END",
    f"CREATE TRIGGER IF NOT EXISTS backup_clip_new AFTER INSERT ON clips BEGIN {_NOTE} ('clip', NEW.id); END",
    f"""CREATE TRIGGER IF NOT EXISTS backup_clip_gone AFTER DELETE ON clips BEGIN {_NOTE} ('clip', OLD.id);
        {_UNPACK}; END""",
    f"CREATE TRIGGER IF NOT EXISTS backup_clip_shown AFTER INSERT ON event_clips BEGIN {_NOTE} ('event', NEW.event); END",
    f"CREATE TRIGGER IF NOT EXISTS backup_picture_gone AFTER DELETE ON event_pictures WHEN OLD.secured BEGIN {_UNPACK}; END",
)


class Unsecured(NamedTuple):
    """A file that is in no pack yet, and whose it is."""

    kind: str
    owner: str
    """Id of the event, or of the clip."""
    member: Member


class Secured(NamedTuple):
    """A file that is in a pack, and what it shows. `path` is below the data folder; `label`: a clip's trigger."""

    path: str
    sha256: str
    started_wall_s: float
    camera: str
    label: str


class Journal:
    """One instance and one connection a thread.

    Raises (all methods):
        StoreError: the database failed.
    """

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / FILE_NAME
        self.connection = open_database(data_dir)

    def close(self) -> None:
        self.connection.close()

    def begin(self) -> None:
        """Note from now on what changes, and once everything that is there. May be called again, and cut off."""
        if self.state("begun") == "yes":
            return
        with self.writing():
            for statement in TRIGGERS:
                self.connection.execute(statement)
        while self._note_more():
            pass

    def _note_more(self) -> bool:
        with self.writing():
            last = int(self.state("noted") or 0)
            query = "SELECT number, id FROM events WHERE number > ? ORDER BY number LIMIT ?"
            rows = self.connection.execute(query, (last, CHUNK)).fetchall()
            self.connection.executemany(f"{_NOTE} ('event', ?)", [(id_,) for _, id_ in rows])
            if rows:
                self._set("noted", str(rows[-1][0]))
            else:
                self.connection.execute("INSERT INTO backup_changes (kind, id) SELECT 'clip', id FROM clips")
                self._set("begun", "yes")
        return bool(rows)

    @contextmanager
    def writing(self) -> Iterator[None]:
        with translated(self._path), transaction(self.connection):
            yield

    def state(self, name: str) -> str:
        """Empty: never set."""
        with translated(self._path):
            row = self.connection.execute("SELECT value FROM backup_state WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def set_state(self, **values: str) -> None:
        with self.writing():
            for name, value in values.items():
                self._set(name, value)

    def _set(self, name: str, value: str) -> None:
        self.connection.execute("INSERT OR REPLACE INTO backup_state VALUES (?, ?)", (name, value))

    def standing(self) -> tuple[int, int]:
        """How many events there are and the last change that is noted (0: none), of one moment."""
        query = """SELECT (SELECT coalesce(sum(events), 0) FROM day_counts),
            (SELECT coalesce(max(seq), 0) FROM backup_changes)"""
        with translated(self._path):
            events, last = self.connection.execute(query).fetchone()
        return int(events), int(last)

    def waiting(self) -> int:
        """Changes that are in no snapshot yet."""
        with translated(self._path):
            (count,) = self.connection.execute("SELECT count(*) FROM backup_changes").fetchone()
        return int(count)

    def unsecured(self, upto: int) -> Iterator[Unsecured]:
        """Files of what has changed that are in no pack, oldest first. May be walked while packs are marked."""
        seq, seen = 0, set[str]()
        while rows := self._changes(seq, upto):
            for seq, kind, id_ in rows:  # noqa: B007 - the last one is where the next page begins
                if id_ not in seen:
                    seen.add(id_)
                    yield from self._files_of(kind, id_)

    def _changes(self, after: int, upto: int) -> list[tuple[int, str, str]]:
        query = "SELECT seq, kind, id FROM backup_changes WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT 1000"
        with translated(self._path):
            return self.connection.execute(query, (after, upto)).fetchall()

    def _files_of(self, kind: str, id_: str) -> Iterator[Unsecured]:
        with translated(self._path):
            if kind == "clip":
                clips = "SELECT sha256, size_bytes FROM clips WHERE id = ? AND secured = 0"
                for sha256, size in self.connection.execute(clips, (id_,)).fetchall():
                    yield Unsecured(kind, id_, Member(f"{CLIPS}/{relative_path(id_)}", sha256, size))
                return
            pictures = "SELECT sha256, size_bytes FROM event_pictures WHERE event = ? AND secured = 0"
            for sha256, size in self.connection.execute(pictures, (id_,)).fetchall():
                yield Unsecured(kind, id_, Member(f"{PICTURES}/{path_of_hash(sha256)}", sha256, size))

    def secured_in(self, pack: int) -> list[Secured]:
        """What is still kept of a pack's files."""
        pictures = """SELECT p.sha256, p.sha256, e.started_wall_s, e.camera, e.label
            FROM event_pictures p JOIN events e ON e.id = p.event WHERE p.secured = ?"""
        clips = "SELECT id, sha256, started_wall_s, camera, trigger FROM clips WHERE secured = ?"
        with translated(self._path):
            found = [
                Secured(f"{PICTURES}/{path_of_hash(key)}", *rest)
                for key, *rest in self.connection.execute(pictures, (pack,))
            ]
            return found + [
                Secured(f"{CLIPS}/{relative_path(key)}", *rest)
                for key, *rest in self.connection.execute(clips, (pack,))
            ]

    def secure(self, pack: Pack, files: Iterable[Unsecured]) -> Pack:
        """The pack is on the remote: mark what it holds. The pack as it is numbered."""
        with self.writing():
            (number,) = self.connection.execute("SELECT coalesce(max(number), 0) + 1 FROM backup_packs").fetchone()
            live = sum(self._mark(number, file) for file in files)
            row = (number, pack.sha256, pack.size_bytes, pack.files, live)
            self.connection.execute("INSERT INTO backup_packs VALUES (?, ?, ?, ?, ?)", row)
        return Pack(number, pack.sha256, pack.size_bytes, pack.files)

    def _mark(self, number: int, file: Unsecured) -> int:
        if file.kind == "clip":
            query, values = "UPDATE clips SET secured = ? WHERE id = ? AND secured = 0", (number, file.owner)
            return self.connection.execute(query, values).rowcount
        query = "UPDATE event_pictures SET secured = ? WHERE event = ? AND sha256 = ? AND secured = 0"
        return self.connection.execute(query, (number, file.owner, file.member.sha256)).rowcount

    def forget(self) -> None:
        """Another repository: nothing of what is kept is in it yet."""
        with self.writing():
            for table in ("event_pictures", "clips"):
                self.connection.execute(f"UPDATE {table} SET secured = 0 WHERE secured <> 0")  # noqa: S608 - constants only
            for table in ("backup_packs", "backup_layers", "backup_changes"):
                self.connection.execute(f"DELETE FROM {table}")  # noqa: S608
            self.connection.execute("DELETE FROM backup_state WHERE name <> 'config'")

    def count_gone(self, since: int) -> int:
        """Events that were deleted after the change of that number."""
        query = """SELECT count(DISTINCT c.id) FROM backup_changes c WHERE c.seq > ? AND c.kind = 'event'
            AND NOT EXISTS (SELECT 1 FROM events e WHERE e.id = c.id)"""
        with translated(self._path):
            (count,) = self.connection.execute(query, (since,)).fetchone()
        return int(count)

    def packs(self) -> tuple[Pack, ...]:
        """Those that hold something which is still kept."""
        with translated(self._path):
            rows = self.connection.execute(
                "SELECT number, sha256, size_bytes, files FROM backup_packs WHERE live > 0 ORDER BY number"
            )
            return tuple(Pack(*row) for row in rows)

    def paths(self) -> set[str]:
        """What of the remote the next snapshot will name again."""
        return {pack.path for pack in self.packs()} | {layer.path for layer in self.layers()}

    def layers(self) -> tuple[Layer, ...]:
        with translated(self._path):
            rows = self.connection.execute("SELECT kind, sha256, size_bytes FROM backup_layers ORDER BY number")
            return tuple(Layer(*row) for row in rows)

    def finish(self, layers: Sequence[Layer], upto: int, **state: str) -> None:
        """The snapshot is on the remote."""
        with self.writing():
            self._put_layers(layers)
            self.connection.execute("DELETE FROM backup_changes WHERE seq <= ?", (upto,))
            for name, value in state.items():
                self._set(name, value)

    def _put_layers(self, layers: Sequence[Layer]) -> None:
        self.connection.execute("DELETE FROM backup_layers")
        rows = [(layer.kind, layer.sha256, layer.size_bytes) for layer in layers]
        self.connection.executemany("INSERT INTO backup_layers (kind, sha256, size_bytes) VALUES (?, ?, ?)", rows)


def adopt(connection: sqlite3.Connection, manifest: Manifest) -> None:
    """Make the journal of a database that was just put together from a snapshot go on behind it. In the caller's transaction."""
    execute = connection.execute
    execute("DELETE FROM backup_changes")
    execute("DELETE FROM backup_layers")
    rows = [(layer.kind, layer.sha256, layer.size_bytes) for layer in manifest.database]
    connection.executemany("INSERT INTO backup_layers (kind, sha256, size_bytes) VALUES (?, ?, ?)", rows)
    execute("DELETE FROM backup_packs")
    connection.executemany(
        "INSERT INTO backup_packs VALUES (?, ?, ?, ?, 0)",
        [(pack.number, pack.sha256, pack.size_bytes, pack.files) for pack in manifest.packs],
    )
    for table in ("event_pictures", "clips"):
        # What the snapshot promises in a pack that it does not name is taken again.
        execute(f"UPDATE {table} SET secured = 0 WHERE secured NOT IN (SELECT number FROM backup_packs)")  # noqa: S608 - constants
        execute(
            f"""UPDATE backup_packs SET live = live + n
            FROM (SELECT secured, count(*) AS n FROM {table} GROUP BY secured) WHERE secured = number"""  # noqa: S608
        )
    execute("DELETE FROM backup_state WHERE name = ?", (TAKEN,))
    settings = manifest.settings.sha256 if manifest.settings else ""
    for name, value in (
        ("last_pack", _last_pack(manifest)),
        ("schema", str(manifest.database_schema)),
        ("settings", settings),
        ("models", " ".join(model.sha256 for model in manifest.models)),
    ):
        execute("INSERT OR REPLACE INTO backup_state VALUES (?, ?)", (name, value))


def _last_pack(manifest: Manifest) -> str:
    return str(max((pack.number for pack in manifest.packs), default=0))
