"""The works that are kept. Every method is one transaction: it is durable when it has returned, or nothing of it was done."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import tzinfo
from pathlib import Path
from typing import Literal

import msgspec

from edge.clock import Clock
from edge.errors import WorkError
from edge.ids import IdSource
from edge.store.database import FILE_NAME, open_database, transaction, translated
from edge.work import checks, enqueueing, transitions
from edge.work.chain import Chain, begin
from edge.work.checks import Floors
from edge.work.clock import Anchor, Now, advance
from edge.work.content import Looks, signature
from edge.work.data import Data
from edge.work.enqueueing import Adding, Enqueued, Ticket
from edge.work.request import Content, Existing, Request
from edge.work.states import Outcome, WorkState
from edge.work.table import Table, Work
from edge.work.times import local_zone
from edge.work.transitions import Ground, Judge, Slots, Started, Waiting

STAMP_S = 60.0
"""The clocks are written down with a transition when they were not for so long."""
MOVED_S = 2.0
"""The wall clock has jumped when it moved so far against work time; less is slewing."""

Find = Literal["id", "name", "tag", "all"]


class WorkSettings(msgspec.Struct, frozen=True):
    """`floors`: shortest intervals. `expedited_quota`: expedited works an hour."""

    floors: Floors = Floors()
    expedited_quota: int = 60


class WorkStore:
    """One instance and one connection a thread.

    Args:
        trusted: whether the wall clock is right as far as anybody knows.

    Raises (all methods):
        StoreError: the database failed; nothing was changed.
    """

    def __init__(
        self,
        folder: Path,
        clock: Clock,
        *,
        trusted: Callable[[], bool] = lambda: True,
        settings: WorkSettings | None = None,
        zone: tzinfo | None = None,
    ) -> None:
        self._path = folder / FILE_NAME
        self._clock = clock
        self._trusted = trusted
        self._settings = settings or WorkSettings()
        self._zone = zone or local_zone()
        self._connection = open_database(folder)
        self._table = Table(self._connection)
        with translated(self._path):
            (newest,) = self._connection.execute("SELECT max(id) FROM works").fetchone()
        self._ids = IdSource(clock, after=newest or "")

    def close(self) -> None:
        self._connection.close()

    # --- requests

    def enqueue(
        self, chain: Chain, *, name: str | None = None, existing: Existing = Existing.KEEP, looks: Looks | None = None
    ) -> Ticket:
        """Add works; `existing` says what becomes of those of the same unique name.

        Args:
            looks: how the paths of the requests look, for those who must not look here: it may take long. Paths that are missing in
                it are looked at later, and change from then on.

        Raises:
            WorkError: a request is wrong, or it cannot update what is there.
        """
        if name is not None and not 0 < len(name) <= checks.MAX_NAME:
            raise WorkError(f"name {name!r}: empty or too long", hint=f"give it 1 to {checks.MAX_NAME} characters")
        for step in chain.steps:
            checks.check(step.request, self._settings.floors)
        seen = looks_of(_contents(chain)) if looks is None else looks
        with self._ground() as ground:
            return enqueueing.enqueue(ground, self._adding(seen), chain, name, existing)

    def update(self, id_: str, request: Request, looks: Looks | None = None) -> Enqueued:
        """Raises:
        WorkError: the request is wrong, of the other kind, or there is no such work.
        """
        checks.check(request, self._settings.floors)
        seen = looks_of(_contents(begin(request))) if looks is None else looks
        with self._ground() as ground:
            return enqueueing.update(ground, self._required(id_), request, seen)

    def cancel(self, by: Find, value: str = "") -> list[Work]:
        """Cancel works and all that wait for them; those that changed."""
        with self._ground() as ground:
            works = [work for work in self._find(by, value) if not work.state.finished]
            return transitions.cancel(ground, works)

    def prune(self, keep_s: float = 0.0) -> int:
        """Delete what finished so long ago and is waited for by nothing; the number."""
        with self._ground() as ground:
            return self._table.prune(ground.t_s - keep_s)

    def make_due(self, id_: str) -> bool:
        """Do not wait for its delay, period or back-off; False: it is not enqueued. Its constraints still count."""
        with self._ground() as ground:
            work = self._required(id_)
            if work.state is not WorkState.ENQUEUED:
                return False
            self._table.put(work.with_(due_s=ground.t_s))
            return True

    # --- running

    def claim(self, judge: Judge, slots: Slots) -> list[Started]:
        """Start what is due and may run, durably."""
        with self._ground() as ground:
            return transitions.claim(ground, judge, slots)

    def waiting(self, judge: Judge) -> Waiting:
        """When something may be started next, in seconds from now."""
        with self._ground() as ground:
            found = transitions.waiting(ground, judge)
            return found if found.next_due_s is None else Waiting(found.next_due_s - ground.t_s, found.again_in_s)

    def finish(self, id_: str, runs: int, outcome: Outcome) -> Work | None:
        """Take what a run came to; None: it was over already."""
        with self._ground() as ground:
            return transitions.finish(ground, id_, runs, outcome)

    def set_progress(self, id_: str, runs: int, progress: Data) -> bool:
        with translated(self._path), self._atomic():
            return self._table.set_progress(id_, runs, progress)

    def recover(self) -> list[Work]:
        """Enqueue again what a process that is gone was running. Only for the one process that runs works."""
        with self._ground() as ground:
            return transitions.recover(ground)

    def look_at_paths(self) -> int:
        """Look at the paths of the works that wait for a change; the number of those works."""
        watched = self.watched()
        self.note_looks(look(watched))
        return len(watched)

    def watched(self) -> list[Work]:
        """Works that wait for a change of their paths."""
        with translated(self._path):
            return self._table.watched()

    def note_looks(self, looks: Mapping[str, str]) -> None:
        """How the paths of works look now, by id."""
        with self._ground() as ground:
            for work in self._table.watched():
                seen = looks.get(work.id, work.signature)
                if not work.signature:
                    self._table.put(work.with_(signature=seen))
                elif seen != work.signature:
                    transitions.note_change(ground, work, seen)

    # --- looking

    def find(self, by: Find, value: str = "") -> list[Work]:
        """Oldest first."""
        with translated(self._path):
            return self._find(by, value)

    def beginning_with(self, start: str) -> list[Work]:
        """Those whose id begins so, at most two."""
        with translated(self._path):
            return self._table.beginning_with(start)

    def running(self) -> dict[str, int]:
        with translated(self._path):
            return self._table.running()

    def count(self) -> dict[str, int]:
        with translated(self._path):
            return self._table.count()

    def next_due_s(self) -> float | None:
        """When the next work that is not due yet becomes due, in work time."""
        now = self._now()
        with translated(self._path):
            return self._table.next_due_s(advance(self._table.anchor(), now).t_s)

    def wall_of(self, t_s: float) -> float:
        """Wall time of a moment of work time, as the clock goes now."""
        now = self._now()
        with translated(self._path):
            anchor = advance(self._table.anchor(), now)
        return now.instant.wall_s + t_s - anchor.t_s

    def stamp(self, older_than_s: float = 0.0) -> None:
        """Write down what the clocks say now, if that was done longer ago than this."""
        with self._ground(stamp_s=older_than_s):
            pass

    @contextmanager
    def together(self) -> Iterator[None]:
        """Everything inside is one commit; what fails inside is undone alone."""
        with translated(self._path), transaction(self._connection):
            yield

    # --- within

    @contextmanager
    def _ground(self, stamp_s: float = STAMP_S) -> Iterator[Ground]:
        with translated(self._path), self._atomic():
            before = self._table.anchor()
            now = self._now()
            anchor = advance(before, now)
            offset_s = now.instant.wall_s - anchor.t_s
            moved = not before.boot_id or (now.trusted and abs(offset_s - before.offset_s) > MOVED_S)
            if moved:
                anchor = msgspec.structs.replace(anchor, offset_s=offset_s)
            ground = Ground(self._table, anchor.t_s, anchor.offset_s, self._zone)
            if moved or _is_old(before, anchor, stamp_s):
                self._table.put_anchor(anchor)
            if moved:
                transitions.reschedule_calendars(ground)
            yield ground

    @contextmanager
    def _atomic(self) -> Iterator[None]:
        if not self._connection.in_transaction:
            with transaction(self._connection):
                yield
            return
        self._connection.execute("SAVEPOINT one")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK TO one")
            raise
        finally:
            self._connection.execute("RELEASE one")

    def _now(self) -> Now:
        return Now(self._clock.now(), self._clock.boot_id, self._trusted())

    def _adding(self, looks: Looks) -> Adding:
        return Adding(self._ids.next, self._clock.now().wall_s, self._settings.expedited_quota, looks)

    def _required(self, id_: str) -> Work:
        work = self._table.get(id_)
        if work is None:
            raise WorkError(f"work {id_}: there is none", hint="`edge work list` shows all")
        return work

    def _find(self, by: Find, value: str) -> list[Work]:
        if by == "id":
            found = self._table.get(value)
            return [found] if found is not None else []
        if by == "name":
            return self._table.named(value)
        return self._table.tagged(value) if by == "tag" else self._table.all()


def _is_old(before: Anchor, now: Anchor, after_s: float) -> bool:
    return now.boot_id != before.boot_id or now.sure_boot_id != before.sure_boot_id or now.t_s - before.t_s > after_s


def _contents(chain: Chain) -> list[Content]:
    return [step.request.content for step in chain.steps if step.request.content is not None]


def looks_of(contents: Iterable[Content]) -> Looks:
    """How their paths look; may take long."""
    return {content.paths: signature(content.paths) for content in contents}


def look(works: Iterable[Work]) -> dict[str, str]:
    """How the paths of these works look; may take long."""
    return {work.id: signature(work.request.content.paths) for work in works if work.request.content is not None}
