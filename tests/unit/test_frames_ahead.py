"""How many stored frames are made ready before they are looked at: a few small ones, of large photographs hardly any."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest

from edge.camera.port import Frame
from edge.clock import Instant, SystemClock
from edge.events.lifecycle import LifeCycle
from edge.events.tracks import TrackSettings
from edge.exchange import SMALL_BYTES
from edge.health import Health
from edge.pipeline import STORED_AHEAD, Pipeline
from edge.recognition.port import Detection, Prepared
from edge.testing.camera import MemoryCamera
from tests.support import until

FRAMES = 30


class Held:
    """Makes ready what it is given, and looks at nothing until it may."""

    name = "held"
    labels = ("Cat",)

    def __init__(self) -> None:
        self.prepared = 0
        self.seen = 0
        self.may_look = threading.Event()

    def prepare(self, frame: Frame) -> Prepared:
        self.prepared += 1
        return Prepared(frame, None)

    def infer(self, prepared: Prepared) -> list[Detection]:
        self.may_look.wait()
        self.seen += 1
        return []

    def threshold_of(self, label: str) -> float:
        return 0.5

    def close(self) -> None: ...


class LiveCamera(MemoryCamera):
    live = True

    def read(self, timeout_s: float) -> Frame | None:
        time.sleep(0.005)
        return super().read(timeout_s)


@contextmanager
def running(camera: MemoryCamera, detector: Held) -> Iterator[Pipeline]:
    """Afterwards the detector may look, and everything is let come to its end."""
    dead: list[BaseException] = []
    pipeline = Pipeline(
        [camera],
        detector,
        lambda name: LifeCycle(name, "boot", TrackSettings(), detector.threshold_of, str),
        lambda outcome: None,
        dead.append,
        Health(SystemClock()),
        retry=False,
    )
    pipeline.start()
    try:
        yield pipeline
    finally:
        detector.may_look.set()
    until(lambda: not pipeline.running, 10, "the end")
    pipeline.stop()
    assert dead == []


@pytest.mark.parametrize(("rows", "ahead"), [(100, STORED_AHEAD), (5 * SMALL_BYTES // 3000, 1)])
def test_what_is_ready_takes_a_bounded_room(rows: int, ahead: int) -> None:
    detector = Held()
    picture = np.zeros((rows, 1000, 3), np.uint8)
    with running(MemoryCamera("album", [picture] * FRAMES, start=Instant(0.0, 0.0)), detector):
        until(lambda: detector.prepared >= ahead, 5, "frames that are ready")
        time.sleep(0.2)
        assert detector.prepared <= ahead + 1, "one more may be in the detector's hands"
    assert detector.seen == FRAMES


def door() -> LiveCamera:
    return LiveCamera("door", [np.zeros((100, 100, 3), np.uint8)] * FRAMES, start=Instant(0.0, 0.0))


def test_of_a_live_camera_one_is_made_ready_while_another_is_looked_at() -> None:
    detector = Held()
    with running(door(), detector):
        until(lambda: detector.prepared == 2, 5, "the next frame")
        time.sleep(0.1)
        assert detector.prepared == 2, "a frame that is made ready too early is an old frame"


class HeldOnTheThird(Held):
    def infer(self, prepared: Prepared) -> list[Detection]:
        if self.seen == 2:
            self.may_look.wait()
        time.sleep(0.02)  # the next frame is ready by then
        self.seen += 1
        return []


def test_of_a_live_camera_a_result_is_followed_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.follower.TOGETHER_S", 1e9)
    with running(door(), HeldOnTheThird()) as pipeline:
        until(lambda: pipeline.stats.frames == 2, 5, "both results, although a third frame is being looked at")
