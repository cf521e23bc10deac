"""Random requests, kills, reboots, clock jumps and constraint flips: the rows are always what a simple model says."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from edge.testing.clock import SimulatedClock
from edge.testing.work import WorkDriver
from edge.work import Charging, Existing, Fail, OneTimeWork, PeriodicWork, Request, Retry, StopReason, Success, begin
from edge.work.states import Stopped
from tests.workers import registry

STEPS, EXAMPLES = 50, 70
MEMORY = Path("/dev/shm")  # nothing here is about power cuts: waiting for the card would be most of the time
DAY_S = 86_400
NAMES = st.sampled_from([None, "a", "b"])
KINDS = st.sampled_from(["once", "delayed", "charging", "limited", "hourly", "flexed", "hourly charging"])
WAITS = st.sampled_from([1, 29, 30, 61, 600, 3599, 3600, 9000, 40_000])
OUTCOMES = st.sampled_from(["success", "fail", "retry", "battery", "crash"])


@dataclass
class ModelWork:
    """What the model knows of one work. Times in seconds since the first moment."""

    name: str | None
    parents: list[str]
    kind: str
    state: str
    asked_s: float
    put_back_s: float
    started_s: float = 0.0
    attempts: int = 0
    periods: int = 0
    runs: int = 0
    forced_s: float | None = None
    children: list[str] = field(default_factory=list)

    @property
    def periodic(self) -> bool:
        return self.kind.startswith(("hourly", "flexed"))

    @property
    def done(self) -> bool:
        return self.state in ("succeeded", "failed", "cancelled")

    def due_s(self) -> float:
        if self.forced_s is not None:
            return self.forced_s
        if self.attempts:
            wait_s = 30.0
            for _ in range(self.attempts - 1):
                wait_s = min(wait_s * 2, 18_000)
            return self.put_back_s + wait_s
        point_s = self.asked_s + {"delayed": 60, "flexed": 3000}.get(self.kind, 0)
        if self.periodic and self.periods:
            while point_s <= self.started_s:
                point_s += 3600
        return point_s


def request(kind: str) -> Request:
    if kind.startswith(("hourly", "flexed")):
        made = PeriodicWork("ok", every=3600, flex=600 if kind == "flexed" else None)
    else:
        made = OneTimeWork("ok").after(60 if kind == "delayed" else 0)
    made = made.when(Charging()) if "charging" in kind else made
    return made.giving_up_after(2) if kind == "limited" else made


class WorkMachine(RuleBasedStateMachine):
    steps: ClassVar[int] = 0

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None)
        self.clock = SimulatedClock(1_763_726_400.0, 50.0, "boot 0")
        self.driver = WorkDriver(Path(self.folder.name), registry(), clock=self.clock, automatic=False)
        self.driver.store.stamp()  # the first moment
        self.works: dict[str, ModelWork] = {}
        self.now_s = 0.0
        self.charging = True

    def teardown(self) -> None:
        self.driver.close()
        self.folder.cleanup()

    # --- requests

    @initialize(kinds=st.lists(KINDS, min_size=3, max_size=8))
    def begin_with(self, kinds: list[str]) -> None:
        for kind in kinds:
            self.enqueue(kind, None, Existing.KEEP)

    @rule(kind=KINDS, name=NAMES, existing=st.sampled_from([e for e in Existing if e is not Existing.UPDATE]))
    def enqueue(self, kind: str, name: str | None, existing: Existing) -> None:
        ticket = self.driver.enqueue(request(kind), name=name, existing=existing)
        mine = [id_ for id_, work in self.works.items() if work.name == name and name is not None]
        if (
            name is not None
            and existing is Existing.KEEP
            and any(self.works[m].state in ("enqueued", "running") for m in mine)
        ):
            assert ticket.outcome.value == "kept"
            return
        leaves = [m for m in mine if not any(child in mine for child in self.works[m].children)]
        broken = any(self.works[leaf].state in ("failed", "cancelled") for leaf in leaves)
        append = existing is Existing.APPEND or (existing is Existing.APPEND_OR_REPLACE and not broken)
        if name is None or not append:
            for m in mine:
                self._cancel(m)
            self._forget(mine)
            leaves = []
        self._add(ticket.ids[0], kind, name, leaves)

    @rule(kinds=st.lists(KINDS, min_size=2, max_size=4))
    def enqueue_chain(self, kinds: list[str]) -> None:
        chain = begin(request(kinds[0]))
        for kind in kinds[1:]:
            chain = chain.then(request(kind))
        before: list[str] = []
        for id_, kind in zip(self.driver.enqueue(chain).ids, kinds, strict=True):
            self._add(id_, kind, None, before)
            before = [id_]

    @precondition(lambda self: self.works)
    @rule(pick=st.integers(0, 10_000))
    def update(self, pick: int) -> None:
        """The same request again: only what update is said to change changes."""
        id_, work = self._pick(pick)
        outcome = self.driver.store.update(id_, request(work.kind)).value
        if work.done:
            assert outcome == "not applied"
        else:
            assert outcome == ("applied for the next run" if work.state == "running" else "applied immediately")
            work.forced_s = None

    @precondition(lambda self: self.works)
    @rule(pick=st.integers(0, 10_000))
    def cancel(self, pick: int) -> None:
        id_, _ = self._pick(pick)
        self.driver.store.cancel("id", id_)
        self._cancel(id_)

    @precondition(lambda self: self.works)
    @rule(pick=st.integers(0, 10_000))
    def make_due(self, pick: int) -> None:
        id_, work = self._pick(pick)
        if self.driver.store.make_due(id_):
            assert work.state == "enqueued"
            work.forced_s = self.now_s

    @rule()
    def prune(self) -> None:
        self.driver.store.prune(0)
        kept = {id_ for id_, work in self.works.items() if not work.done}
        gone = [id_ for id_, work in self.works.items() if work.done and not kept & set(work.children)]
        self._forget(gone)

    # --- running

    @rule(limit=st.sampled_from([1, 2, 100]))
    def start(self, limit: int) -> None:
        ready = [
            (work.due_s(), id_)
            for id_, work in self.works.items()
            if work.state == "enqueued"
            and work.due_s() <= self.now_s
            and (self.charging or "charging" not in work.kind)
        ]
        expected = [id_ for _, id_ in sorted(ready)[:limit]]
        assert [work.id for work in self.driver.start(limit)] == expected
        for id_ in expected:
            work = self.works[id_]
            work.state, work.started_s, work.forced_s = "running", self.now_s, None
            work.attempts, work.runs = work.attempts + 1, work.runs + 1

    @precondition(lambda self: self._running())
    @rule(pick=st.integers(0, 10_000), outcome=OUTCOMES, stale=st.booleans())
    def finish(self, pick: int, outcome: str, stale: bool) -> None:
        running = self._running()
        id_ = running[pick % len(running)]
        work = self.works[id_]
        if stale:
            assert self.driver.store.finish(id_, work.runs - 1, Success()) is None
            return
        given: dict[str, Any] = {
            "success": Success(),
            "fail": Fail(),
            "retry": Retry(),
            "battery": Stopped(StopReason.BATTERY),
            "crash": Stopped(StopReason.CRASH),
        }
        self.driver.finish(id_, given[outcome])
        if outcome in ("retry", "crash") and work.kind == "limited" and work.attempts >= 2:
            outcome = "fail"
        self._finish(work, outcome)

    @rule(seconds=WAITS, outcomes=st.lists(OUTCOMES, min_size=1, max_size=6))
    def go_on(self, seconds: int, outcomes: list[str]) -> None:
        """What the days of a device mostly are: time passes, what is due runs, most of it comes to something."""
        self.wait(seconds)
        self.start(100)
        for outcome in outcomes:
            if self._running():
                self.finish(0, outcome, stale=False)

    @precondition(lambda self: self.works)
    @rule(pick=st.integers(0, 10_000), outcome=OUTCOMES)
    def a_result_of_work_that_does_not_run(self, pick: int, outcome: str) -> None:
        id_, work = self._pick(pick)
        if work.state != "running":
            assert self.driver.store.finish(id_, work.runs, Success()) is None

    # --- the world

    @rule()
    def kill(self) -> None:
        self.driver.kill()
        self._cut_off()

    @rule(seconds=WAITS)
    def wait(self, seconds: int) -> None:
        self.clock.advance(seconds)
        self.now_s += seconds
        self.driver.store.stamp()

    @rule(days=st.sampled_from([-365, -1, 1, 365]))
    def set_the_wall_clock(self, days: int) -> None:
        self.clock.set_wall(self.clock.now().wall_s + days * DAY_S)
        self.driver.store.stamp()

    @rule(off_s=st.sampled_from([20, 3600, 100_000]), known=st.booleans())
    def reboot(self, off_s: int, known: bool) -> None:
        """`known`: the clock is right at once, and work time takes the gap; else the clock is a stopped one, and later right again."""
        self.driver.store.stamp()
        right_s, number = self.clock.now().wall_s + off_s, int(self.clock.boot_id.split()[1]) + 1
        wall_s = right_s if known else right_s - off_s
        self.clock.__init__(wall_s, 20.0, f"boot {number}")  # type: ignore[misc]
        self._set_device(synchronised=known)
        self.driver.kill()
        self.driver.store.stamp()
        if not known:
            assert self._time() == self.now_s + 20
            self.clock.set_wall(right_s)
            self._set_device(synchronised=True)
            self.driver.store.stamp()
        self.now_s += off_s
        self._cut_off()

    @rule()
    def plug(self) -> None:
        self.charging = not self.charging
        self._set_device(synchronised=True)

    # --- what must always hold

    @invariant()
    def the_rows_are_as_the_model(self) -> None:
        WorkMachine.steps += 1
        rows = {work.id: work for work in self.driver.store.find("all")}
        assert list(rows) == sorted(self.works)
        for id_, expected in self.works.items():
            row = rows[id_]
            assert (row.state.value, row.attempts, row.periods, row.runs) == (
                expected.state, expected.attempts, expected.periods, expected.runs,
            ), id_  # fmt: skip
            if expected.state == "enqueued":
                assert abs(row.due_s - expected.due_s()) < 0.001
        assert abs(self._time() - self.now_s) < 0.001

    # --- the model's own doing

    def _time(self) -> float:
        """Work time, as the store has it."""
        return self.clock.now().wall_s - self.driver.store.wall_of(0.0)

    def _set_device(self, *, synchronised: bool) -> None:
        source = "mains" if self.charging else "battery"
        self.driver.set_device(power={"source": source}, clock={"synchronised": synchronised})

    def _pick(self, pick: int) -> tuple[str, ModelWork]:
        ids = sorted(self.works)
        return ids[pick % len(ids)], self.works[ids[pick % len(ids)]]

    def _running(self) -> list[str]:
        return sorted(id_ for id_, work in self.works.items() if work.state == "running")

    def _add(self, id_: str, kind: str, name: str | None, parents: list[str]) -> None:
        states = {self.works[parent].state for parent in parents}
        state = "enqueued"
        if parents and states != {"succeeded"}:
            state = "failed" if "failed" in states else "cancelled" if "cancelled" in states else "blocked"
        self.works[id_] = ModelWork(name, list(parents), kind, state, self.now_s, self.now_s)
        for parent in parents:
            self.works[parent].children.append(id_)

    def _finish(self, work: ModelWork, outcome: str) -> None:
        if outcome in ("retry", "battery", "crash"):
            work.state, work.put_back_s = "enqueued", self.now_s
        elif work.periodic:
            work.state, work.attempts, work.periods, work.put_back_s = "enqueued", 0, work.periods + 1, self.now_s
        elif outcome == "fail":
            work.state = "failed"
            self._end_below(work, "failed")
        else:
            work.state = "succeeded"
            for child in (self.works[id_] for id_ in work.children):
                if child.state == "blocked" and all(
                    self.works[p].state == "succeeded" for p in child.parents if p in self.works
                ):
                    child.state, child.asked_s, child.put_back_s = "enqueued", self.now_s, self.now_s

    def _end_below(self, work: ModelWork, state: str) -> None:
        for child in (self.works[id_] for id_ in work.children if id_ in self.works):
            if not child.done:
                child.state = state
            self._end_below(child, state)

    def _cancel(self, id_: str) -> None:
        work = self.works[id_]
        if not work.done:
            work.state = "cancelled"
            self._end_below(work, "cancelled")

    def _forget(self, ids: list[str]) -> None:
        for id_ in ids:
            del self.works[id_]
        for work in self.works.values():
            work.children = [child for child in work.children if child in self.works]
            work.parents = [parent for parent in work.parents if parent in self.works]

    def _cut_off(self) -> None:
        for work in self.works.values():
            if work.state == "running":
                work.state = "enqueued"


@pytest.mark.timeout(300)  # when it fails, the shortest example is looked for
def test_the_rows_are_always_what_the_model_says() -> None:
    WorkMachine.steps = 0
    many = settings(
        max_examples=EXAMPLES,
        stateful_step_count=STEPS,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    run_state_machine_as_test(WorkMachine, settings=many)
    assert WorkMachine.steps >= 2000
