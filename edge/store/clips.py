"""Clips on disk and in the database."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

from edge.clock import Instant
from edge.store.database import Connected, translated
from edge.store.port import Clip

FOLDER_NAME = "clips"
SUFFIX = ".mp4"
_COLUMNS = """c.id, c.camera, c.trigger, c.started_wall_s, c.started_boot_s, c.boot_id, c.duration_s, c.size_bytes, c.sha256,
    (SELECT group_concat(event) FROM event_clips WHERE clip = c.id)"""
_SELECT = f"SELECT {_COLUMNS} FROM clips c"  # noqa: S608 - constants only


class ClipFolder:
    """Where clips lie: finished ones below their id, unfinished ones hidden beside them. Thread: any."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / FOLDER_NAME

    def path_of(self, clip_id: str) -> Path:
        return self.folder / relative_path(clip_id)

    def part_of(self, clip_id: str) -> Path:
        path = self.path_of(clip_id)
        return path.with_name(f".{path.name}.part")

    def unfinished(self) -> list[Path]:
        return sorted(self.folder.glob(f"*/.*{SUFFIX}.part"))

    def finished(self) -> Iterator[tuple[str, Path]]:
        """Id and file of each clip, whether the database knows it or not."""
        for path in self.folder.glob(f"*/[!.]*{SUFFIX}"):
            yield path.stem, path


def relative_path(clip_id: str) -> str:
    """Relative to the clip folder; spread by the random end of the id."""
    return f"{clip_id[-12:-10]}/{clip_id}{SUFFIX}"


class ClipStore(Connected):
    """Reads clips. One instance and one connection a thread.

    Raises (all methods):
        StoreError: the database failed.
    """

    def newest(self, limit: int) -> list[Clip]:
        return list(self._read(f"{_SELECT} ORDER BY c.id DESC LIMIT ?", limit))

    def of_event(self, event_id: str) -> list[Clip]:
        """Oldest first."""
        return list(
            self._read(f"{_SELECT} JOIN event_clips e ON e.clip = c.id WHERE e.event = ? ORDER BY c.id", event_id)
        )

    def ids(self) -> set[str]:
        """Of all clips, those that are deleted and whose file has still to go among them."""
        with translated(self._path):
            kept = {id_ for (id_,) in self._connection.execute("SELECT id FROM clips")}
            going = self._connection.execute("SELECT path FROM to_unlink WHERE path LIKE ?", (f"{FOLDER_NAME}/%",))
            return kept | {Path(path).stem for (path,) in going}

    def newest_id(self) -> str:
        """Empty when there is none."""
        with translated(self._path):
            (newest,) = self._connection.execute("SELECT max(id) FROM clips").fetchone()
        return newest or ""

    def known_events(self, ids: Sequence[str]) -> tuple[str, ...]:
        """Those of `ids` that the database has, in the same order."""
        with translated(self._path):
            query = "SELECT 1 FROM events WHERE id = ?"
            return tuple(id_ for id_ in ids if self._connection.execute(query, (id_,)).fetchone())

    def _read(self, query: str, *values: object) -> Iterator[Clip]:
        with translated(self._path):
            for row in self._connection.execute(query, values):
                yield _clip(*row)


def _clip(
    id_: str, camera: str, trigger: str, wall_s: float, boot_s: float, boot_id: str, duration_s: float, size_bytes: int,
    sha256: str, events: str | None,
) -> Clip:  # fmt: skip
    return Clip(
        id=id_, camera=camera, trigger=trigger, started=Instant(wall_s, boot_s), boot_id=boot_id,  # type: ignore[arg-type]
        duration_s=duration_s, size_bytes=size_bytes, sha256=sha256,
        events=tuple(sorted(events.split(","))) if events else (),
    )  # fmt: skip


def put_clip(connection: sqlite3.Connection, clip: Clip) -> None:
    """Within a transaction of the caller. Events that are not there (any more) are not linked."""
    row = (
        clip.id, clip.camera, clip.trigger, *clip.started, clip.boot_id, clip.duration_s, clip.size_bytes, clip.sha256
    )  # fmt: skip
    columns = "id, camera, trigger, started_wall_s, started_boot_s, boot_id, duration_s, size_bytes, sha256"
    insert = f"INSERT INTO clips ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"  # noqa: S608 - constants only
    if connection.execute(insert, row).rowcount:
        total = "INSERT INTO totals VALUES ('clips', ?) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes"
        connection.execute(total, (clip.size_bytes,))
    link = "INSERT INTO event_clips (event, clip) SELECT id, ? FROM events WHERE id = ? ON CONFLICT DO NOTHING"
    connection.executemany(link, [(clip.id, event) for event in clip.events])


def remove_clips(connection: sqlite3.Connection, event: str) -> None:
    """Within a transaction of the caller, before the event is deleted: the clips that only it has, and older ones that no event has. Their
    files wait in `to_unlink`."""
    only_its = """DELETE FROM clips WHERE id IN (SELECT clip FROM event_clips WHERE event = ?1)
        AND NOT EXISTS (SELECT 1 FROM event_clips o WHERE o.clip = clips.id AND o.event <> ?1) RETURNING id, size_bytes"""
    nobodys = """DELETE FROM clips WHERE id < ?1
        AND NOT EXISTS (SELECT 1 FROM event_clips o WHERE o.clip = clips.id) RETURNING id, size_bytes"""
    for query in (only_its, nobodys):
        for id_, size_bytes in connection.execute(query, (event,)).fetchall():
            path = f"{FOLDER_NAME}/{relative_path(id_)}"
            connection.execute("INSERT INTO to_unlink VALUES (?) ON CONFLICT DO NOTHING", (path,))
            connection.execute("UPDATE totals SET bytes = bytes - ? WHERE what = 'clips'", (size_bytes,))
