"""When events may be, by schedule and by hand. 2026-11-16 is a Monday."""

from datetime import datetime

import pytest

from edge import config
from edge.clock import Instant
from edge.events.arming import Arming, Period, decide, last_change
from edge.store.port import Switch

ALL_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def period(
    start: str, end: str, days: tuple[str, ...] = ALL_DAYS, *, armed: bool = True, cameras: tuple[str, ...] = ()
) -> Period:
    return Period.of(config.Schedule(start=start, end=end, days=days, armed=armed, cameras=cameras))  # type: ignore[arg-type]


def wall_s(day: int, time: str) -> float:
    return datetime.fromisoformat(f"2026-11-{day:02}T{time}").timestamp()


NIGHT = [period("22:00", "06:00")]
OFFICE = [period("08:00", "17:00", ("mon", "tue", "wed", "thu", "fri"), armed=False)]
WEEKEND_NIGHT = [period("22:00", "06:00", ("fri", "sat"))]


@pytest.mark.parametrize(
    ("periods", "day", "time", "armed"),
    [
        ([], 16, "12:00", True),
        (NIGHT, 16, "21:59", False),
        (NIGHT, 16, "22:00", True),
        (NIGHT, 17, "05:59", True),
        (NIGHT, 17, "06:00", False),
        (OFFICE, 16, "07:59", True),
        (OFFICE, 16, "08:00", False),
        (OFFICE, 16, "17:00", True),
        (OFFICE, 21, "12:00", True),
        (WEEKEND_NIGHT, 20, "23:00", True),
        (WEEKEND_NIGHT, 22, "05:00", True),
        (WEEKEND_NIGHT, 22, "23:00", False),
        (WEEKEND_NIGHT, 20, "05:00", False),
        ([*NIGHT, period("02:00", "03:00", armed=False)], 17, "02:30", False),
        ([*NIGHT, period("02:00", "03:00", armed=False)], 17, "03:30", True),
        ([period("00:00", "00:00", cameras=("yard",))], 17, "03:30", True),
    ],
)
def test_the_schedule(periods: list[Period], day: int, time: str, armed: bool) -> None:
    assert decide(periods, {}, "door", wall_s(day, time), synchronised=True) == armed


def test_a_schedule_concerns_its_cameras_only() -> None:
    periods = [period("22:00", "06:00", cameras=("yard",))]
    assert not decide(periods, {}, "yard", wall_s(16, "12:00"), synchronised=True)
    assert decide(periods, {}, "door", wall_s(16, "12:00"), synchronised=True)


def test_a_wrong_clock_does_not_disarm() -> None:
    assert decide(NIGHT, {}, "door", wall_s(16, "12:00"), synchronised=False)
    by_hand = {"armed": Switch(False, wall_s(16, "11:00"))}
    assert not decide(NIGHT, by_hand, "door", wall_s(16, "12:00"), synchronised=False)


def test_what_was_set_by_hand_holds_until_the_next_change() -> None:
    by_hand = {"armed": Switch(True, wall_s(16, "12:00"))}
    assert decide(NIGHT, by_hand, "door", wall_s(16, "13:00"), synchronised=True)
    assert decide(NIGHT, by_hand, "door", wall_s(17, "05:00"), synchronised=True)
    assert not decide(NIGHT, by_hand, "door", wall_s(17, "06:00"), synchronised=True)
    without_schedule = {"armed": Switch(False, wall_s(1, "12:00"))}
    assert not decide([], without_schedule, "door", wall_s(17, "06:00"), synchronised=True)


def test_a_camera_that_is_switched_off_is_never_armed() -> None:
    by_hand = {"camera/door": Switch(False, wall_s(1, "12:00")), "armed": Switch(True, wall_s(16, "12:00"))}
    assert not decide(NIGHT, by_hand, "door", wall_s(16, "23:00"), synchronised=True)
    assert decide(NIGHT, by_hand, "yard", wall_s(16, "23:00"), synchronised=True)


def test_the_last_change_may_be_days_ago() -> None:
    at = datetime.fromisoformat("2026-11-20T12:00")
    assert last_change(WEEKEND_NIGHT, "door", at) == datetime.fromisoformat("2026-11-15T06:00")
    assert last_change([period("00:00", "00:00")], "door", at) is None


class Kept:
    """`edge.events.arming.Switches` in memory."""

    def __init__(self) -> None:
        self.switches: dict[str, Switch] = {}

    def load(self) -> dict[str, Switch]:
        return dict(self.switches)

    def save(self, name: str, switch: Switch) -> None:
        self.switches[name] = switch


def test_setting_is_told_and_kept() -> None:
    kept, told = Kept(), []
    arming = Arming(NIGHT, kept, lambda: True, "boot")
    noon = Instant(wall_s(16, "12:00"), 10.0)
    assert not arming.armed("door", noon)
    arming.listen(lambda: told.append(arming.armed("door", noon)))
    arming.set(True, noon)
    assert told == [True]
    assert Arming(NIGHT, kept, lambda: True, "boot").armed("door", noon), "it survives a restart"
    arming.set(False, noon, "door")
    assert (arming.armed("door", noon), arming.armed("yard", noon)) == (False, True)


def after_the_clock_was_set(boot_s: float) -> Instant:
    """It was 12:00 at 100 seconds after the boot, when the clock still said 03:00."""
    return Instant(wall_s(16, "12:00") + boot_s - 100, boot_s)


@pytest.mark.parametrize("corrected", [False, True])
@pytest.mark.parametrize("restarted", [False, True])
def test_what_was_set_by_hand_before_the_clock_was_holds_when_it_is(restarted: bool, corrected: bool) -> None:
    kept, right = Kept(), [False]
    arming = Arming(NIGHT, kept, lambda: right[0], "boot")
    arming.set(True, Instant(wall_s(16, "03:00"), 100.0))
    right[0] = True
    if restarted:
        arming = Arming(NIGHT, kept, lambda: True, "boot")
    if corrected:
        arming.correct(after_the_clock_was_set(160))
        assert kept.switches == {"armed": Switch(True, wall_s(16, "12:00"))}
        arming = Arming(NIGHT, kept, lambda: True, "next boot")
    assert arming.armed("door", after_the_clock_was_set(200))
    assert not arming.armed("door", after_the_clock_was_set(100 + 19 * 3600)), "the schedule has changed since"


def test_while_the_clock_is_wrong_nothing_is_corrected_and_of_another_boot_never() -> None:
    kept = Kept()
    arming = Arming(NIGHT, kept, lambda: False, "boot")
    arming.set(True, Instant(wall_s(16, "03:00"), 100.0))
    arming.correct(after_the_clock_was_set(160))
    undated = {"armed": Switch(True, wall_s(16, "03:00"), "boot", 100.0)}
    assert kept.switches == undated
    Arming(NIGHT, kept, lambda: True, "next boot").correct(after_the_clock_was_set(160))
    assert kept.switches == undated


def test_what_is_set_with_a_right_clock_is_not_dated_again() -> None:
    kept = Kept()
    arming = Arming(NIGHT, kept, lambda: True, "boot")
    arming.set(True, Instant(wall_s(16, "12:00"), 100.0))
    arming.correct(Instant(wall_s(16, "15:00"), 160.0))
    assert kept.switches == {"armed": Switch(True, wall_s(16, "12:00"))}
