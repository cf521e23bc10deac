"""Periodic work, calendars and expedited work: one test a rule, on the real database with a simulated clock."""

from collections.abc import Callable

import pytest

from edge.errors import WorkError
from edge.testing.work import WorkDriver
from edge.work.checks import Floors
from edge.work.constraints import Charging, Network, StorageNotLow
from edge.work.enqueueing import Enqueued
from edge.work.request import (
    OneTimeWork,
    OutOfQuota,
    PeriodicWork,
    Request,
    hours,
    minutes,
)
from edge.work.states import Success
from edge.work.store import WorkSettings
from tests.work_rules import (
    ENQUEUED,
    ON_BATTERY,
    due_in,
    only,
)


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
