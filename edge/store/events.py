"""Events in the database. One instance and one connection a thread."""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import msgspec

from edge.camera.still import Still
from edge.clock import Instant, local_day
from edge.geometry import Box, KeyPoint
from edge.store.clips import put_clip
from edge.store.database import Connected, transaction, translated
from edge.store.outbox import put_messages
from edge.store.pictures import FOLDER_NAME
from edge.store.port import Event, PathPoint, Picture, Record

_FIXED = ("id", "camera", "label", "started_wall_s", "started_boot_s", "boot_id", "source", "day", "clock")
_GROWING = ("revision", "score", "box_left", "box_top", "box_right", "box_bottom", "seen_wall_s", "seen_boot_s", "end_reason",
            "picture", "sub_label", "sub_score", "keypoints", "zones", "current_zones", "stationary", "path")  # fmt: skip
"""What later revisions change. A column that is in an index and does not change stays out: setting it would write the index again."""
_WRITTEN = (*_FIXED, *_GROWING)
_NAMES, _PLACES = ", ".join(_WRITTEN), ", ".join(f":{name}" for name in _WRITTEN)
_CHANGES = ", ".join(f"{name} = excluded.{name}" for name in _GROWING)
_PUT = f"INSERT INTO events ({_NAMES}) VALUES ({_PLACES}) ON CONFLICT (id) DO UPDATE SET {_CHANGES}"  # noqa: S608 - constants only
_CORRECT = """UPDATE events SET started_wall_s = :started_wall_s, day = :day, clock = :clock
    WHERE id = :id AND clock <> :clock"""
_READ = (*_WRITTEN, "kept")
_SELECT = f"""SELECT {", ".join(f"e.{name}" for name in _READ)}, p.width_px, p.height_px, p.size_bytes
    FROM events e LEFT JOIN event_pictures p ON p.event = e.id AND p.sha256 = e.picture"""  # noqa: S608 - constants only


_COUNT = "INSERT INTO counts VALUES (?, ?, ?, ?, 1) ON CONFLICT DO UPDATE SET crossings = crossings + 1"


_CORRECT_CLIPS = """UPDATE clips SET started_wall_s = started_boot_s + (:started_wall_s - :started_boot_s)
    WHERE boot_id = :boot_id AND id IN (SELECT clip FROM event_clips WHERE event = :id)"""


class DayCount(NamedTuple):
    """How many events began on a day, counted from 1970-01-01 (`edge.clock.date_of`)."""

    day: int
    events: int


