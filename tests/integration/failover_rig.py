"""The real pipeline over an endless camera, with everything that it sees and tells."""

import threading
import time
from collections.abc import Callable
from itertools import groupby, pairwise
from typing import NamedTuple

from edge.camera.port import Frame, Pixels
from edge.clock import SystemClock
from edge.events.lifecycle import LifeCycle
from edge.events.tracks import TrackSettings
from edge.health import Condition, Health
from edge.pipeline import Pipeline
from edge.recognition.port import Detection, Detector, Prepared
from edge.runtime import Fatal
from tests.support import until

MODEL = "mobilenet_v1_025_imagenet"
ON_CPU, ON_TPU = "macaw", "tench, Tinca tinca"
"""What the CPU sees in the parrot, and what the stand-in always answers (its element 1): so the label tells who looked."""
FPS = 15
LONGEST_GAP_S = 2.0


class EndlessCamera:
    """The same picture at an even rate until it is told to end; each frame waits until it is taken, so that none may be lost."""

    live = False
    name = "door"

    def __init__(self, pixels: Pixels) -> None:
        self._pixels = pixels
        self._end = threading.Event()
        self.given = 0

    @property
    def ended(self) -> bool:
        return self._end.is_set()

    def end(self) -> None:
        self._end.set()

    def open(self) -> None:
        self.given = 0

    def read(self, timeout_s: float) -> Frame | None:
        if self._end.wait(1 / FPS):
            return None
        self.given += 1
        return Frame(self.name, self.given - 1, self._pixels, SystemClock().now())

    def close(self) -> None:
        """Nothing to let go of."""


class Seen(NamedTuple):
    sequence: int
    at_s: float
    label: str
    took_s: float


class Watched:
    """A detector whose results are noted."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.seen: list[Seen] = []
        self.name, self.labels = detector.name, detector.labels
        self.prepare, self.threshold_of, self.close = detector.prepare, detector.threshold_of, detector.close

    def infer(self, prepared: Prepared) -> list[Detection]:
        begin_s = time.monotonic()
        found = self._detector.infer(prepared)
        end_s = time.monotonic()
        self.seen.append(Seen(prepared.frame.sequence, end_s, found[0].label, end_s - begin_s))
        return found

    def in_turn(self) -> list[str]:
        return [label for label, _ in groupby(seen.label for seen in self.seen)]


class Rig:
    """The real pipeline over a camera, with everything that it tells."""

    def __init__(self, pixels: Pixels, make: Callable[[Health, Fatal], Detector]) -> None:
        self.camera, self.fatal, self.conditions = EndlessCamera(pixels), Fatal(), list[Condition]()
        self.health = Health(SystemClock())
        self.health.listen(self.conditions.append)
        self.detector = Watched(make(self.health, self.fatal))
        numbers = iter(range(1_000_000))
        self.pipeline = Pipeline(
            [self.camera],
            self.detector,
            lambda name: LifeCycle(name, "test", TrackSettings(), lambda label: 0.3, lambda: str(next(numbers))),
            lambda outcome: None,
            self.fatal,
            self.health,
        )

    def states(self) -> list[str]:
        return [condition.state for condition in self.conditions if condition.part == "accelerator"]

    def causes(self) -> list[str]:
        return [c.cause for c in self.conditions if c.part == "accelerator" and c.state == "degraded"]

    def run_until(self, condition: Callable[[], object], what: str) -> None:
        self.pipeline.start()
        try:
            until(lambda: condition() or self.fatal.error, 30, what)
            self.camera.end()
            until(lambda: not self.pipeline.running or self.fatal.error, 5, "the end of the pipeline")
        finally:
            self.pipeline.stop()
            self.detector.close()

    def check_nothing_was_lost(self) -> None:
        assert self.fatal.error is None
        assert self.pipeline.stats.detector_errors == 0
        assert [seen.sequence for seen in self.detector.seen] == list(range(self.camera.given))
        gap_s = max(after.at_s - before.at_s for before, after in pairwise(self.detector.seen))
        inference_s = max(seen.took_s for seen in self.detector.seen if seen.label == ON_CPU and seen.took_s < 0.3)
        print(f"longest gap {gap_s:.3f} s, {len(self.detector.seen)} frames")
        assert gap_s <= LONGEST_GAP_S + inference_s
