"""Wrong clocks, jumps and reboots: nothing stalls, nothing runs N times. On the real database."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.testing.clock import SimulatedClock
from edge.testing.work import WorkDriver
from edge.work import client
from edge.work.client import WorkClient
from edge.work.request import OneTimeWork, PeriodicWork, days, hours
from edge.work.states import WorkState
from tests.workers import registry

NOON_S = 1_763_726_400.0  # 2025-11-21T12:00:00Z
YEAR_S = days(365)


@pytest.fixture
def clock() -> SimulatedClock:
    return SimulatedClock(NOON_S, 50.0, "first boot")


@pytest.fixture
def driver(tmp_path: Path, clock: SimulatedClock) -> Iterator[WorkDriver]:
    driver = WorkDriver(tmp_path, registry(), clock=clock)
    yield driver
    driver.close()


def reboot(driver: WorkDriver, *, off_s: float, wall_s: float | None = None, synchronised: bool = True) -> None:
    """The power fails and comes back `off_s` later; the wall clock then says `wall_s`, or the right time."""
    clock = driver.clock
    right_s = clock.now().wall_s + off_s
    driver.set_device(clock={"synchronised": synchronised})
    driver.clock.__init__(right_s if wall_s is None else wall_s, 20.0, f"{clock.boot_id}'")  # type: ignore[misc]
    driver.kill()
    driver.run_due()


def synchronise(driver: WorkDriver, wall_s: float) -> None:
    driver.clock.set_wall(wall_s)
    driver.set_device()


def periods(driver: WorkDriver, *ids: str) -> list[int]:
    return [driver.get(id_).periods for id_ in ids]


def some(driver: WorkDriver) -> tuple[str, str, str]:
    """One that waits an hour, one that runs every hour, one that runs daily at 13:00."""
    delayed = driver.enqueue(OneTimeWork("ok").after(hours(1))).ids
    hourly = driver.enqueue(PeriodicWork("ok", every=hours(1))).ids
    daily = driver.enqueue(PeriodicWork("ok", cron="0 13 * * *")).ids
    return delayed + hourly + daily  # type: ignore[return-value]


@pytest.mark.parametrize("jump_s", [-YEAR_S, YEAR_S, -hours(5), hours(5) + 17])
def test_the_wall_clock_jumps_while_it_runs(driver: WorkDriver, clock: SimulatedClock, jump_s: float) -> None:
    delayed, hourly, daily = some(driver)
    driver.advance(1800)
    clock.set_wall(clock.now().wall_s + jump_s)
    driver.advance(0)
    assert driver.get(delayed).state is WorkState.ENQUEUED
    assert periods(driver, hourly, daily) == [1, 0]
    driver.advance(1800)
    assert driver.get(delayed).state is WorkState.SUCCEEDED
    assert periods(driver, hourly) == [2]
    for _ in range(47):
        driver.advance(1800)
    assert periods(driver, hourly, daily) == [25, 1], "one day: each hour once, and 13:00 of the new clock once"


@pytest.mark.parametrize("jump_s", [-YEAR_S, YEAR_S])
def test_the_wall_clock_jumps_over_a_reboot(driver: WorkDriver, clock: SimulatedClock, jump_s: float) -> None:
    """It says that it is right, and is not: nothing stalls, and what the gap is said to hold runs once."""
    delayed, hourly, daily = some(driver)
    reboot(driver, off_s=60, wall_s=clock.now().wall_s + jump_s)
    assert all(count <= 2 for count in periods(driver, hourly, daily))
    for _ in range(24):
        driver.advance(hours(1))
    assert driver.get(delayed).state is WorkState.SUCCEEDED
    assert 24 <= periods(driver, hourly)[0] <= 26
    assert 1 <= periods(driver, daily)[0] <= 2


def test_the_gap_of_a_reboot_counts_when_the_clock_is_right(driver: WorkDriver) -> None:
    delayed, hourly, daily = some(driver)
    reboot(driver, off_s=hours(30))
    assert driver.get(delayed).state is WorkState.SUCCEEDED
    assert periods(driver, hourly, daily) == [2, 1], "thirty missed hours and one missed 13:00: once each"


def test_a_clock_that_is_not_synchronised_after_a_boot_is_not_trusted(driver: WorkDriver) -> None:
    delayed, hourly, daily = some(driver)
    reboot(driver, off_s=60, wall_s=NOON_S + YEAR_S, synchronised=False)
    assert driver.get(delayed).state is WorkState.ENQUEUED
    assert periods(driver, hourly, daily) == [1, 0]
    driver.advance(hours(1))
    assert driver.get(delayed).state is WorkState.SUCCEEDED, "it does not stall either: the time since the boot counts"
    assert periods(driver, hourly) == [2]


def test_a_late_synchronisation_makes_up_for_the_gap_once(driver: WorkDriver) -> None:
    delayed, hourly, daily = some(driver)
    reboot(driver, off_s=hours(30), wall_s=1000.0, synchronised=False)
    driver.advance(300)
    assert periods(driver, hourly, daily) == [1, 0]
    synchronise(driver, NOON_S + hours(30) + 300)
    assert driver.get(delayed).state is WorkState.SUCCEEDED
    assert periods(driver, hourly, daily) == [2, 1]
    driver.advance(0)
    assert periods(driver, hourly, daily) == [2, 1]


def test_what_is_asked_for_before_the_clock_is_right_does_not_lose_the_gap(
    driver: WorkDriver, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody presses a button: another connection, which hears of the clock from the kernel alone."""
    monkeypatch.setattr(client, "is_synchronised", lambda: False)
    _, hourly, _ = some(driver)
    before_s = driver.clock.now().wall_s
    reboot(driver, off_s=days(3), wall_s=before_s + 5, synchronised=False)
    with WorkClient(driver.folder, clock=driver.clock) as button:
        button.enqueue(OneTimeWork("ok"))
    assert periods(driver, hourly) == [1]
    synchronise(driver, before_s + days(3))
    driver.run_due()
    assert periods(driver, hourly) == [2]


