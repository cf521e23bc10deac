"""`edge bench pipeline`: the whole path from frame to event against the bare inference of the same model and threads."""

import time
from pathlib import Path
from statistics import median
from typing import NamedTuple

from edge.bench.disturbed import measure_quiet
from edge.bench.report import BenchReport, Figure
from edge.bench.scenes import HEIGHT_PX, WIDTH_PX, moving
from edge.camera.port import Pixels
from edge.clock import Instant, SystemClock
from edge.errors import EdgeError
from edge.events.lifecycle import LifeCycle
from edge.events.port import Outcome
from edge.events.tracks import TrackSettings
from edge.follower import Stats
from edge.health import Health
from edge.pipeline import Pipeline
from edge.processors import Ticks
from edge.recognition.tflite import TfliteDetector
from edge.runtime import Fatal
from edge.testing.camera import MemoryCamera

BOUND, LIGHT_BOUND = 0.97, 0.93
ROUND_S = 1.0
DISTURBED_PERCENT = 2.0
"""A round in which a virtual machine's host took more than this of the processors tells of its other guests: another is done for it."""
LEAST = 3
"""When fewer rounds were undisturbed, all of them count."""
LIGHT_S = 0.004
"""A model that infers faster than this is held to the second bound."""


class Round(NamedTuple):
    raw_s: float
    """Seconds a frame of bare inference."""
    pipeline_s: float
    stats: Stats
    events: int
    stolen_percent: float

    @property
    def ratio(self) -> float:
        return self.raw_s / self.pipeline_s


def run(detector: TfliteDetector, pictures: list[Path], *, rounds: int, frames: int) -> BenchReport:
    """Interleave bare inference and pipeline, `rounds` times, `frames` frames each.

    Half of each round's bare inference comes before its pipeline and half behind it: what the machine does beside that falls on both.

    Args:
        frames: of a round; 0: as many as take a second.
        pictures: moved over the frames so that there is something to recognise and to follow; empty: noise.
    """
    scene = moving(pictures)
    warm = _round(detector, scene, 20)
    frames = frames or max(60, round(ROUND_S / warm.raw_s))
    every, done = measure_quiet(lambda: [_round(detector, scene, frames)], _is_disturbed, rounds, LEAST)
    raw_ms = median(each.raw_s for each in done) * 1000
    prepare, infer, events = (
        median(getattr(each.stats, name) for each in done) / frames * 1000
        for name in ("prepare_s", "infer_s", "events_s")
    )
    ratios = sorted(each.ratio for each in done)
    return BenchReport(
        "pipeline",
        [
            Figure.of("ratio", median(ratios), "of raw", "higher", BOUND if raw_ms > LIGHT_S * 1000 else LIGHT_BOUND),
            Figure.of("pipeline_fps", median(1 / each.pipeline_s for each in done), "frames/s", "higher"),
            Figure.of("raw_fps", 1000 / raw_ms, "frames/s", "higher"),
        ],
        {
            "detector": detector.name,
            "source": f"{WIDTH_PX}x{HEIGHT_PX} RGB in memory, {'samples' if pictures else 'noise'}",
            "rounds": len(done),
            "rounds_disturbed": sum(map(_is_disturbed, every)),
            "stolen_percent": round(median(each.stolen_percent for each in done), 1),
            "frames_a_round": frames,
            "ratio_min_max": [round(ratios[0], 4), round(ratios[-1], 4)],
            "stages_ms": {
                "raw_invoke": round(raw_ms, 3),
                "prepare (overlaps)": round(prepare, 3),
                "infer and decode": round(infer, 3),
                "track and events": round(events, 3),
            },
            "events": done[-1].events,
        },
    )


def _is_disturbed(done: Round) -> bool:
    return done.stolen_percent > DISTURBED_PERCENT


def _round(detector: TfliteDetector, scene: list[Pixels], frames: int) -> Round:
    before = Ticks.read()
    before_s = _raw(detector, (frames + 1) // 2)
    outcomes: list[Outcome] = []
    fatal = Fatal()
    camera = MemoryCamera(
        "bench", [scene[i % len(scene)] for i in range(frames)], start=Instant(0.0, 0.0), interval_s=1 / 30
    )
    ids = iter(range(1_000_000))
    pipeline = Pipeline(
        [camera],
        detector,
        lambda name: LifeCycle(name, "bench", TrackSettings(), detector.threshold_of, lambda: str(next(ids))),
        outcomes.append,
        fatal,
        Health(SystemClock()),
        retry=False,
    )
    begin_s = time.perf_counter()
    pipeline.start()
    while pipeline.running and fatal.error is None:
        time.sleep(0.005)
    took_s = (
        pipeline.stats.last_result_s - pipeline.stats.first_frame_s
        if pipeline.stats.frames
        else time.perf_counter() - begin_s
    )
    fatal.reraise()
    if pipeline.stats.frames != frames:
        raise EdgeError(f"bench pipeline: {pipeline.stats.frames} of {frames} frames came through")
    started = sum(change.kind == "started" for outcome in outcomes for change in outcome.changes)
    raw_s = (before_s + _raw(detector, (frames + 1) // 2)) / 2
    ticks = Ticks.read().since(before)
    stolen_percent = 100 * ticks.stolen / ticks.total if ticks.total else 0.0
    return Round(raw_s, took_s / frames, pipeline.stats, started, stolen_percent)


def _raw(detector: TfliteDetector, count: int) -> float:
    """Seconds of one bare inference, on whatever lies in the input."""
    begin_s = time.perf_counter()
    for _ in range(count):
        detector.interpreter.invoke_only()
    return (time.perf_counter() - begin_s) / count
