"""A frame for which the detector has no result is neither a finding nor a miss."""

import time
from collections.abc import Callable
from itertools import count

import numpy as np
import pytest

from edge.camera.port import Frame
from edge.clock import Instant
from edge.events.lifecycle import LifeCycle
from edge.events.port import Change, Outcome
from edge.events.tracks import TrackSettings
from edge.geometry import Box
from edge.health import Health
from edge.pipeline import Pipeline
from edge.recognition.port import Detection, Prepared
from edge.testing.camera import MemoryCamera
from edge.testing.clock import SimulatedClock

CAR = Detection("Car", 0.9, Box(0.4, 0.4, 0.6, 0.6))


class Scripted:
    """A detector whose answer depends on the number of the frame."""

    name = "scripted"
    labels = ("Car",)

    def __init__(self, answer: Callable[[int], list[Detection] | None]) -> None:
        self._answer = answer

    def prepare(self, frame: Frame) -> Prepared:
        return Prepared(frame, None)

    def infer(self, prepared: Prepared) -> list[Detection] | None:
        return self._answer(prepared.frame.sequence)

    def threshold_of(self, label: str) -> float:
        return 0.5

    def close(self) -> None:
        """Nothing to let go of."""


def changes_of(answer: Callable[[int], list[Detection] | None]) -> tuple[list[Change], Pipeline]:
    numbers, outcomes, died = count(1), list[Outcome](), list[BaseException]()
    camera = MemoryCamera("cam", [np.zeros((4, 4, 3), np.uint8)] * 25, start=Instant(1000, 0), interval_s=0.1)
    pipeline = Pipeline(
        [camera],
        Scripted(answer),
        lambda name: LifeCycle(name, "boot", TrackSettings(3, 0.25), lambda label: 0.5, lambda: f"id{next(numbers)}"),
        outcomes.append,
        died.append,
        Health(SimulatedClock()),
        retry=False,
    )
    pipeline.start()
    deadline_s = time.monotonic() + 20
    while pipeline.running and time.monotonic() < deadline_s:
        time.sleep(0.01)
    pipeline.stop()
    assert died == []
    return [change for outcome in outcomes for change in outcome.changes], pipeline


@pytest.mark.parametrize(
    ("between", "kinds", "frames"),
    [(None, ["started", "ended"], 15), ([], ["started", "ended"] * 2, 25)],
    ids=["no result", "nothing"],
)
def test_a_second_without(between: list[Detection] | None, kinds: list[str], frames: int) -> None:
    changes, pipeline = changes_of(lambda number: between if 5 <= number < 15 else [CAR])
    assert [change.kind for change in changes] == kinds
    assert pipeline.stats.frames == frames
