"""Cancelling, stopping, restarts, triggers and data: one test a rule, on the real database with a simulated clock."""

from pathlib import Path

import pytest

from edge.errors import WorkError
from edge.testing.work import WorkDriver
from edge.work.chain import begin
from edge.work.checks import MAX_TAGS
from edge.work.constraints import Charging
from edge.work.request import (
    OneTimeWork,
    PeriodicWork,
    WorkOnChange,
    hours,
)
from edge.work.states import Fail, Retry, Stopped, StopReason, Success, WorkState
from edge.work.worker import Run
from tests.work_rules import (
    BLOCKED,
    CANCELLED,
    ENQUEUED,
    FAILED,
    ON_BATTERY,
    RUNNING,
    SUCCEEDED,
    due_in,
    only,
    states,
    stored,
)


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


@pytest.mark.parametrize("bad", [{"x": {"a": 1}}, {"x": b"1"}, {"x": "y" * 10_241}, {"x": [[1]]}])
def test_data_are_small_and_plain(bad: dict[str, object]) -> None:
    with pytest.raises(WorkError, match="input of ok"):
        OneTimeWork("ok", **bad)


def test_each_callback_hears_of_the_stop_once_even_if_it_comes_late(tmp_path: Path) -> None:
    run = Run(id="1", worker="ok", input={}, data_dir=tmp_path, models_dir=tmp_path, report=lambda _: None)
    early: list[StopReason] = []
    late: list[StopReason] = []
    run.on_stop(early.append)
    assert early == []
    run.ask_to_stop(StopReason.METERED)
    run.on_stop(late.append)
    run.ask_to_stop(StopReason.TIMEOUT)
    assert (early, late) == ([StopReason.METERED], [StopReason.METERED])


def test_a_work_has_few_tags(driver: WorkDriver) -> None:
    tags = [f"tag {number}" for number in range(MAX_TAGS + 1)]
    driver.enqueue(OneTimeWork("ok").tagged(*tags[:MAX_TAGS]))
    with pytest.raises(WorkError, match=f"{MAX_TAGS + 1} tags, more than {MAX_TAGS}"):
        driver.enqueue(OneTimeWork("ok").tagged(*tags))


def test_the_driver_meets_constraints_delays_and_periods(driver: WorkDriver) -> None:
    driver.set_device(power=ON_BATTERY)
    id_ = only(driver, PeriodicWork("ok", every=hours(1)).when(Charging()).after(60))
    driver.set_delay_met(id_)
    assert driver.get(id_).periods == 0
    driver.set_constraints_met(id_)
    assert driver.get(id_).periods == 1
    driver.set_period_met(id_)
    assert driver.get(id_).periods == 2
