"""`edge bench soak`: the whole appliance at full speed for minutes; does its memory grow?"""

import itertools
import time
from math import ceil
from pathlib import Path

import numpy as np
import numpy.typing as npt

from edge.bench.report import BenchReport, Figure
from edge.bench.rig import Rig, broker_and_folder
from edge.bench.scenes import moving
from edge.camera.port import Frame, Pixels
from edge.clock import Instant
from edge.events.tracks import TrackSettings
from edge.recognition.port import Detector

Numbers = npt.NDArray[np.float64]

BOUND_MB_PER_HOUR = 1.0
SAMPLE_S = 1.0
SPARE = 60
WARM_UP = 0.25
"""Share of the time in which caches, pools and the database's cache fill."""


class EndlessCamera:
    """Gives the pictures round and round, none dropped, until the time is over."""

    live = False

    def __init__(self, pictures: list[Pixels], seconds: float) -> None:
        self.name = "soak"
        self._pictures = itertools.cycle(pictures)
        self._end_s = time.monotonic() + seconds
        self._sequence = 0

    @property
    def ended(self) -> bool:
        return time.monotonic() > self._end_s

    def open(self) -> None:
        """Nothing to take hold of."""

    def read(self, timeout_s: float) -> Frame | None:
        if self.ended:
            return None
        moment_s = self._sequence / 30
        frame = Frame(self.name, self._sequence, next(self._pictures), Instant(moment_s, moment_s))
        self._sequence += 1
        return frame

    def close(self) -> None:
        """Nothing to let go of."""


def run(detector: Detector, pictures: list[Path], parent: Path, *, minutes: float) -> BenchReport:
    """Run at full speed for so many minutes and fit a line to the resident memory after the warm-up."""
    camera = EndlessCamera(moving(pictures), minutes * 60)
    samples = np.zeros(
        (ceil(minutes * 60 / SAMPLE_S) + SPARE, 2)
    )  # made beforehand: what measures must not grow itself
    taken = 0
    settings = TrackSettings(lost_after_s=0.2)
    with broker_and_folder(parent) as (broker, data_dir), Rig(camera, detector, data_dir, broker, settings) as rig:
        begin_s = time.monotonic()
        while rig.pipeline.running and rig.fatal.error is None:
            time.sleep(SAMPLE_S)
            if taken < len(samples):
                samples[taken] = time.monotonic() - begin_s, resident_mb()
                taken += 1
            rig.outcomes.clear()
            rig.received.clear()
        rig.fatal.reraise()
    times_s, memory_mb = samples[:taken].T
    late = times_s > times_s[-1] * WARM_UP
    slope = theil_sen(times_s[late], memory_mb[late]) * 3600
    return BenchReport(
        "soak",
        [Figure.of("slope_mb_per_hour", slope, "MB/h", "lower", BOUND_MB_PER_HOUR)],
        {
            "detector": detector.name,
            "minutes": minutes,
            "frames": rig.pipeline.stats.frames,
            "frames_per_s": round(rig.pipeline.stats.fps, 1),
            "resident_mb": {
                "after_warm_up": round(float(memory_mb[late][0]), 1),
                "end": round(float(memory_mb[-1]), 1),
            },
        },
    )


def resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def theil_sen(x: Numbers, y: Numbers) -> float:
    """The median of the slopes between all pairs: one step up by the allocator does not count as growth."""
    first, second = np.triu_indices(len(x), 1)
    return float(np.median((y[second] - y[first]) / (x[second] - x[first])))
