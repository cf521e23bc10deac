"""Unique names and updates: one test a rule, on the real database with a simulated clock."""

import pytest

from edge.errors import WorkError
from edge.testing.work import WorkDriver
from edge.work.chain import begin
from edge.work.enqueueing import Enqueued
from edge.work.request import (
    Existing,
    OneTimeWork,
    PeriodicWork,
    hours,
)
from edge.work.states import StopReason, Success, WorkState
from tests.work_rules import BLOCKED, CANCELLED, ENQUEUED, FAILED, RUNNING, SUCCEEDED, due_in, only, states, stored


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
