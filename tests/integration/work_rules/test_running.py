"""Running, chains and back-off: one test a rule, on the real database with a simulated clock."""

import pytest

from edge.testing.work import WorkDriver
from edge.work.chain import begin, combine
from edge.work.request import (
    BackoffPolicy,
    Existing,
    OneTimeWork,
    hours,
    minutes,
)
from edge.work.states import Fail, Retry, StopReason, Success
from tests.work_rules import BLOCKED, CANCELLED, ENQUEUED, FAILED, RUNNING, SUCCEEDED, due_in, only, states, stored


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