class EventStore(Connected):
    """Writes records and reads events.

    Raises (all methods):
        StoreError: the database failed; nothing of the record was written.
    """

    def commit(self, records: Sequence[Record]) -> None:
        """Keep all records, durably, in one transaction."""
        with translated(self._path), transaction(self._connection):
            for record in records:
                new = set(record.new_pictures)
                for event in record.events:
                    self._put(event, new)
                if record.still is not None:
                    put_still(self._connection, *record.still, None)
                if record.clip is not None:
                    put_clip(self._connection, record.clip)
                for crossing, day in record.crossings:
                    self._connection.execute(_COUNT, (crossing.line, day, crossing.label, crossing.way))
            put_messages(self._connection, [message for record in records for message in record.messages])

    def _put(self, event: Event, new_pictures: set[str]) -> None:
        row = _row_of(event)
        self._connection.execute(_PUT, row)
        if event.clock == "corrected":
            self._connection.execute(_CORRECT, row)
            self._connection.execute(_CORRECT_CLIPS, row)
        picture = event.picture
        if picture is None:
            return
        link = (event.id, picture.sha256, picture.width_px, picture.height_px, picture.size_bytes)
        query = "INSERT INTO event_pictures VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT DO NOTHING"
        if not self._connection.execute(query, link).rowcount:
            return
        # Named again before its file was unlinked: it is as good as new.
        query = "DELETE FROM to_unlink WHERE path = ?"
        was_unnamed = self._connection.execute(query, (f"{FOLDER_NAME}/{picture.path}",)).rowcount > 0
        if picture.sha256 in new_pictures or was_unnamed:
            new_pictures.discard(picture.sha256)
            query = "UPDATE totals SET bytes = bytes + ? WHERE what = 'pictures'"
            self._connection.execute(query, (picture.size_bytes,))
        else:
            query = "INSERT INTO shared_pictures VALUES (?, 2) ON CONFLICT DO UPDATE SET uses = uses + 1"
            self._connection.execute(query, (picture.sha256,))

    def newest(
        self,
        limit: int,
        *,
        label: str | None = None,
        camera: str | None = None,
        zone: str | None = None,
        days: tuple[int, int] | None = None,
        before: str | None = None,
    ) -> list[Event]:
        """A page of events, the newest day first and within it the newest kept first.

        Args:
            zone: only what has been in it. No index serves it: best together with days.
            days: only from the first to the last of these days, both included (`edge.clock.day_of`).
            before: the id of the last event of the page above; it need not be there any more.
        """
        where, values = _conditions(label, camera, days)
        if zone is not None:
            where.append("EXISTS (SELECT 1 FROM json_each(e.zones) WHERE value = ?)")
            values.append(zone)
        if before is not None:
            place = self._place(before)
            if place is None:
                return []
            where.append("(e.day, e.number) < (?, ?)")
            values += place
        condition = f"WHERE {' AND '.join(where)}" if where else ""
        return list(self._read(f"{_SELECT} {condition} ORDER BY e.day DESC, e.number DESC LIMIT ?", *values, limit))

    def _place(self, id_: str) -> tuple[int, int] | None:
        """Day and number of the event, or those right above the place where it was; None: nothing is below it."""
        query = "SELECT id, day, number FROM events WHERE id <= ? ORDER BY id DESC LIMIT 1"
        with translated(self._path):
            found = self._connection.execute(query, (id_,)).fetchone()
        if found is None:
            return None
        there, day, number = found
        return day, number if there == id_ else number + 1

    def count_by_day(
        self, *, label: str | None = None, camera: str | None = None, days: tuple[int, int] | None = None
    ) -> list[DayCount]:
        """Newest day first; days without events are left out."""
        where, values = _conditions(label, camera, days)
        condition = f"WHERE {' AND '.join(where)}" if where else ""
        query = f"SELECT day, sum(events) FROM day_counts e {condition} GROUP BY day ORDER BY day DESC"  # noqa: S608 - constants only
        with translated(self._path):
            return [DayCount(*row) for row in self._connection.execute(query, values)]

    def labels(self) -> list[str]:
        """Of all events that are kept, in alphabetical order."""
        with translated(self._path):
            return [
                label for (label,) in self._connection.execute("SELECT DISTINCT label FROM day_counts ORDER BY label")
            ]

    def count_labels(self, days: tuple[int, int]) -> dict[str, dict[int, int]]:
        """Label → day → events, from the first to the last of these days."""
        counts: dict[str, dict[int, int]] = {}
        query = "SELECT label, day, sum(events) FROM day_counts WHERE day BETWEEN ? AND ? GROUP BY label, day"
        with translated(self._path):
            for label, day, events in self._connection.execute(query, days):
                counts.setdefault(label, {})[day] = events
        return counts

    def crossings(self, line: str, day: int) -> dict[tuple[str, str], int]:
        """How many of each label crossed the line each way (`in`, `out`) on that day."""
        query = "SELECT label, way, crossings FROM counts WHERE line = ? AND day = ?"
        with translated(self._path):
            rows = self._connection.execute(query, (line, day)).fetchall()
        return {(label, way): number for label, way, number in rows}

    def keep(self, id_: str, kept: bool) -> None:
        """Make an event a favourite, which is never deleted, or an ordinary one again."""
        with translated(self._path), transaction(self._connection):
            self._connection.execute("UPDATE events SET kept = ? WHERE id = ?", (int(kept), id_))

    def find(self, id_or_start: str) -> list[Event]:
        """Events whose id begins so, at most two: more than one means that the start was too short."""
        return list(
            self._read(f"{_SELECT} WHERE e.id >= ? AND e.id < ? ORDER BY e.id LIMIT 2", id_or_start, id_or_start + "g")
        )

    def open_events(self) -> list[Event]:
        """Events without an end, oldest first."""
        return list(self._read(f"{_SELECT} WHERE e.end_reason IS NULL ORDER BY e.id"))

    def unsynchronised(self, boot_id: str, limit: int) -> list[Event]:
        """Ended events of that boot whose wall times are those of a clock that was not right."""
        condition = "WHERE e.clock = 'unsynchronised' AND e.boot_id = ? AND e.end_reason IS NOT NULL LIMIT ?"
        return list(self._read(f"{_SELECT} {condition}", boot_id, limit))

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


