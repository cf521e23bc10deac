"""The rules of background work, one test a behaviour, on the real database with a simulated clock."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.errors import WorkError
from edge.testing.work import WorkDriver
from edge.work.chain import begin, combine
from edge.work.checks import Floors
from edge.work.constraints import Charging, Network, StorageNotLow
from edge.work.enqueueing import Enqueued
from edge.work.request import (
    BackoffPolicy,
    Existing,
    OneTimeWork,
    OutOfQuota,
    PeriodicWork,
    Request,
    WorkOnChange,
    hours,
    minutes,
)
from edge.work.states import Fail, Retry, Stopped, StopReason, Success, WorkState
from edge.work.store import WorkSettings
from edge.work.table import Work
from tests.workers import registry

BLOCKED, ENQUEUED, RUNNING = WorkState.BLOCKED, WorkState.ENQUEUED, WorkState.RUNNING
SUCCEEDED, FAILED, CANCELLED = WorkState.SUCCEEDED, WorkState.FAILED, WorkState.CANCELLED
ON_BATTERY = {"source": "battery", "battery_percent": 41.0}


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., WorkDriver]]:
    made = []

    def make(**options: object) -> WorkDriver:
        made.append(WorkDriver(tmp_path, registry(), **options))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for driver in made:
        driver.close()


@pytest.fixture
def driver(make: Callable[..., WorkDriver]) -> WorkDriver:
    """Runs works as soon as they may."""
    return make()


@pytest.fixture
def hand(make: Callable[..., WorkDriver]) -> WorkDriver:
    """Works move when the test says."""
    return make(automatic=False)


def only(driver: WorkDriver, request: Request, **options: object) -> str:
    (id_,) = driver.enqueue(request, **options).ids  # type: ignore[arg-type]
    return id_


def states(driver: WorkDriver, ids: tuple[str, ...]) -> list[WorkState]:
    return [driver.get(id_).state for id_ in ids]


def due_in(driver: WorkDriver, work: Work) -> float:
    return round(driver.store.wall_of(work.due_s) - driver.clock.now().wall_s, 3)


def stored(name: str, state: WorkState, driver: WorkDriver) -> str:
    """A one-time work of that unique name that has come to that state."""
    id_ = only(driver, OneTimeWork("ok"), name=name, existing=Existing.REPLACE)
    if state is CANCELLED:
        driver.store.cancel("id", id_)
    if state in (RUNNING, SUCCEEDED, FAILED):
        driver.start()
    if state in (SUCCEEDED, FAILED):
        driver.finish(id_, Success() if state is SUCCEEDED else Fail())
    return id_


# --- running


def test_runs_only_when_enqueued(hand: WorkDriver) -> None:
    ids = [stored(state.value, state, hand) for state in (CANCELLED, SUCCEEDED, FAILED, RUNNING)]
    assert hand.start() == []
    assert [hand.get(id_).state for id_ in ids] == [CANCELLED, SUCCEEDED, FAILED, RUNNING]


def test_success(driver: WorkDriver) -> None:
    work = driver.get(only(driver, OneTimeWork("ok", colour="red")))
    assert (work.state, work.attempts, work.output) == (SUCCEEDED, 1, {"colour": "red", "attempt": 0})


def test_attempts_are_counted_on_success_and_failure(driver: WorkDriver) -> None:
    assert driver.get(only(driver, OneTimeWork("ok"))).attempts == 1
    assert driver.get(only(driver, OneTimeWork("fails"))).attempts == 1


def test_a_missing_worker_fails_with_its_name(driver: WorkDriver) -> None:
    work = driver.get(only(driver, OneTimeWork("mow-the-lawn")))
    assert work.state is FAILED
    assert "'mow-the-lawn'" in work.message


def test_a_missing_merger_fails_with_its_name(driver: WorkDriver) -> None:
    work = driver.get(only(driver, OneTimeWork("ok").merging_with("blender")))
    assert work.state is FAILED
    assert "'blender'" in work.message


def test_an_exception_fails(driver: WorkDriver) -> None:
    work = driver.get(only(driver, OneTimeWork("raises")))
    assert (work.state, work.message) == (FAILED, "OSError: the disk is on fire")


def test_no_result_fails(driver: WorkDriver) -> None:
    work = driver.get(only(driver, OneTimeWork("none")))
    assert work.state is FAILED
    assert "none returned None" in work.message


def test_too_large_an_output_fails(driver: WorkDriver) -> None:
    work = driver.get(only(driver, OneTimeWork("too-much")))
    assert work.state is FAILED
    assert "more than 10240" in work.message


def test_outputs_are_passed_on_and_merged(driver: WorkDriver) -> None:
    chain = begin(OneTimeWork("ok", a=1, b=1), OneTimeWork("ok", b=2, c=2)).then(OneTimeWork("ok", own=True))
    *_, last = driver.enqueue(chain).ids
    assert driver.get(last).output == {"own": True, "a": 1, "b": 2, "c": 2, "attempt": 0}


def test_outputs_are_merged_into_arrays(driver: WorkDriver) -> None:
    merging = OneTimeWork("ok", a="own").merging_with("array-creating")
    *_, last = driver.enqueue(begin(OneTimeWork("ok", a="x"), OneTimeWork("ok", a=["y", "z"])).then(merging)).ids
    assert driver.get(last).output["a"] == ["own", "x", "y", "z"]


def test_combined_chains_meet(driver: WorkDriver) -> None:
    one, other = begin(OneTimeWork("ok", a=1)).then(OneTimeWork("ok", b=1)), begin(OneTimeWork("ok", c=1))
    *_, last = driver.enqueue(combine(one, other).then(OneTimeWork("ok"))).ids
    assert driver.get(last).output == {"a": 1, "b": 1, "c": 1, "attempt": 0}


def test_unblocking_sets_the_enqueue_time_and_the_delay_counts_from_there(hand: WorkDriver) -> None:
    first, second = hand.enqueue(begin(OneTimeWork("ok")).then(OneTimeWork("ok").after(minutes(5)))).ids
    hand.clock.advance(100)
    hand.start()
    assert hand.get(second).state is BLOCKED
    hand.clock.advance(100)
    hand.finish(first, Success())
    work = hand.get(second)
    assert (work.state, work.enqueued_s, due_in(hand, work)) == (ENQUEUED, 200.0, 300.0)


def test_failure_reaches_all_descendants(driver: WorkDriver) -> None:
    ids = driver.enqueue(
        begin(OneTimeWork("fails")).then(OneTimeWork("ok"), OneTimeWork("ok")).then(OneTimeWork("ok"))
    ).ids
    assert states(driver, ids) == [FAILED] * 4


def test_cancelled_dependents_stay_cancelled(hand: WorkDriver) -> None:
    first, second, third = hand.enqueue(begin(OneTimeWork("ok")).then(OneTimeWork("ok"), OneTimeWork("ok"))).ids
    hand.store.cancel("id", second)
    hand.start()
    hand.finish(first, Success())
    assert states(hand, (second, third)) == [CANCELLED, ENQUEUED]
    stored_id = only(hand, OneTimeWork("ok"), name="n")
    (child,) = hand.enqueue(OneTimeWork("ok"), name="n", existing=Existing.APPEND).ids
    hand.store.cancel("id", child)
    hand.start()
    hand.finish(stored_id, Fail())
    assert states(hand, (stored_id, child)) == [FAILED, CANCELLED]


def test_failure_and_cancellation_reach_the_end_of_a_chain_of_500(hand: WorkDriver) -> None:
    for end in (lambda id_: hand.finish(id_, Fail()), lambda id_: hand.store.cancel("id", id_)):
        chain = begin(OneTimeWork("ok"))
        for _ in range(499):
            chain = chain.then(OneTimeWork("ok"))
        ids = hand.enqueue(chain).ids
        hand.start()
        end(ids[0])
        assert hand.get(ids[-1]).state.finished
        assert not hand.store.running()


def test_a_chain_of_500_completes(driver: WorkDriver) -> None:
    chain = begin(OneTimeWork("ok"))
    for _ in range(499):
        chain = chain.then(OneTimeWork("ok"))
    assert driver.get(driver.enqueue(chain).ids[-1]).state is SUCCEEDED


def test_an_initial_delay_is_waited_for(driver: WorkDriver) -> None:
    id_ = only(driver, OneTimeWork("ok").after(minutes(10)))
    driver.advance(599)
    assert driver.get(id_).state is ENQUEUED
    driver.advance(1)
    assert driver.get(id_).state is SUCCEEDED


def test_expedited_work_jumps_the_queue(hand: WorkDriver) -> None:
    only(hand, OneTimeWork("ok"))
    late = only(hand, OneTimeWork("ok").at_once())
    assert [work.id for work in hand.start(limit=1)] == [late]


# --- back-off


@pytest.mark.parametrize(
    ("policy", "waits"),
    [(BackoffPolicy.LINEAR, [30, 60, 90, 120]), (BackoffPolicy.EXPONENTIAL, [30, 60, 120, 240])],
)
def test_backed_off_work_does_not_run_early(hand: WorkDriver, policy: BackoffPolicy, waits: list[int]) -> None:
    id_ = only(hand, OneTimeWork("ok").backing_off(30, policy))
    for wait_s in waits:
        assert len(hand.start()) == 1
        assert due_in(hand, hand.finish(id_, Retry())) == wait_s
        hand.clock.advance(wait_s - 1)
        assert hand.start() == []
        hand.clock.advance(1)
    assert hand.start()[0].attempts == 5


def test_the_back_off_is_at_most_five_hours(hand: WorkDriver) -> None:
    id_ = only(hand, OneTimeWork("ok"))
    for _ in range(70):
        assert len(hand.start()) == 1
        work = hand.finish(id_, Retry())
        hand.clock.advance(hours(5))
    assert work.due_s - work.enqueued_s == hours(5)


def test_a_worker_sees_attempt_0_first(driver: WorkDriver) -> None:
    id_ = only(driver, OneTimeWork("retries", until=2))
    driver.advance(30)
    driver.advance(60)
    work = driver.get(id_)
    assert (work.state, work.attempts) == (SUCCEEDED, 3)


def test_no_more_than_max_attempts(driver: WorkDriver) -> None:
    id_ = only(driver, OneTimeWork("retries", until=9).giving_up_after(2))
    driver.advance(30)
    work = driver.get(id_)
    assert (work.state, work.message) == (FAILED, "gave up after 2 attempts: not yet")


def test_a_stop_from_outside_does_not_count_against_max_attempts(hand: WorkDriver) -> None:
    id_ = only(hand, OneTimeWork("ok").giving_up_after(1))
    hand.start()
    hand.stop(id_, StopReason.CONNECTIVITY)
    assert hand.get(id_).state is ENQUEUED


# --- periodic


def test_periodic_success_goes_back_to_enqueued(driver: WorkDriver) -> None:
    work = driver.get(only(driver, PeriodicWork("ok", every=hours(1))))
    assert (work.state, work.attempts, work.periods, due_in(driver, work)) == (ENQUEUED, 0, 1, 3600)


@pytest.mark.parametrize("name", ["fails", "raises", "none", "no-such-worker"])
def test_periodic_failure_ends_the_run_and_not_the_series(driver: WorkDriver, name: str) -> None:
    id_ = only(driver, PeriodicWork(name, every=hours(1)))
    driver.advance(3600)
    work = driver.get(id_)
    assert (work.state, work.attempts, work.periods) == (ENQUEUED, 0, 2)
    assert work.message


def test_periodic_retry_backs_off_within_the_period(driver: WorkDriver) -> None:
    id_ = only(driver, PeriodicWork("retries", every=hours(1), until=1))
    work = driver.get(id_)
    assert (work.state, work.attempts, work.periods, due_in(driver, work)) == (ENQUEUED, 1, 0, 30)
    driver.advance(30)
    work = driver.get(id_)
    assert (work.attempts, work.periods, due_in(driver, work)) == (0, 1, 3570)


def test_flex_on_the_first_run(driver: WorkDriver) -> None:
    id_ = only(driver, PeriodicWork("ok", every=hours(1), flex=minutes(20)))
    assert due_in(driver, driver.get(id_)) == minutes(40)
    driver.advance(minutes(40))
    work = driver.get(id_)
    assert (work.periods, due_in(driver, work)) == (1, hours(1))


def test_later_runs_stay_on_the_grid_of_the_first(driver: WorkDriver) -> None:
    id_ = only(driver, PeriodicWork("ok", every=hours(1)).after(60))
    for late_s in (60, 0, 700, 10, 0):
        driver.advance(3600 + late_s - driver.clock.now().boot_s % 1)
    work = driver.get(id_)
    assert work.due_s % 3600 == 60
    assert 0 < due_in(driver, work) <= 3600


def test_a_missed_grid_point_runs_once(driver: WorkDriver) -> None:
    id_ = only(driver, PeriodicWork("ok", every=hours(1)).when(Charging()))
    driver.set_device(power=ON_BATTERY)
    driver.advance(hours(9.5))
    assert driver.get(id_).periods == 1
    driver.set_device()
    work = driver.get(id_)
    assert (work.periods, due_in(driver, work)) == (2, 1800)


def test_a_run_that_overran_is_followed_once(hand: WorkDriver) -> None:
    id_ = only(hand, PeriodicWork("ok", every=hours(1)))
    hand.start()
    hand.clock.advance(hours(2.5))
    hand.finish(id_, Success())
    assert len(hand.start()) == 1
    assert due_in(hand, hand.finish(id_, Success())) == 1800


def test_a_calendar_is_followed(driver: WorkDriver) -> None:
    driver.clock.set_wall(1_763_725_500.0)  # 2025-11-21T11:45:00Z
    id_ = only(driver, PeriodicWork("ok", cron="30 2 * * *"))
    assert due_in(driver, driver.get(id_)) == hours(14.75)
    driver.advance(hours(14.75))
    work = driver.get(id_)
    assert (work.periods, due_in(driver, work)) == (1, hours(24))


def test_periods_below_the_floor_are_refused(make: Callable[..., WorkDriver]) -> None:
    driver = make()
    with pytest.raises(WorkError, match=r"interval of 0\.5: must be 1 to"):
        driver.enqueue(PeriodicWork("ok", every=0.5))
    with pytest.raises(WorkError, match="interval of 60: must be 900 to"):
        driver.enqueue(PeriodicWork("ok", every=60).when(Network()))
    with pytest.raises(WorkError, match="flex of 7200: must be"):
        driver.enqueue(PeriodicWork("ok", every=3600, flex=7200))
    low = make(settings=WorkSettings(Floors(0.1, 10)))
    assert low.enqueue(PeriodicWork("ok", every=60).when(Network())).ids


@pytest.mark.parametrize("cron", ["* * * *", "61 * * * *", "0 0 31 2 *", "whenever"])
def test_a_wrong_calendar_is_refused(driver: WorkDriver, cron: str) -> None:
    with pytest.raises(WorkError, match="cron"):
        driver.enqueue(PeriodicWork("ok", cron=cron))


@pytest.mark.parametrize(
    ("request_", "why"),
    [
        (PeriodicWork("ok", every=hours(1)).at_once(), "periodic"),
        (OneTimeWork("ok").after(1).at_once(), "delay"),
        (OneTimeWork("ok").when(Charging()).at_once(), "cannot wait for Charging"),
    ],
)
def test_what_cannot_be_expedited(driver: WorkDriver, request_: Request, why: str) -> None:
    with pytest.raises(WorkError, match=why):
        driver.enqueue(request_)
    driver.enqueue(OneTimeWork("ok").when(Network("unmetered"), StorageNotLow()).at_once())


def test_expedited_work_beyond_the_quota(make: Callable[..., WorkDriver]) -> None:
    hand = make(automatic=False, settings=WorkSettings(expedited_quota=1))
    only(hand, OneTimeWork("ok").at_once())
    assert not hand.get(only(hand, OneTimeWork("ok").at_once())).request.expedited
    dropped = hand.enqueue(OneTimeWork("ok").at_once(OutOfQuota.DROP))
    assert (dropped.outcome, dropped.ids) == (Enqueued.DROPPED, ())
    hand.clock.advance(3601)
    assert hand.get(only(hand, OneTimeWork("ok").at_once(OutOfQuota.DROP))).request.expedited


# --- unique names


@pytest.mark.parametrize("state", [ENQUEUED, RUNNING])
def test_keep_keeps_unfinished_work(hand: WorkDriver, state: WorkState) -> None:
    id_ = stored("n", state, hand)
    ticket = hand.enqueue(OneTimeWork("ok", new=1), name="n")
    assert (ticket.outcome, ticket.ids) == (Enqueued.KEPT, (id_,))
    assert hand.get(id_).request.input == {}


@pytest.mark.parametrize("state", [SUCCEEDED, FAILED, CANCELLED])
def test_keep_replaces_finished_work(hand: WorkDriver, state: WorkState) -> None:
    old = stored("n", state, hand)
    id_ = only(hand, OneTimeWork("ok"), name="n")
    assert [work.id for work in hand.store.find("name", "n")] == [id_]
    assert hand.store.find("id", old) == []


@pytest.mark.parametrize("state", [ENQUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED])
def test_replace_replaces_all(hand: WorkDriver, state: WorkState) -> None:
    old = stored("n", state, hand)
    id_ = only(hand, OneTimeWork("ok"), name="n", existing=Existing.REPLACE)
    assert [work.id for work in hand.store.find("name", "n")] == [id_]
    assert hand.store.finish(old, 1, Success()) is None
    assert hand.get(id_).state is ENQUEUED


def test_append_goes_behind_all_leaves_only(hand: WorkDriver) -> None:
    first, left, right = hand.enqueue(begin(OneTimeWork("ok")).then(OneTimeWork("ok"), OneTimeWork("ok")), name="n").ids
    last = only(hand, OneTimeWork("ok"), name="n", existing=Existing.APPEND)
    assert hand.get(last).state is BLOCKED
    hand.start()
    hand.finish(first, Success())
    hand.start()
    hand.finish(left, Success())
    assert hand.get(last).state is BLOCKED
    hand.finish(right, Success())
    assert hand.get(last).state is ENQUEUED


@pytest.mark.parametrize(("leaf", "state"), [(FAILED, FAILED), (CANCELLED, CANCELLED), (SUCCEEDED, ENQUEUED)])
def test_append_to_a_finished_leaf(hand: WorkDriver, leaf: WorkState, state: WorkState) -> None:
    old = stored("n", leaf, hand)
    id_ = only(hand, OneTimeWork("ok"), name="n", existing=Existing.APPEND)
    assert hand.get(id_).state is state
    assert hand.get(old).state is leaf


@pytest.mark.parametrize("leaf", [FAILED, CANCELLED])
def test_append_or_replace_starts_afresh_after_a_broken_leaf(hand: WorkDriver, leaf: WorkState) -> None:
    old = stored("n", leaf, hand)
    id_ = only(hand, OneTimeWork("ok"), name="n", existing=Existing.APPEND_OR_REPLACE)
    assert hand.get(id_).state is ENQUEUED
    assert hand.store.find("id", old) == []


def test_append_or_replace_appends_to_a_sound_leaf(hand: WorkDriver) -> None:
    old = stored("n", ENQUEUED, hand)
    id_ = only(hand, OneTimeWork("ok"), name="n", existing=Existing.APPEND_OR_REPLACE)
    assert states(hand, (old, id_)) == [ENQUEUED, BLOCKED]


# --- update


def test_update_of_existing_work_keeps_what_it_has(hand: WorkDriver) -> None:
    id_ = only(hand, PeriodicWork("ok", every=hours(1)).tagged("old"), name="n")
    hand.start()
    hand.finish(id_, Success())
    hand.clock.advance(10)
    before = hand.get(id_)
    ticket = hand.enqueue(PeriodicWork("ok", every=hours(2)).tagged("new"), name="n", existing=Existing.UPDATE)
    after = hand.get(id_)
    assert ticket.outcome is Enqueued.APPLIED_IMMEDIATELY
    assert (after.id, after.state, after.attempts, after.enqueued_s, after.periods) == (
        before.id, before.state, before.attempts, before.enqueued_s, before.periods,
    )  # fmt: skip
    assert after.generation == before.generation + 1
    assert due_in(hand, after) == hours(2) - 10
    assert hand.store.find("tag", "old") == []
    assert hand.store.find("tag", "new") == [after]


def test_update_of_running_work_is_for_the_next_run(hand: WorkDriver) -> None:
    id_ = only(hand, OneTimeWork("ok", n=1), name="n")
    hand.start()
    hand.store.set_progress(id_, 1, {"share": 0.5})
    assert hand.store.update(id_, OneTimeWork("ok", n=2)) is Enqueued.APPLIED_FOR_NEXT_RUN
    work = hand.get(id_)
    assert (work.state, work.generation, work.progress) == (RUNNING, 1, {"share": 0.5})
    hand.stop(id_, StopReason.TIMEOUT)
    hand.clock.advance(30)
    assert hand.start()[0].request.input == {"n": 2}


def test_update_clears_progress(hand: WorkDriver) -> None:
    id_ = only(hand, OneTimeWork("ok"), name="n")
    hand.start()
    hand.store.set_progress(id_, 1, {"share": 0.5})
    hand.stop(id_, StopReason.BATTERY)
    assert hand.get(id_).progress == {"share": 0.5}
    hand.store.update(id_, OneTimeWork("ok"))
    assert hand.get(id_).progress == {}


@pytest.mark.parametrize("state", [SUCCEEDED, FAILED])
def test_update_of_finished_work_is_not_applied(hand: WorkDriver, state: WorkState) -> None:
    id_ = stored("n", state, hand)
    ticket = hand.enqueue(OneTimeWork("ok", n=2), name="n", existing=Existing.UPDATE)
    assert ticket.outcome is Enqueued.NOT_APPLIED
    assert hand.get(id_).state is state


def test_update_of_cancelled_work_adds_it_anew(hand: WorkDriver) -> None:
    old = stored("n", CANCELLED, hand)
    assert hand.store.update(old, OneTimeWork("ok")) is Enqueued.NOT_APPLIED
    ticket = hand.enqueue(OneTimeWork("ok"), name="n", existing=Existing.UPDATE)
    assert ticket.outcome is Enqueued.ADDED
    assert states(hand, ticket.ids) == [ENQUEUED]


def test_update_of_missing_work(hand: WorkDriver) -> None:
    assert hand.enqueue(OneTimeWork("ok"), name="n", existing=Existing.UPDATE).outcome is Enqueued.ADDED
    with pytest.raises(WorkError, match="there is none"):
        hand.store.update("0", OneTimeWork("ok"))


def test_update_does_not_change_the_kind(hand: WorkDriver) -> None:
    id_ = only(hand, OneTimeWork("ok"), name="n")
    with pytest.raises(WorkError, match="is one-time and cannot become periodic"):
        hand.enqueue(PeriodicWork("ok", every=hours(1)), name="n", existing=Existing.UPDATE)
    assert hand.get(id_).generation == 0


def test_update_of_a_chain_is_refused(hand: WorkDriver) -> None:
    hand.enqueue(begin(OneTimeWork("ok")).then(OneTimeWork("ok")), name="n")
    with pytest.raises(WorkError, match="a chain cannot be updated"):
        hand.enqueue(OneTimeWork("ok"), name="n", existing=Existing.UPDATE)


# --- cancel and prune


def diamond(driver: WorkDriver, name: str) -> tuple[str, ...]:
    sides = OneTimeWork("ok").tagged(f"left of {name}"), OneTimeWork("ok")
    return driver.enqueue(begin(OneTimeWork("ok")).then(*sides).then(OneTimeWork("ok")), name=name).ids


def test_cancel_over_a_diamond(hand: WorkDriver) -> None:
    by_id, by_tag, by_name = diamond(hand, "a"), diamond(hand, "b"), diamond(hand, "c")
    hand.store.cancel("id", by_id[1])
    hand.store.cancel("tag", "left of b")
    for ids in (by_id, by_tag):
        assert states(hand, ids) == [ENQUEUED, CANCELLED, BLOCKED, CANCELLED]
    hand.store.cancel("name", "c")
    assert states(hand, by_name) == [CANCELLED] * 4
    assert len(hand.store.cancel("all")) == 4
    assert {work.state for work in hand.store.find("all")} == {CANCELLED}


def test_cancel_leaves_finished_rows_untouched(hand: WorkDriver) -> None:
    for state in (SUCCEEDED, FAILED, CANCELLED):
        id_ = stored(state.value, state, hand)
        before = hand.get(id_)
        hand.clock.advance(5)
        assert hand.store.cancel("id", id_) == []
        assert hand.get(id_) == before


def test_prune_takes_finished_rows_without_unfinished_dependents(hand: WorkDriver) -> None:
    first, second = hand.enqueue(begin(OneTimeWork("ok")).then(OneTimeWork("ok"))).ids
    stored("old", SUCCEEDED, hand)
    if hand.get(first).state is RUNNING:
        hand.finish(first, Success())
    hand.clock.advance(100)
    young = stored("young", CANCELLED, hand)
    waiting = only(hand, OneTimeWork("ok").when(Charging()).after(9))
    assert hand.store.prune(50) == 1
    assert [work.id for work in hand.store.find("all")] == [first, second, young, waiting]
    hand.store.cancel("id", second)
    assert hand.store.prune(0) == 3
    assert [work.id for work in hand.store.find("all")] == [waiting]


# --- stopping


def test_stop_reason_of_a_lost_constraint(hand: WorkDriver) -> None:
    id_ = only(hand, OneTimeWork("ok").when(Charging()))
    hand.start()
    hand.set_device(power=ON_BATTERY)
    assert hand.verdict(id_).stop is StopReason.CHARGING
    hand.clock.advance(100)
    hand.stop(id_, hand.verdict(id_).stop)
    work = hand.get(id_)
    assert (work.state, work.stop_reason, due_in(hand, work)) == (ENQUEUED, StopReason.CHARGING, 30)


def test_stop_reason_of_cancel_while_running(hand: WorkDriver) -> None:
    id_ = stored("n", RUNNING, hand)
    hand.store.cancel("id", id_)
    assert hand.get(id_).stop_reason is StopReason.CANCELLED


def test_no_stop_reason_of_cancel_before_the_run(hand: WorkDriver) -> None:
    assert hand.get(stored("n", CANCELLED, hand)).stop_reason is StopReason.NOT_STOPPED


def test_a_stop_after_the_result_is_ignored(hand: WorkDriver) -> None:
    id_ = stored("n", SUCCEEDED, hand)
    assert hand.store.finish(id_, 1, Stopped(StopReason.TIMEOUT)) is None
    assert hand.get(id_).state is SUCCEEDED


@pytest.mark.parametrize("state", [CANCELLED, SUCCEEDED, FAILED])
def test_finished_work_is_never_resurrected(hand: WorkDriver, state: WorkState) -> None:
    id_ = stored("n", state, hand)
    for outcome in (Success(), Fail(), Retry(), Stopped(StopReason.CRASH)):
        assert hand.store.finish(id_, 1, outcome) is None
    assert hand.get(id_).state is state


def test_the_result_of_an_earlier_run_does_not_count(hand: WorkDriver) -> None:
    id_ = only(hand, OneTimeWork("ok"))
    hand.start()
    hand.stop(id_, StopReason.TIMEOUT)
    hand.clock.advance(30)
    hand.start()
    assert hand.store.finish(id_, 1, Success()) is None
    assert hand.get(id_).state is RUNNING


def test_progress_is_kept_after_a_stop_and_cleared_at_restart_and_finish(hand: WorkDriver) -> None:
    id_ = only(hand, OneTimeWork("ok"))
    hand.start()
    assert hand.store.set_progress(id_, 1, {"share": 0.5})
    hand.stop(id_, StopReason.BATTERY)
    assert hand.get(id_).progress == {"share": 0.5}
    hand.clock.advance(30)
    assert hand.start()[0].progress == {}
    assert not hand.store.set_progress(id_, 1, {"share": 0.6})
    assert hand.store.set_progress(id_, 2, {"share": 0.7})
    assert hand.finish(id_, Success()).progress == {}


# --- restart


def test_running_work_is_found_again_after_a_kill(hand: WorkDriver) -> None:
    id_ = only(hand, OneTimeWork("ok"))
    hand.start()
    hand.store.set_progress(id_, 1, {"share": 0.5})
    hand.kill()
    work = hand.get(id_)
    assert (work.state, work.progress, work.attempts, due_in(hand, work)) == (ENQUEUED, {}, 1, 30)


def test_unfinished_work_of_every_state_survives_a_kill(hand: WorkDriver) -> None:
    ids = (*diamond(hand, "d"), only(hand, PeriodicWork("ok", every=hours(1))), only(hand, OneTimeWork("ok").after(60)))
    before = states(hand, ids)
    hand.kill()
    assert states(hand, ids) == before
    hand.clock.advance(60)
    assert len(hand.start()) == 3


# --- content triggers


def test_a_changed_path_starts_the_work_after_the_delay(hand: WorkDriver, tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    id_ = only(hand, OneTimeWork("ok").once_changed(str(inbox), update_delay_s=5, max_delay_s=12))
    hand.clock.advance(1000)
    assert hand.store.look_at_paths() == 1
    assert hand.start() == []
    (inbox / "a").write_text("a")
    hand.store.look_at_paths()
    assert due_in(hand, hand.get(id_)) == 5
    for number, left in enumerate([5, 5, 0]):  # each change begins the wait anew, up to the longest
        hand.clock.advance(4)
        (inbox / f"b{number}").write_text("b")
        hand.store.look_at_paths()
        assert due_in(hand, hand.get(id_)) == min(left, 12 - 4 * (number + 1))
    assert [work.id for work in hand.start()] == [id_]


def test_a_change_while_it_runs_starts_a_series_again(hand: WorkDriver, tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    id_ = only(hand, WorkOnChange("ok", str(path)))
    path.write_text("1")
    hand.kill()  # nobody looked before: the look is in the file
    hand.store.look_at_paths()
    hand.clock.advance(1)
    assert len(hand.start()) == 1
    path.write_text("22")
    hand.store.look_at_paths()
    hand.finish(id_, Success())
    assert hand.start() == []
    hand.store.look_at_paths()
    hand.clock.advance(1)
    assert len(hand.start()) == 1
    hand.finish(id_, Success())
    hand.store.look_at_paths()
    hand.clock.advance(1000)
    assert hand.start() == []


# --- data


@pytest.mark.parametrize("bad", [{"x": {"a": 1}}, {"x": b"1"}, {"x": "y" * 10_241}, {"x": [[1]]}])
def test_data_are_small_and_plain(bad: dict[str, object]) -> None:
    with pytest.raises(WorkError, match="input of ok"):
        OneTimeWork("ok", **bad)


# --- the driver


def test_the_driver_meets_constraints_delays_and_periods(driver: WorkDriver) -> None:
    driver.set_device(power=ON_BATTERY)
    id_ = only(driver, PeriodicWork("ok", every=hours(1)).when(Charging()).after(60))
    driver.set_delay_met(id_)
    assert driver.get(id_).periods == 0
    driver.set_constraints_met(id_)
    assert driver.get(id_).periods == 1
    driver.set_period_met(id_)
    assert driver.get(id_).periods == 2
