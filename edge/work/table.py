"""The rows of works: read, written, found. Nothing here decides; every method belongs into a transaction of its caller."""

import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from edge.work.clock import Anchor
from edge.work.constraints import Constraint
from edge.work.data import Data
from edge.work.request import Request
from edge.work.states import StopReason, WorkState
from edge.work.times import History

Connection = sqlite3.Connection

UNFINISHED = ("blocked", "enqueued", "running")
_COLUMNS = (
    "id", "name", "worker", "state", "expedited", "request", "needs", "calendar", "content", "generation", "runs", "attempts", "periods",
    "first_enqueued_s", "enqueued_s", "started_s", "due_s", "finished_s", "added_wall_s", "changed_first_s", "changed_last_s", "signature",
    "output", "progress", "stop_reason", "message",
)  # fmt: skip
_SELECT = f"SELECT {', '.join(_COLUMNS)} FROM works"  # noqa: S608 - constants only
_INSERT = f"INSERT INTO works VALUES ({', '.join('?' * len(_COLUMNS))})"  # noqa: S608
_UPDATE = f"UPDATE works SET {', '.join(f'{name} = ?' for name in _COLUMNS[1:])} WHERE id = ?"  # noqa: S608

_REQUEST = msgspec.json.Decoder(Request)
_NEEDS = msgspec.json.Decoder(tuple[Constraint, ...])
_DATA = msgspec.json.Decoder(Data)


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """One row. Times are work time, None where there is none yet; `due_s` infinite while it waits for a change of its paths.

    `runs` counts starts and never goes back: it tells a run from the one before. `signature`: how its paths looked, empty before
    the first look.
    """

    id: str
    request: Request
    state: WorkState
    name: str | None = None
    generation: int = 0
    runs: int = 0
    attempts: int = 0
    periods: int = 0
    first_enqueued_s: float = 0.0
    enqueued_s: float = 0.0
    started_s: float | None = None
    due_s: float = 0.0
    finished_s: float | None = None
    added_wall_s: float = 0.0
    changed_s: tuple[float, float] | None = None
    signature: str = ""
    output: Data = {}
    progress: Data = {}
    stop_reason: StopReason = StopReason.NOT_STOPPED
    message: str = ""

    @property
    def history(self) -> History:
        return History(
            first_enqueued_s=self.first_enqueued_s,
            enqueued_s=self.enqueued_s,
            started_s=self.started_s,
            attempts=self.attempts,
            periods=self.periods,
            changed_s=self.changed_s,
        )

    def with_(self, **changes: Any) -> "Work":
        return msgspec.structs.replace(self, **changes)


