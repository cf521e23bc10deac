"""Results arrive whole and in order, alone or several at a time."""

import threading
import time

import numpy as np
import pytest

from edge.camera.port import Frame
from edge.clock import Instant
from edge.errors import DetectorError
from edge.events.lifecycle import LifeCycle
from edge.events.port import Outcome
from edge.events.tracks import TrackSettings
from edge.exchange import CameraStopped
from edge.follower import AHEAD, Follower, Stats
from edge.geometry import Box
from edge.health import Health
from edge.pipeline import Pipeline
from edge.recognition.port import Computed, Detection, Prepared
from edge.testing.camera import MemoryCamera
from edge.testing.clock import SimulatedClock
from tests.support import until


class Reader:
    """Stands where a detector would: the results of these tests are read already."""

    def infer(self) -> None:
        """Not asked for here."""

    def threshold_of(self, label: str) -> float:
        return 0.5


def computed(number: int) -> Computed:
    frame = Frame("cam", number, np.zeros((2, 2, 3), np.uint8), Instant(number * 0.1, number * 0.1))
    return Computed(frame, [Detection("Car", 0.9, Box(0.2, 0.2, 0.4, 0.4))])


@pytest.fixture
def outcomes() -> list[Outcome]:
    return []


@pytest.fixture
def follower(outcomes: list[Outcome]) -> Follower:
    life = LifeCycle("cam", "boot", TrackSettings(), lambda label: 0.5, lambda: "id")
    return Follower(Reader(), {"cam": life}, outcomes.append, Stats(), None)  # type: ignore[arg-type]


def running(follower: Follower) -> threading.Thread:
    thread = threading.Thread(target=follower.run)
    thread.start()
    return thread


def test_a_lone_result_is_followed_at_once(follower: Follower, outcomes: list[Outcome]) -> None:
    thread = running(follower)
    follower.result(computed(0), 1, time.monotonic(), more=False)
    until(lambda: len(outcomes) == 1, 2, "the outcome")
    follower.put(None)
    thread.join()


def test_fast_results_lose_nothing_and_the_end_of_the_camera_comes_last(
    follower: Follower, outcomes: list[Outcome]
) -> None:
    thread = running(follower)
    for number in range(50):
        follower.result(computed(number), 1, time.monotonic(), more=True)
    follower.flush()
    follower.put(CameraStopped("cam"))
    follower.put(None)
    thread.join()
    kinds = [change.kind for outcome in outcomes for change in outcome.changes]
    assert kinds == ["started", "ended"]
    ended = next(change.event for outcome in outcomes for change in outcome.changes if change.kind == "ended")
    assert ended.seen.boot_s == pytest.approx(4.9), "the last frame was followed before the camera's end"


def test_a_slow_taker_holds_inference_back(follower: Follower, outcomes: list[Outcome]) -> None:
    handed = []

    def infer() -> None:
        for number in range(AHEAD * 3):
            follower.result(computed(number), 1, time.monotonic(), more=True)
            handed.append(number)

    thread = threading.Thread(target=infer)
    thread.start()
    time.sleep(0.2)
    assert len(handed) == AHEAD, "nobody reads yet"
    reading = running(follower)
    thread.join()
    follower.flush()
    follower.put(None)
    reading.join()
    assert len(handed) == AHEAD * 3


class FailsLater:
    """Fails from the third frame on."""

    name, labels = "fails", ("Car",)

    def __init__(self) -> None:
        self.seen = 0

    def prepare(self, frame: Frame) -> Prepared:
        return Prepared(frame, None)

    def infer(self, prepared: Prepared) -> list[Detection]:
        self.seen += 1
        time.sleep(0.05)  # the next frame is ready by then
        if self.seen > 2:
            raise DetectorError("gone")
        return computed(0).work  # type: ignore[no-any-return]

    def threshold_of(self, label: str) -> float:
        return 0.5

    def close(self) -> None:
        """Nothing to let go of."""


class WaitingCamera(MemoryCamera):
    """Gives its pictures, then neither ends nor gives more."""

    ended = False  # type: ignore[assignment]

    def read(self, timeout_s: float) -> Frame | None:
        if self._sequence >= len(self._pictures):
            time.sleep(0.01)
            return None
        return super().read(timeout_s)


def test_a_result_does_not_wait_behind_inferences_that_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.follower.TOGETHER_S", 60.0)
    pictures = [np.zeros((2, 2, 3), np.uint8)] * 4
    pipeline = Pipeline(
        [WaitingCamera("cam", pictures, start=Instant(0, 0))],
        FailsLater(),
        lambda name: LifeCycle(name, "boot", TrackSettings(), lambda label: 0.5, lambda: "id"),
        lambda outcome: None,
        lambda error: None,
        Health(SimulatedClock()),
    )
    pipeline.start()
    try:
        until(lambda: pipeline.stats.detector_errors == 2, 5, "the failures")
        until(lambda: pipeline.stats.frames == 2, 2, "the results before them")
    finally:
        pipeline.stop()


def test_frames_heavier_than_all_places_pass_one_by_one(follower: Follower, outcomes: list[Outcome]) -> None:
    handed = []

    def infer() -> None:
        for number, weight in enumerate((1, 1, AHEAD * 2, 1, AHEAD * 3)):
            follower.result(computed(number), weight, time.monotonic(), more=True)
            handed.append(number)

    thread = threading.Thread(target=infer)
    thread.start()
    time.sleep(0.2)
    assert handed == [0, 1], "nobody reads yet"
    reading = running(follower)
    thread.join(5)
    follower.flush()
    follower.put(None)
    reading.join(5)
    assert handed == [0, 1, 2, 3, 4]
    assert not reading.is_alive()