def test_a_first_boot_in_1970_that_is_synchronised_late(tmp_path: Path) -> None:
    driver = WorkDriver(tmp_path, registry(), clock=SimulatedClock(60.0, 60.0, "first boot"))
    driver.set_device(clock={"synchronised": False})
    _, hourly, daily = some(driver)
    driver.advance(600)
    synchronise(driver, NOON_S)
    assert periods(driver, hourly, daily) == [1, 0], "fifty-five years did not pass"
    driver.advance(hours(1))
    assert periods(driver, hourly, daily) == [2, 1]
    driver.close()


def test_a_device_that_is_never_synchronised_and_often_rebooted_goes_on(driver: WorkDriver) -> None:
    daily = driver.enqueue(PeriodicWork("ok", every=days(1))).ids[0]
    for _ in range(12):
        driver.advance(hours(5))
        driver.store.stamp()
        reboot(driver, off_s=0, wall_s=5000.0, synchronised=False)
    assert periods(driver, daily) == [3], "sixty hours of running"


def test_a_clock_that_is_stepped_back_a_little_runs_nothing_twice(driver: WorkDriver, clock: SimulatedClock) -> None:
    daily = driver.enqueue(PeriodicWork("ok", cron="30 12 * * *")).ids[0]
    driver.advance(1800)
    assert periods(driver, daily) == [1]
    clock.set_wall(clock.now().wall_s - 4)
    driver.advance(10)
    assert periods(driver, daily) == [1]
    driver.advance(days(1))
    assert periods(driver, daily) == [2]


def test_summer_time(tmp_path: Path) -> None:
    from zoneinfo import ZoneInfo

    from edge.work.times import next_cron_s

    zone = ZoneInfo("Europe/Berlin")
    day_before_s = 1_774_688_400.0  # 2026-03-28T10:00+01:00: at 2:00 of the next day clocks go to 3:00
    assert next_cron_s("30 2 * * *", day_before_s, zone) == 1_774_746_000.0  # 03:00+02:00
    assert next_cron_s("0 12 * * *", day_before_s + hours(2), zone) - day_before_s == hours(25)
