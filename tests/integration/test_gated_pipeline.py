"""The gate in the running pipeline: what is looked at, what it costs the watchers, and that nothing depends on the machine's speed."""

import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from edge.camera.port import Camera, Frame, Pixels
from edge.clock import Instant
from edge.config import Motion as Settings
from edge.errors import CameraError, DetectorError
from edge.events.lifecycle import LifeCycle
from edge.events.port import Outcome
from edge.events.tracks import TrackSettings
from edge.geometry import Box
from edge.health import Health
from edge.motion.gate import Gate
from edge.pipeline import Pipeline
from edge.recognition.port import Detection, Prepared
from edge.testing.camera import MemoryCamera
from edge.testing.clock import SimulatedClock
from tests.support import until

SIZE = (1280, 720)
SIDE = 100
EMPTY = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)


def with_thing(left: int, top: int = 300, side: int = SIDE) -> Pixels:
    pixels = EMPTY.copy()
    pixels[top : top + side, left : left + side] = 250
    return pixels


class FindsBright:
    """Finds the one bright thing, wherever it is in what it is given."""

    name, labels = "bright", ("Thing",)

    def __init__(self, delay_s: float = 0.0) -> None:
        self.seen: list[Frame] = []
        self.delay_s = delay_s
        self.failing = False

    def prepare(self, frame: Frame) -> Prepared:
        return Prepared(frame, None)

    def infer(self, prepared: Prepared) -> list[Detection]:
        time.sleep(self.delay_s)
        self.seen.append(prepared.frame)
        if self.failing:
            raise DetectorError("broken")
        rows, columns = np.nonzero(prepared.frame.pixels[..., 0] > 200)
        if not len(rows):
            return []
        width, height = prepared.frame.size
        box = Box(columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height)
        return [Detection("Thing", 0.9, box)]

    def threshold_of(self, label: str) -> float:
        return 0.5

    def close(self) -> None:
        """Nothing to let go of."""


class Run:
    """A pipeline over one camera behind a gate."""

    def __init__(self, camera: Camera, detector: FindsBright, **more: Any) -> None:
        self.outcomes: list[Outcome] = []
        self.errors: list[BaseException] = []
        self.states: list[str] = []
        self.gate = Gate(Settings(), on_motion=lambda moves: self.states.append("moving" if moves else "still"))
        self.detector = detector
        numbers = iter(range(1000))
        self.pipeline = Pipeline(
            [camera],
            detector,
            lambda name: LifeCycle(name, "boot", TrackSettings(), lambda label: 0.5, lambda: f"id{next(numbers)}"),
            self.outcomes.append,
            self.errors.append,
            Health(SimulatedClock()),
            retry=False,
            gates={camera.name: self.gate},
            **more,
        )

    def to_its_end(self) -> "Run":
        self.pipeline.start()
        until(lambda: not self.pipeline.running or self.errors, 60, "the end")
        self.pipeline.stop()
        assert not self.errors
        return self

    @property
    def changes(self) -> list[tuple[str, Box, float]]:
        return [
            (change.kind, change.event.box, change.event.seen.boot_s)
            for outcome in self.outcomes
            for change in outcome.changes
        ]


def pictures() -> list[Pixels]:
    """Three seconds of nothing; a thing crosses; five seconds of nothing."""
    return [EMPTY] * 30 + [with_thing(40 + 30 * step) for step in range(30)] + [EMPTY] * 50


def memory(shown: Sequence[Pixels]) -> MemoryCamera:
    return MemoryCamera("cam", shown, start=Instant(0, 0))


def test_a_thing_is_found_in_its_place_though_only_parts_were_looked_at() -> None:
    run = Run(memory(pictures()), FindsBright()).to_its_end()
    parts = [frame for frame in run.detector.seen if frame.part_of is not None]
    assert len(parts) > 20
    assert max(frame.size for frame in parts) < SIZE
    assert run.pipeline.stats.quiet == run.gate.quiet > 40
    assert run.pipeline.stats.quiet + run.pipeline.stats.frames == 110
    (started, box, seen_s), (ended, _, gone_s) = run.changes
    assert (started, ended) == ("started", "ended")
    assert box.height == pytest.approx(SIDE / 720, abs=0.002)
    assert box.top == pytest.approx(300 / 720, abs=0.002)
    assert 3.0 <= seen_s < 3.4
    assert gone_s == pytest.approx(5.9)


