"""`edge bench latency`: from the taking of a frame to the message at a subscriber, beyond the inference itself.

A thing appears in front of a live camera, again and again; each appearance is one event. The frame that makes it count was taken at a known
moment, and the message arrives at another: between them lie scaling, inference, tracking, the picture on the disk (synced), the row
(committed) and the broker. The time of that frame's inference is taken off.

Its bounds are for an idle machine. An appearance is disturbed when the host of a virtual machine took processor time between the frame
before it, which may still have been under way, and the frame behind it: it is counted apart, and another takes its place. A late message
does not make that span longer: otherwise those that are late by our fault would be disturbed more often.
"""

import time
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np

from edge.bench.disturbed import measure_quiet
from edge.bench.report import BenchReport, Figure
from edge.bench.rig import Rig, TimedDetector, broker_and_folder
from edge.bench.scenes import HEIGHT_PX, WIDTH_PX, noise, with_pictures
from edge.camera.port import Frame, Pixels
from edge.clock import SystemClock
from edge.errors import EdgeError
from edge.events.message import EventMessage
from edge.events.tracks import TrackSettings
from edge.processors import Ticks
from edge.recognition.port import Detector

P50_BOUND_MS, P99_BOUND_MS = 5.0, 15.0
INTERVAL_S = 0.06
SHOWN, HIDDEN = 5, 4
SETTINGS = TrackSettings(min_frames=3, lost_after_s=INTERVAL_S * 1.5)


class Taken(NamedTuple):
    at_s: float
    stolen: int
    """Ticks that the host had taken by then."""


class Appearance(NamedTuple):
    beyond_s: float
    """Arrival of its first message, less the taking of the frame that made it count, less that frame's inference."""
    disturbed: bool


class Run(NamedTuple):
    appearances: list[Appearance]
    inference_s: list[float]
    """Of every frame."""
    dropped: int


class AppearingCamera:
    """A live camera in front of which a thing appears and disappears. Notes when each frame was taken."""

    live = True

    def __init__(self, empty: Pixels, shown: Pixels, times: int) -> None:
        self.name = "bench"
        self.taken: list[Taken] = []
        self._pictures = [shown] * SHOWN + [empty] * HIDDEN
        self._frames = len(self._pictures) * times
        self._sequence = 0
        self._clock = SystemClock()
        self._due_s = 0.0

    @property
    def ended(self) -> bool:
        return self._sequence >= self._frames

    def open(self) -> None:
        self._due_s = time.monotonic()

    def read(self, timeout_s: float) -> Frame | None:
        if self.ended:
            return None
        time.sleep(max(0.0, self._due_s - time.monotonic()))
        self._due_s += INTERVAL_S
        stolen = Ticks.read().stolen
        pixels = self._pictures[self._sequence % len(self._pictures)]
        self.taken.append(Taken(time.monotonic(), stolen))
        frame = Frame(self.name, self._sequence, pixels, self._clock.now())
        self._sequence += 1
        return frame

    def close(self) -> None:
        """Nothing to let go of."""


def run(detector: Detector, pictures: list[Path], parent: Path, *, times: int) -> BenchReport:
    """Let a thing appear until `times` appearances were undisturbed, at most six times as often; all count when not half as many were.

    Args:
        pictures: the second appears (the cat, of the samples).
        parent: the folder on whose disk the store is made.
    """
    runs: list[Run] = []

    def measure() -> list[Appearance]:
        runs.append(_let_appear(detector, pictures, parent, times))
        return runs[-1].appearances

    every, counted = measure_quiet(measure, lambda each: each.disturbed, times, (times + 1) // 2)
    every_ms, counted_ms = (np.array([each.beyond_s for each in some]) * 1000 for some in (every, counted))
    inference_s = np.concatenate([run.inference_s for run in runs])
    p50, p99 = np.percentile(counted_ms, [50, 99])
    return BenchReport(
        "latency",
        [
            Figure.of("p50_ms", float(p50), "ms", "lower", P50_BOUND_MS),
            Figure.of("p99_ms", float(p99), "ms", "lower", P99_BOUND_MS),
        ],
        {
            "detector": detector.name,
            "source": f"{WIDTH_PX}x{HEIGHT_PX} RGB in memory, a frame every {INTERVAL_S * 1000:.0f} ms",
            "appearances": times * len(runs),
            "events": len(every),
            "events_disturbed": sum(each.disturbed for each in every),
            "events_counted": len(counted),
            "frames_dropped": sum(run.dropped for run in runs),
            "inference_ms": round(float(np.median(inference_s)) * 1000, 2),
            "min_ms": round(float(counted_ms.min()), 2),
            "max_ms": round(float(counted_ms.max()), 2),
            "p50_p99_with_disturbed_ms": [round(float(each), 2) for each in np.percentile(every_ms, [50, 99])],
        },
    )


def _let_appear(detector: Detector, pictures: list[Path], parent: Path, times: int) -> Run:
    empty = noise()
    camera, timed = AppearingCamera(empty, with_pictures(empty, pictures[1:2], 0), times), TimedDetector(detector)
    with broker_and_folder(parent) as (broker, data_dir), Rig(camera, timed, data_dir, broker, SETTINGS) as rig:
        rig.wait()
    appearances = _appearances(rig, camera, timed)
    if len(appearances) * 2 < times:
        raise EdgeError(
            f"bench latency: only {len(appearances)} events for {times} appearances",
            hint="fetch the samples: edge demo --fetch-only",
        )
    return Run(appearances, list(timed.took_s.values()), rig.pipeline.stats.dropped)


def _appearances(rig: Rig, camera: AppearingCamera, timed: TimedDetector) -> list[Appearance]:
    decided = {
        change.event.id: change.event.seen
        for _, outcome in rig.outcomes
        for change in outcome.changes
        if change.kind == "started"
    }
    offset_s = SystemClock().now().boot_s - time.monotonic()
    moments = np.array([each.at_s for each in camera.taken])
    appearances = []
    for arrived_s, payload in rig.received:
        event = msgspec.json.decode(payload, type=EventMessage)
        if event.type == "started":
            sequence = int(np.abs(moments - (decided[event.id].boot_s - offset_s)).argmin())
            beyond_s = arrived_s - camera.taken[sequence].at_s - timed.took_s[sequence]
            appearances.append(Appearance(beyond_s, disturbed(camera.taken, sequence)))
    return appearances


def disturbed(taken: list[Taken], sequence: int) -> bool:
    """Time was stolen between the frame before that of `sequence` and the frame behind it."""
    return taken[min(sequence + 1, len(taken) - 1)].stolen > taken[max(sequence - 1, 0)].stolen
