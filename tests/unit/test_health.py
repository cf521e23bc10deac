import threading

import pytest

from edge.health import CAUSE_S, Condition, Health, Part, State
from edge.testing.clock import SimulatedClock


def test_changes_are_told_once_and_trouble_is_news() -> None:
    clock, told = SimulatedClock(), list[Condition]()
    health = Health(clock)
    health.listen(told.append)
    health.report("camera", "door", "running")
    health.report("camera", "door", "running")
    health.report("camera", "door", "failed", "cable")
    clock.advance(5)
    health.report("camera", "door", "failed", "another word for it")
    health.report("camera", "door", "running")
    health.report("camera", "door", "ended")
    assert [(c.state, c.cause, c.is_news) for c in told] == [
        ("running", "", False),
        ("failed", "cable", True),
        ("running", "", True),
        ("ended", "", False),
    ]
    assert told[1].since.boot_s == 100
    assert told[2].since.boot_s == 105
    assert [c.state for c in health.conditions()] == ["ended"]


def test_a_new_cause_is_told_but_is_no_news_and_comes_at_a_bounded_rate() -> None:
    clock, told = SimulatedClock(), list[Condition]()
    health = Health(clock)
    health.listen(told.append)
    health.report("power", "supply", "degraded", "on battery, 41 %")
    clock.advance(CAUSE_S - 1)
    health.report("power", "supply", "degraded", "on battery, 40 %")
    clock.advance(1)
    health.report("power", "supply", "degraded", "on battery, 39 %")
    assert [(c.cause, c.since.boot_s, c.is_news) for c in told] == [
        ("on battery, 41 %", 100, True),
        ("on battery, 39 %", 100, False),
    ]


def test_who_asks_does_not_wait_for_who_is_told() -> None:
    health, seen = Health(SimulatedClock()), list[Condition]()

    def ask_elsewhere(_condition: Condition) -> None:
        asking = threading.Thread(target=lambda: seen.extend(health.conditions()), daemon=True)
        asking.start()
        asking.join(5)

    health.listen(ask_elsewhere)
    health.report("camera", "door", "failed", "cable")
    assert [each.state for each in seen] == ["failed"]


@pytest.mark.parametrize(
    ("part", "state", "trouble"),
    [
        ("camera", "absent", True),
        ("broker", "absent", True),
        ("accelerator", "absent", False),
        ("gpio", "absent", False),
        ("network", "absent", False),
        ("network", "degraded", True),
        ("camera", "running", False),
    ],
)
def test_what_may_never_have_been_wanted_is_no_trouble(part: Part, state: State, trouble: bool) -> None:
    told: list[Condition] = []
    health = Health(SimulatedClock())
    health.listen(told.append)
    health.report(part, "x", state)
    assert [condition.is_trouble for condition in told] == [trouble]