def test_what_comes_too_slowly_to_be_motion_is_found_by_the_scheduled_look() -> None:
    class Fades(MemoryCamera):
        """A thing that appears within four minutes."""

        ended = property(lambda self: self._sequence >= 2400)  # type: ignore[assignment]

        def read(self, timeout_s: float) -> Frame | None:
            if self.ended:
                return None
            pixels = np.full((180, 320, 3), 90, np.uint8)
            pixels[60:120, 100:160] = min(90 + self._sequence // 14, 250)
            taken = self._start.later(self._sequence / 10)
            self._sequence += 1
            return Frame(self.name, self._sequence, pixels, taken)

    run = Run(Fades("cam", [], start=Instant(0, 0)), FindsBright()).to_its_end()
    assert "moving" not in run.states
    kinds = [kind for kind, _, _ in run.changes]
    assert (kinds[0], kinds[-1], kinds.count("started")) == ("started", "ended", 1), "ended with the camera"
    begun_s = next(seen_s for kind, _, seen_s in run.changes if kind == "started")
    assert 150 < begun_s < 155 + Settings().look_anyway_s
    assert len(run.detector.seen) < 80


def test_pictures_of_events_are_whole() -> None:
    run = Run(memory(pictures()), FindsBright()).to_its_end()
    kept = [change.frame for outcome in run.outcomes for change in outcome.changes if change.frame is not None]
    assert kept
    assert {frame.size for frame in kept} == {SIZE}
    assert all(frame.part_of is None for frame in kept)


def test_events_and_looks_do_not_depend_on_speed() -> None:
    large = [with_thing(40 + 40 * step, 100, side=550) for step in range(15)]
    shown = pictures() + large + [EMPTY] * 20
    runs = [Run(memory(shown), FindsBright(delay_s)).to_its_end() for delay_s in (0.0, 0.0, 0.01)]
    assert {frame.part_of is None for frame in runs[0].detector.seen[-40:]} == {True, False}, "parts and whole frames"
    looks = [[(frame.sequence, frame.part_of and frame.part_of[1]) for frame in run.detector.seen] for run in runs]
    assert looks[0] == looks[1] == looks[2]
    assert runs[0].changes == runs[1].changes == runs[2].changes


def test_failing_recognition_does_not_stop_a_stored_camera() -> None:
    detector = FindsBright()
    detector.failing = True
    run = Run(memory(pictures()), detector).to_its_end()
    assert run.pipeline.stats.detector_errors == 110, "no whole look has had a result: every frame is looked at"


def test_a_still_scene_is_never_owed_a_result() -> None:
    class Endless(MemoryCamera):
        """Nothing happens, at the speed at which it is taken, for as long as anybody wants."""

        ended = False  # type: ignore[assignment]

        def read(self, timeout_s: float) -> Frame | None:
            time.sleep(0.001)
            moment = Instant(self._sequence / 10, self._sequence / 10)
            self._sequence += 1
            return Frame(self.name, self._sequence, EMPTY, moment)

    run = Run(Endless("cam", [], start=Instant(0, 0)), FindsBright())
    run.pipeline.start()
    try:
        until(lambda: run.pipeline.stats.quiet > 40, 20, "a still scene")
        until(lambda: run.pipeline.owing_s == 0.0, 5, "nothing owed")
        assert run.pipeline.newest("cam") is not None
    finally:
        begin_s = time.monotonic()
        run.pipeline.stop()
    assert time.monotonic() - begin_s < 5


def test_stopping_does_not_wait_for_a_turn() -> None:
    held = threading.Event()

    class Hangs(FindsBright):
        def infer(self, prepared: Prepared) -> list[Detection]:
            held.wait(10)
            return []

    run = Run(memory(pictures()), Hangs())
    run.pipeline.start()
    time.sleep(0.2)  # the second frame waits for the result of the first
    stopping = threading.Thread(target=run.pipeline.stop)
    stopping.start()
    time.sleep(0.2)
    assert not any(thread.name == "camera-cam" for thread in threading.enumerate()), "the camera has ended"
    held.set()
    stopping.join(10)
    assert not stopping.is_alive()


def test_a_camera_that_comes_back_is_looked_at_anew() -> None:
    class Breaks(MemoryCamera):
        broken = False

        def read(self, timeout_s: float) -> Frame | None:
            if self._sequence == 20 and not self.broken:
                self.broken = True
                raise CameraError("gone")
            return super().read(timeout_s)

    run = Run(memory([EMPTY] * 20), FindsBright())
    camera = Breaks("cam", [EMPTY] * 40, start=Instant(0, 0))
    run.pipeline = Pipeline(
        [camera],
        run.detector,
        lambda name: LifeCycle(name, "boot", TrackSettings(), lambda label: 0.5, lambda: "id"),
        run.outcomes.append,
        run.errors.append,
        Health(SimulatedClock()),
        gates={"cam": run.gate},
    )
    run.to_its_end()
    looked = [frame.sequence for frame in run.detector.seen]
    assert looked == [*range(10), *range(10)]
    assert {frame.part_of for frame in run.detector.seen} == {None}
