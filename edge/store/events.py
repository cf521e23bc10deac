"""Events in the database. One instance and one connection a thread."""

import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from edge.camera.port import Still
from edge.clock import Instant
from edge.geometry import Box
from edge.recognition.port import KeyPoint
from edge.store.database import FILE_NAME, open_database, transaction, translated
from edge.store.port import Event, Picture, Record

_COLUMNS = """e.id, e.revision, e.camera, e.label, e.score, e.box_left, e.box_top, e.box_right, e.box_bottom,
    e.started_wall_s, e.started_boot_s, e.seen_wall_s, e.seen_boot_s, e.boot_id, e.end_reason, e.source,
    e.sub_label, e.sub_score, e.keypoints, p.sha256, p.width_px, p.height_px, p.size_bytes"""
_SELECT = f"SELECT {_COLUMNS} FROM events e LEFT JOIN pictures p ON p.sha256 = e.picture"  # noqa: S608 - constants only


class EventStore:
    """Writes records and reads events.

    Raises (all methods):
        StoreError: the database failed; nothing of the record was written.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._connection = open_database(folder)

    def close(self) -> None:
        self._connection.close()

    def commit(self, records: Sequence[Record]) -> None:
        """Keep all records, durably, in one transaction."""
        with translated(self._path), transaction(self._connection):
            for record in records:
                for event in record.events:
                    self._put(event)
                rows = [(message.topic, message.payload) for message in record.messages]
                self._connection.executemany("INSERT INTO outbox (topic, payload) VALUES (?, ?)", rows)
                if record.still is not None:
                    put_still(self._connection, *record.still, None)

    def _put(self, event: Event) -> None:
        picture = event.picture
        if picture is not None:
            row = (picture.sha256, picture.width_px, picture.height_px, picture.size_bytes)
            self._connection.execute("INSERT INTO pictures VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING", row)
        self._connection.execute(
            """INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, score = excluded.score,
                box_left = excluded.box_left, box_top = excluded.box_top, box_right = excluded.box_right, box_bottom = excluded.box_bottom,
                seen_wall_s = excluded.seen_wall_s, seen_boot_s = excluded.seen_boot_s, end_reason = excluded.end_reason,
                picture = excluded.picture, sub_label = excluded.sub_label, sub_score = excluded.sub_score,
                keypoints = excluded.keypoints""",
            (event.id, event.revision, event.camera, event.label, event.score, *event.box, *event.started, *event.seen, event.boot_id,
             event.end_reason, event.source, picture and picture.sha256, event.sub_label, event.sub_score,
             msgspec.json.encode(event.keypoints).decode() if event.keypoints is not None else None),
        )  # fmt: skip
        if picture is not None:
            link = (event.id, picture.sha256)
            self._connection.execute("INSERT INTO event_pictures VALUES (?, ?) ON CONFLICT DO NOTHING", link)

    def newest(
        self, limit: int, *, label: str | None = None, camera: str | None = None, before: str | None = None
    ) -> list[Event]:
        """Newest first; `before` is the id of the last event of the page above."""
        where = [
            f"e.{column} {operator} ?"
            for column, operator, value in _filters(label, camera, before)
            if value is not None
        ]
        values = [value for _, _, value in _filters(label, camera, before) if value is not None]
        condition = f"WHERE {' AND '.join(where)}" if where else ""
        return list(self._read(f"{_SELECT} {condition} ORDER BY e.id DESC LIMIT ?", *values, limit))

    def find(self, id_or_start: str) -> list[Event]:
        """Events whose id begins so, at most two: more than one means that the start was too short."""
        return list(
            self._read(f"{_SELECT} WHERE e.id >= ? AND e.id < ? ORDER BY e.id LIMIT 2", id_or_start, id_or_start + "g")
        )

    def open_events(self) -> list[Event]:
        """Events without an end, oldest first."""
        return list(self._read(f"{_SELECT} WHERE e.end_reason IS NULL ORDER BY e.id"))

    def newest_id(self) -> str:
        """Empty when there is none."""
        with translated(self._path):
            (newest,) = self._connection.execute("SELECT max(id) FROM events").fetchone()
        return newest or ""

    def count(self) -> int:
        with translated(self._path):
            (number,) = self._connection.execute("SELECT count(*) FROM events").fetchone()
        return int(number)

    def _read(self, query: str, *values: object) -> Iterator[Event]:
        with translated(self._path):
            for row in self._connection.execute(query, values):
                yield _event(row)


def _filters(label: str | None, camera: str | None, before: str | None) -> list[tuple[str, str, str | None]]:
    return [("label", "=", label), ("camera", "=", camera), ("id", "<", before)]


def _event(row: tuple[object, ...]) -> Event:
    (id_, revision, camera, label, score, left, top, right, bottom, started_wall, started_boot, seen_wall, seen_boot, boot_id, end_reason,
     source, sub_label, sub_score, keypoints, sha256, width, height, size) = row  # fmt: skip
    picture = Picture(sha256, width, height, size) if sha256 else None  # type: ignore[arg-type]
    return Event(
        id=id_, revision=revision, camera=camera, label=label, score=score, box=Box(left, top, right, bottom),  # type: ignore[arg-type]
        started=Instant(started_wall, started_boot), seen=Instant(seen_wall, seen_boot), boot_id=boot_id,  # type: ignore[arg-type]
        end_reason=end_reason, source=source, picture=picture, sub_label=sub_label, sub_score=sub_score,  # type: ignore[arg-type]
        keypoints=msgspec.json.decode(str(keypoints), type=tuple[KeyPoint, ...]) if keypoints else None,
    )  # fmt: skip


def put_still(connection: sqlite3.Connection, camera: str, still: Still, problem: str | None) -> None:
    connection.execute("INSERT OR REPLACE INTO stills VALUES (?, ?, ?, ?, ?)", (camera, *still, problem))
