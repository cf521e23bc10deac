from edge.health import Condition, Health
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