class Table:
    """Works, their tags and what they wait for."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, work: Work, parents: Iterable[str] = ()) -> None:
        self._connection.execute(_INSERT, _row(work))
        self._put_tags(work)
        rows = [(work.id, parent) for parent in parents]
        self._connection.executemany("INSERT INTO work_parents VALUES (?, ?)", rows)

    def put(self, work: Work, *, tags: bool = False) -> None:
        """Write a work that is there already; `tags`: these too."""
        first, *rest = _row(work)
        self._connection.execute(_UPDATE, (*rest, first))
        if tags:
            self._connection.execute("DELETE FROM work_tags WHERE work = ?", (work.id,))
            self._put_tags(work)

    def _put_tags(self, work: Work) -> None:
        rows = [(tag, work.id) for tag in work.request.tags]
        self._connection.executemany("INSERT OR IGNORE INTO work_tags VALUES (?, ?)", rows)

    def delete(self, ids: Iterable[str]) -> None:
        self._connection.executemany("DELETE FROM works WHERE id = ?", [(id_,) for id_ in ids])

    def get(self, id_: str) -> Work | None:
        return next(iter(self._read("WHERE id = ?", id_)), None)

    def beginning_with(self, start: str) -> list[Work]:
        """Those whose id begins so, at most two."""
        return self._read("WHERE id >= ? AND id < ? ORDER BY id LIMIT 2", start, start + "g")

    def named(self, name: str) -> list[Work]:
        return self._read("WHERE name = ? ORDER BY id", name)

    def tagged(self, tag: str) -> list[Work]:
        return self._read("WHERE id IN (SELECT work FROM work_tags WHERE tag = ?) ORDER BY id", tag)

    def all(self, limit: int = -1) -> list[Work]:
        return self._read("ORDER BY id LIMIT ?", limit)

    def in_state(self, *states: WorkState) -> list[Work]:
        return self._read("WHERE state IN (SELECT value FROM json_each(?)) ORDER BY id", _list(s.value for s in states))

    def running(self) -> dict[str, int]:
        """Ids of running works, and which run of each it is."""
        return dict(self._connection.execute("SELECT id, runs FROM works WHERE state = 'running'"))

    def calendars(self) -> list[Work]:
        """Enqueued works that follow a calendar."""
        return self._read("WHERE calendar AND state = 'enqueued'")

    def watched(self) -> list[Work]:
        """Enqueued works that wait for changes of paths."""
        return self._read("WHERE content AND state = 'enqueued'")

    def needs_of_due(self, t_s: float) -> list[tuple[str, tuple[Constraint, ...]]]:
        """The different constraints of all works whose time has come, as they are written and as they are."""
        # From one value to the next through the index: the cost follows the different constraints, not the works.
        rows = self._connection.execute(
            """WITH RECURSIVE kinds (needs) AS (
                SELECT min(needs) FROM works WHERE state = 'enqueued'
                UNION ALL SELECT (SELECT min(needs) FROM works WHERE state = 'enqueued' AND needs > kinds.needs) FROM kinds
                WHERE kinds.needs IS NOT NULL
            ) SELECT needs FROM kinds
            WHERE EXISTS (SELECT 1 FROM works w WHERE state = 'enqueued' AND w.needs = kinds.needs AND due_s <= ?)""",
            (t_s,),
        )
        return [(text, _NEEDS.decode(text)) for (text,) in rows]

    def due(
        self, t_s: float, needs: Sequence[str], heavy: Sequence[str], *, wants_heavy: bool, limit: int
    ) -> list[Work]:
        """Works whose time has come and whose constraints are among `needs`: expedited first, then the longest due."""
        return self._read(
            """WHERE state = 'enqueued' AND due_s <= ? AND needs IN (SELECT value FROM json_each(?))
            AND (worker IN (SELECT value FROM json_each(?))) = ? ORDER BY expedited DESC, due_s, id LIMIT ?""",
            t_s, _list(needs), _list(heavy), int(wants_heavy), limit,
        )  # fmt: skip

    def next_due_s(self, after_s: float) -> float | None:
        """When the next work becomes due; works that are due already wait for something else."""
        query = "SELECT min(due_s) FROM works WHERE state = 'enqueued' AND due_s > ? AND due_s < 9e999"
        (due_s,) = self._connection.execute(query, (after_s,)).fetchone()
        return due_s if due_s is None else float(due_s)

    def parents(self, id_: str) -> list[Work]:
        return self._read("WHERE id IN (SELECT parent FROM work_parents WHERE work = ?) ORDER BY id", id_)

    def children(self, id_: str) -> list[Work]:
        return self._read("WHERE id IN (SELECT work FROM work_parents WHERE parent = ?) ORDER BY id", id_)

    def descendants(self, ids: Iterable[str]) -> list[Work]:
        """All that wait for these, near or far; without these themselves."""
        return self._read(
            """WHERE id IN (WITH RECURSIVE below (id) AS (
                SELECT work FROM work_parents WHERE parent IN (SELECT value FROM json_each(?))
                UNION SELECT work FROM work_parents JOIN below ON parent = below.id
            ) SELECT id FROM below) ORDER BY id""",
            _list(ids),
        )

    def leaves(self, name: str) -> list[Work]:
        """Works of the name that no other of them waits for."""
        return self._read(
            """WHERE name = ?1 AND NOT EXISTS (SELECT 1 FROM work_parents p JOIN works c ON c.id = p.work
                WHERE p.parent = works.id AND c.name = ?1) ORDER BY id""",
            name,
        )

    def expedited_since(self, t_s: float) -> int:
        query = "SELECT count(*) FROM works WHERE expedited AND first_enqueued_s > ?"
        return int(self._connection.execute(query, (t_s,)).fetchone()[0])

    def prune(self, before_s: float) -> int:
        """Delete what finished before then and is waited for by nothing unfinished; the number."""
        cursor = self._connection.execute(
            """DELETE FROM works WHERE state IN ('succeeded', 'failed', 'cancelled') AND finished_s <= ? AND NOT EXISTS (
                SELECT 1 FROM work_parents p JOIN works c ON c.id = p.work
                WHERE p.parent = works.id AND c.state IN ('blocked', 'enqueued', 'running'))""",
            (before_s,),
        )
        return cursor.rowcount

    def count(self) -> dict[str, int]:
        """Works by state."""
        return dict(self._connection.execute("SELECT state, count(*) FROM works GROUP BY state"))

    def set_progress(self, id_: str, runs: int, progress: Data) -> bool:
        """False: that run is over."""
        cursor = self._connection.execute(
            "UPDATE works SET progress = ? WHERE id = ? AND runs = ? AND state = 'running'",
            (_json(progress), id_, runs),
        )
        return cursor.rowcount == 1

    def anchor(self) -> Anchor:
        row = self._connection.execute(
            "SELECT t_s, boot_s, boot_id, sure_t_s, sure_wall_s, sure_boot_id, offset_s FROM work_clock"
        ).fetchone()
        return Anchor(*row) if row is not None else Anchor()

    def put_anchor(self, anchor: Anchor) -> None:
        row = msgspec.structs.astuple(anchor)
        self._connection.execute("INSERT OR REPLACE INTO work_clock VALUES (1, ?, ?, ?, ?, ?, ?, ?)", row)

    def _read(self, condition: str, *values: object) -> list[Work]:
        return [_work(row) for row in self._connection.execute(f"{_SELECT} {condition}", values)]


def _row(work: Work) -> tuple[object, ...]:
    request = work.request
    first, last = work.changed_s or (None, None)
    return (
        work.id, work.name, request.worker, work.state.value, request.expedited, _json(request), _json(request.constraints),
        bool(request.cron), request.content is not None, work.generation, work.runs, work.attempts, work.periods, work.first_enqueued_s,
        work.enqueued_s, work.started_s, work.due_s, work.finished_s, work.added_wall_s, first, last, work.signature, _json(work.output),
        _json(work.progress), work.stop_reason.value, work.message,
    )  # fmt: skip


def _work(row: tuple[Any, ...]) -> Work:
    (id_, name, _, state, _, request, _, _, _, generation, runs, attempts, periods, first_enqueued_s, enqueued_s, started_s, due_s,
     finished_s, added_wall_s, first, last, signature, output, progress, stop_reason, message) = row  # fmt: skip
    return Work(
        id=id_, name=name, request=_REQUEST.decode(request), state=WorkState(state), generation=generation, runs=runs, attempts=attempts,
        periods=periods, first_enqueued_s=first_enqueued_s, enqueued_s=enqueued_s, started_s=started_s, due_s=due_s, finished_s=finished_s,
        added_wall_s=added_wall_s, changed_s=None if first is None else (first, last), signature=signature, output=_DATA.decode(output),
        progress=_DATA.decode(progress), stop_reason=StopReason(stop_reason), message=message,
    )  # fmt: skip


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()


def _list(values: Iterable[str]) -> str:
    return _json(list(values))
