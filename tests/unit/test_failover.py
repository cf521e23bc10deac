"""Fail-over as a policy over any two detectors: back-off, hand-over, what is reported."""

import threading
import time
from collections.abc import Callable, Iterator
from itertools import pairwise

import numpy as np
import pytest

from edge.camera.port import Frame
from edge.clock import Instant
from edge.errors import DetectorError
from edge.geometry import WHOLE
from edge.health import Condition, Health
from edge.recognition.accelerators import AbsentError
from edge.recognition.failover import FailoverDetector
from edge.recognition.port import Detection, Detector, Prepared, detect
from edge.testing.clock import SimulatedClock
from tests.support import until


class Sayer:
    """Finds its own name in every frame, as often as it may."""

    labels = ("standby", "fast")

    def __init__(self, name: str, times: int = 1_000_000) -> None:
        self.name = name
        self.left = times
        self.closed = False

    def prepare(self, frame: Frame) -> Prepared:
        return Prepared(frame, self.name)

    def infer(self, prepared: Prepared) -> list[Detection]:
        assert prepared.work == self.name, "a frame that another detector prepared"
        self.left -= 1
        if self.left < 0:
            raise DetectorError("worn out")
        return [Detection(self.name, 1.0, WHOLE)]

    def threshold_of(self, label: str) -> float:
        return 0.5

    def close(self) -> None:
        self.closed = True


class Rig:
    def __init__(self, make: Callable[[], Detector]) -> None:
        self.conditions: list[Condition] = []
        self.died: list[BaseException] = []
        self.made_s: list[float] = []
        health = Health(SimulatedClock())
        health.listen(self.conditions.append)
        self._make = make
        self.detector = FailoverDetector(
            Sayer("standby"),
            self._noted,
            name="edgetpu",
            health=health,
            failed=self.died.append,
            first_retry_s=0.05,
            last_retry_s=0.4,
        )

    def _noted(self) -> Detector:
        self.made_s.append(time.monotonic())
        return self._make()

    def look(self) -> str:
        (found,) = detect(self.detector, FRAME)
        return found.label

    def states(self) -> list[tuple[str, str]]:
        return [(condition.state, condition.cause) for condition in self.conditions]


FRAME = Frame("test", 0, np.zeros((4, 4, 3), np.uint8), Instant(0, 0))


@pytest.fixture
def start() -> Iterator[Callable[[Callable[[], Detector]], Rig]]:
    rigs: list[Rig] = []

    def make_rig(make: Callable[[], Detector]) -> Rig:
        rigs.append(Rig(make))
        return rigs[-1]

    yield make_rig
    for rig in rigs:
        rig.detector.close()
        assert not any(thread.name == "accelerator-edgetpu" for thread in threading.enumerate())


Start = Callable[[Callable[[], Detector]], Rig]


def broken() -> Detector:
    raise DetectorError("no cable")


def test_nothing_is_tried_before_the_first_frame(start: Start) -> None:
    rig = start(lambda: Sayer("fast"))
    time.sleep(0.1)
    assert rig.made_s == []
    until(lambda: rig.look() == "fast", 2, "the hand-over")
    assert rig.states() == [("running", "")]
    assert rig.detector.name == "fast"


def test_a_failing_one_is_tried_ever_more_seldom(start: Start) -> None:
    rig = start(broken)
    rig.look()
    until(lambda: len(rig.made_s) == 6, 5, "six tries")
    waits_s = [after - before for before, after in pairwise(rig.made_s)]
    for waited_s, least_s in zip(waits_s, [0.05, 0.1, 0.2, 0.4, 0.4], strict=True):
        assert least_s <= waited_s < least_s + 1
    assert rig.states() == [("degraded", "no cable")]


def test_one_that_dies_soon_after_each_trial_is_tried_ever_more_seldom_too(start: Start) -> None:
    made: list[Sayer] = []

    def short_lived() -> Detector:
        made.append(Sayer("fast", times=2))
        return made[-1]

    rig = start(short_lived)
    until(lambda: rig.look() and len(rig.made_s) == 5, 5, "five tries")
    waits_s = [after - before for before, after in pairwise(rig.made_s)]
    assert waits_s[3] > 0.4
    assert all(detector.closed for detector in made[:4])
    assert rig.states()[:4] == [("running", ""), ("degraded", "worn out")] * 2


def test_one_that_served_long_is_tried_again_soon(start: Start) -> None:
    good = Sayer("fast")

    def after_four_tries() -> Detector:
        return broken() if len(rig.made_s) <= 4 else good if not good.closed else Sayer("fast")

    rig = start(after_four_tries)
    until(lambda: rig.look() == "fast", 5, "the hand-over")
    time.sleep(0.5)
    good.left = 0
    assert rig.look() == "standby"
    begin_s = time.monotonic()
    until(lambda: rig.look() == "fast", 2, "its coming back")
    assert time.monotonic() - begin_s < 0.3, "not the 0.4 s that it had come to"


def test_a_frame_that_the_lost_one_prepared_is_looked_at_too(start: Start) -> None:
    made = Sayer("fast")
    rig = start(lambda: made if not made.closed else broken())
    until(lambda: rig.look() == "fast", 2, "the hand-over")
    first, second = rig.detector.prepare(FRAME), rig.detector.prepare(FRAME)
    made.left = 0
    assert [found.label for found in rig.detector.infer(first)] == ["standby"]
    assert [found.label for found in rig.detector.infer(second)] == ["standby"]
    until(lambda: ("degraded", "worn out") in rig.states(), 2, "the report")
    assert made.closed


def test_a_trial_that_fails_is_no_hand_over(start: Start) -> None:
    made = Sayer("fast", times=0)
    rig = start(lambda: made)
    rig.look()
    until(lambda: rig.states(), 2, "the report")
    assert rig.states() == [("degraded", "worn out")]
    assert made.closed
    assert rig.look() == "standby"


def test_absence_is_no_trouble(start: Start) -> None:
    def absent() -> Detector:
        raise AbsentError("nothing there")

    rig = start(absent)
    rig.look()
    until(lambda: len(rig.made_s) == 3, 3, "three looks")
    assert rig.states() == []


def test_an_unforeseen_error_is_not_swallowed(start: Start) -> None:
    def wrong() -> Detector:
        raise ZeroDivisionError

    rig = start(wrong)
    rig.look()
    until(lambda: rig.died, 2, "the report")
    assert isinstance(rig.died[0], ZeroDivisionError)
