"""`edge bench latency`: from the taking of a frame to the message at a subscriber, beyond the inference itself.

A thing appears in front of a live camera, again and again; each appearance is one event. The frame that makes it count was taken at a known
moment, and the message arrives at another: between them lie scaling, inference, tracking, the picture on the disk (synced), the row
(committed) and the broker. The time of that frame's inference is taken off.
"""

import time
from pathlib import Path

import msgspec
import numpy as np

from edge.bench.report import BenchReport, Figure
from edge.bench.rig import Rig, TimedDetector, broker_and_folder
from edge.bench.scenes import HEIGHT_PX, WIDTH_PX, noise, with_pictures
from edge.camera.port import Frame, Pixels
from edge.clock import SystemClock
from edge.errors import EdgeError
from edge.events.message import EventMessage
from edge.events.tracks import TrackSettings
from edge.recognition.port import Detector

P50_BOUND_MS, P99_BOUND_MS = 5.0, 15.0
INTERVAL_S = 0.06
SHOWN, HIDDEN = 5, 4
SETTINGS = TrackSettings(min_frames=3, lost_after_s=INTERVAL_S * 1.5)


class AppearingCamera:
    """A live camera in front of which a thing appears and disappears. Notes when each frame was taken."""

    live = True

    def __init__(self, empty: Pixels, shown: Pixels, times: int) -> None:
        self.name = "bench"
        self.taken_s: dict[int, float] = {}
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
        pixels = self._pictures[self._sequence % len(self._pictures)]
        self.taken_s[self._sequence] = time.monotonic()
        frame = Frame(self.name, self._sequence, pixels, self._clock.now())
        self._sequence += 1
        return frame

    def close(self) -> None:
        """Nothing to let go of."""


def run(detector: Detector, pictures: list[Path], parent: Path, *, times: int) -> BenchReport:
    """Let a thing appear `times` times.

    Args:
        pictures: the second appears (the cat, of the samples).
        parent: the folder on whose disk the store is made.
    """
    empty = noise()
    camera, timed = AppearingCamera(empty, with_pictures(empty, pictures[1:2], 0), times), TimedDetector(detector)
    with broker_and_folder(parent) as (broker, data_dir), Rig(camera, timed, data_dir, broker, SETTINGS) as rig:
        rig.wait()
    beyond_ms = np.array(_beyond_inference_s(rig, camera, timed)) * 1000
    if len(beyond_ms) < times // 2:
        raise EdgeError(
            f"bench latency: only {len(beyond_ms)} events for {times} appearances",
            hint="fetch the samples: edge demo --fetch-only",
        )
    p50, p99 = np.percentile(beyond_ms, [50, 99])
    return BenchReport(
        "latency",
        [
            Figure.of("p50_ms", float(p50), "ms", "lower", P50_BOUND_MS),
            Figure.of("p99_ms", float(p99), "ms", "lower", P99_BOUND_MS),
        ],
        {
            "detector": detector.name,
            "source": f"{WIDTH_PX}x{HEIGHT_PX} RGB in memory, a frame every {INTERVAL_S * 1000:.0f} ms",
            "events": len(beyond_ms),
            "frames_dropped": rig.pipeline.stats.dropped,
            "inference_ms": round(float(np.median(list(timed.took_s.values()))) * 1000, 2),
            "min_ms": round(float(beyond_ms.min()), 2),
            "max_ms": round(float(beyond_ms.max()), 2),
        },
    )


def _beyond_inference_s(rig: Rig, camera: AppearingCamera, timed: TimedDetector) -> list[float]:
    """For each event: arrival of its first message, less the taking of the frame that made it count, less its inference."""
    decided = {
        change.event.id: change.event.seen
        for _, outcome in rig.outcomes
        for change in outcome.changes
        if change.kind == "started"
    }
    offset_s = SystemClock().now().boot_s - time.monotonic()
    by_time = sorted((taken_s, sequence) for sequence, taken_s in camera.taken_s.items())
    moments = np.array([taken_s for taken_s, _ in by_time])
    beyond = []
    for arrived_s, payload in rig.received:
        event = msgspec.json.decode(payload, type=EventMessage)
        if event.type == "started":
            sequence = by_time[int(np.abs(moments - (decided[event.id].boot_s - offset_s)).argmin())][1]
            beyond.append(arrived_s - camera.taken_s[sequence] - timed.took_s[sequence])
    return beyond
