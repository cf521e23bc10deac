"""`edge bench idle`: a still scene in front of a live camera, with the motion gate, without it, and the camera alone, in turn.

Processor time is that of the whole process, all threads. What the camera alone takes, read in the same way, is taken off both. The gate's
share includes its scheduled looks: with the default settings and number of rounds, one in its 30 seconds.
"""

import threading
import time
from dataclasses import dataclass

import numpy as np
from PIL import Image

from edge.bench.report import BenchReport, Figure
from edge.bench.scenes import HEIGHT_PX, WIDTH_PX
from edge.camera.port import Frame, Pixels
from edge.camera.watch import CameraWatch
from edge.clock import Instant, SystemClock
from edge.config import Motion
from edge.errors import EdgeError
from edge.events.lifecycle import LifeCycle
from edge.events.tracks import TrackSettings
from edge.health import Health
from edge.motion.gate import Gate
from edge.motion.scene import SETTLE_S
from edge.pipeline import READ_TIMEOUT_S, Pipeline
from edge.recognition.port import Detector
from edge.runtime import Fatal

CPU_BOUND_PERCENT, LESS_BOUND = 5.0, 20.0
FPS = 10
PICTURES = 16
NOISE_LEVELS = 6.0
"""Standard deviation of the noise, that of a small sensor indoors."""
GATED_SHARE = 2
"""The gate is measured so many times as long as the others: it takes little, and its looks are rare."""
WARM_UP_S = SETTLE_S + 1.0
REST_S = 0.3
NEVER_S = 1e9


class StillCamera:
    """A live camera that gives frames of a scene in which nothing moves, while it is `awake`."""

    live, ended = True, False

    def __init__(self, name: str, pictures: list[Pixels]) -> None:
        self.name = name
        self.given = 0
        self.awake = threading.Event()
        self._pictures = pictures
        self._due_s = 0.0

    def open(self) -> None:
        """Nothing to take hold of."""

    def read(self, timeout_s: float) -> Frame | None:
        if not self.awake.wait(timeout_s):
            return None
        self._due_s = max(self._due_s + 1 / FPS, time.monotonic())
        time.sleep(max(0.0, self._due_s - time.monotonic()))
        moment_s = self.given / FPS
        frame = Frame(self.name, self.given, self._pictures[self.given % PICTURES], Instant(moment_s, moment_s))
        self.given += 1
        return frame

    def close(self) -> None:
        """Nothing to let go of."""


@dataclass(slots=True)
class Spent:
    """Sums over all rounds."""

    cpu_s: float = 0.0
    frames: int = 0

    @property
    def percent(self) -> float:
        """Of one core, at the camera's rate."""
        return self.cpu_s / self.frames * FPS * 100


def run(detector: Detector, *, rounds: int, seconds: float) -> BenchReport:
    """Measure camera, no gate and gate in turn, `rounds` times.

    Args:
        seconds: of each, in a round; the gate takes twice as long.
    """
    pictures, fatal = still_scene(), Fatal()
    cameras = {name: StillCamera(name, pictures) for name in ("source", "plain", "gated")}
    gate = Gate(Motion())
    pipelines = [
        make_pipeline(cameras["plain"], detector, fatal, {}),
        make_pipeline(cameras["gated"], detector, fatal, {"gated": gate}),
    ]
    stopping = threading.Event()
    reader = threading.Thread(target=_read, args=(cameras["source"], stopping), daemon=True)
    reader.start()
    for pipeline in pipelines:
        pipeline.start()
    spent = {name: Spent() for name in cameras}
    try:
        for camera in cameras.values():
            _measure(camera, WARM_UP_S)
        looks_before = pipelines[1].stats.frames
        for number in range(rounds):
            order = list(cameras) if number % 2 == 0 else list(reversed(cameras))
            for name in order:
                took = _measure(cameras[name], seconds * (GATED_SHARE if name == "gated" else 1))
                spent[name].cpu_s += took.cpu_s
                spent[name].frames += took.frames
    finally:
        stopping.set()
        for pipeline in pipelines:
            pipeline.stop()
        reader.join()
    fatal.reraise()
    return _report(detector, spent, pipelines[1].stats.frames - looks_before, rounds, seconds)


def make_pipeline(camera: StillCamera, detector: Detector, fatal: Fatal, gates: dict[str, Gate]) -> Pipeline:
    health = Health(SystemClock())
    return Pipeline(
        [camera],
        detector,
        lambda name: LifeCycle(name, "bench", TrackSettings(), detector.threshold_of, lambda: "bench"),
        lambda outcome: None,
        fatal,
        health,
        watch=CameraWatch(health, fatal, stall_after_s={camera.name: NEVER_S}),
        retry=False,
        gates=gates,
    )


def still_scene() -> list[Pixels]:
    """The same soft shapes in each picture, and noise of its own."""
    random = np.random.default_rng(7)
    shapes = Image.fromarray(random.integers(40, 200, (9, 16, 3), np.uint8))
    scene = np.asarray(shapes.resize((WIDTH_PX, HEIGHT_PX), Image.Resampling.BICUBIC)).astype(np.float32)
    noise = (random.standard_normal(scene.shape, np.float32) * NOISE_LEVELS for _ in range(PICTURES))
    return [np.clip(scene + each, 0, 255).astype(np.uint8) for each in noise]


def _read(camera: StillCamera, stopping: threading.Event) -> None:
    while not stopping.is_set():
        camera.read(READ_TIMEOUT_S)


def _measure(camera: StillCamera, seconds: float) -> Spent:
    """What the whole process spends while this camera is awake, and until its last frame is dealt with."""
    given, cpu_s = camera.given, time.process_time()
    camera.awake.set()
    time.sleep(seconds)
    camera.awake.clear()
    time.sleep(REST_S)
    return Spent(time.process_time() - cpu_s, camera.given - given)


def _report(detector: Detector, spent: dict[str, Spent], looks: int, rounds: int, seconds: float) -> BenchReport:
    if not all(each.frames for each in spent.values()):
        raise EdgeError("bench idle: a camera gave no frame", hint="measure for longer: --seconds")
    source, plain, gated = (spent[name].percent for name in ("source", "plain", "gated"))
    return BenchReport(
        "idle",
        [
            Figure.of("cpu_percent", gated - source, "of one core", "lower", CPU_BOUND_PERCENT),
            Figure.of("times_less", (plain - source) / max(gated - source, 1e-6), "times", "higher", LESS_BOUND),
            Figure.of("without_gate_percent", plain - source, "of one core", "lower"),
            Figure.of("source_percent", source, "of one core", "lower"),
        ],
        {
            "detector": detector.name,
            "source": f"{WIDTH_PX}x{HEIGHT_PX} RGB in memory, still but for noise, {FPS} frames/s",
            "rounds": rounds,
            "seconds": {"source, without gate": rounds * seconds, "with gate": rounds * seconds * GATED_SHARE},
            "looks_with_gate": looks,
            "look_anyway_s": Motion().look_anyway_s,
            "gate_ms_a_frame": round((gated - source) / FPS * 10, 3),
        },
    )