def _conditions(
    label: str | None, camera: str | None, days: tuple[int, int] | None
) -> tuple[list[str], list[str | int]]:
    """Terms of a WHERE, and their values."""
    where: list[str] = []
    values: list[str | int] = []
    for column, value in (("label", label), ("camera", camera)):
        if value is not None:
            where.append(f"e.{column} = ?")
            values.append(value)
    if days is not None:
        where.append("e.day BETWEEN ? AND ?")
        values += days
    return where, values


def _row_of(event: Event) -> dict[str, object]:
    left, top, right, bottom = event.box
    return {
        "id": event.id, "revision": event.revision, "camera": event.camera, "label": event.label, "score": event.score,
        "box_left": left, "box_top": top, "box_right": right, "box_bottom": bottom,
        "started_wall_s": event.started.wall_s, "started_boot_s": event.started.boot_s,
        "seen_wall_s": event.seen.wall_s, "seen_boot_s": event.seen.boot_s, "boot_id": event.boot_id,
        "end_reason": event.end_reason, "source": event.source, "picture": event.picture and event.picture.sha256,
        "sub_label": event.sub_label, "sub_score": event.sub_score,
        "keypoints": _json(event.keypoints),
        "zones": _json(event.zones), "current_zones": _json(event.current_zones), "stationary": int(event.stationary),
        "path": _json(event.path),
        "day": local_day(event.started.wall_s), "clock": event.clock,
    }  # fmt: skip


def _json(value: tuple[object, ...] | None) -> str | None:
    """None for nothing at all: most events have no zones."""
    return msgspec.json.encode(value).decode() if value else None


def _names(text: str | None) -> tuple[str, ...]:
    return msgspec.json.decode(text, type=tuple[str, ...]) if text else ()


def _event(values: tuple[Any, ...]) -> Event:
    row = dict(zip(_READ, values, strict=False))
    *_, width, height, size = values
    keypoints = row["keypoints"]
    return Event(
        id=row["id"], revision=row["revision"], camera=row["camera"], label=row["label"], score=row["score"],
        box=Box(row["box_left"], row["box_top"], row["box_right"], row["box_bottom"]),
        started=Instant(row["started_wall_s"], row["started_boot_s"]), seen=Instant(row["seen_wall_s"], row["seen_boot_s"]),
        boot_id=row["boot_id"], end_reason=row["end_reason"], source=row["source"],
        picture=Picture(row["picture"], width, height, size) if size is not None else None,
        sub_label=row["sub_label"], sub_score=row["sub_score"],
        keypoints=msgspec.json.decode(keypoints, type=tuple[KeyPoint, ...]) if keypoints else None,
        zones=_names(row["zones"]), current_zones=_names(row["current_zones"]), stationary=bool(row["stationary"]),
        path=msgspec.json.decode(row["path"], type=tuple[PathPoint, ...]) if row["path"] else (),
        clock=row["clock"], kept=bool(row["kept"]),
    )  # fmt: skip


def put_still(connection: sqlite3.Connection, camera: str, still: Still, problem: str | None) -> None:
    connection.execute("INSERT OR REPLACE INTO stills VALUES (?, ?, ?, ?, ?)", (camera, *still, problem))
