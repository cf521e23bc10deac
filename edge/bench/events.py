"""Events beside what a person sees: how many of the things, how often each, and how many that are none."""

from pathlib import Path

from edge.bench.report import BenchReport, Figure
from edge.bench.truth import Comparison, Shown, Truth, compare, load
from edge.camera.file import FileCamera
from edge.camera.port import Frame
from edge.clock import SystemClock
from edge.events.lifecycle import LifeCycle
from edge.events.port import Change
from edge.events.tracks import TrackSettings
from edge.recognition.port import Detector

PER_OBJECT_BOUND = 1.2
DEBIAN = Path("/usr/share/doc")
READ_TIMEOUT_S = 1.0


def run(detector: Detector, samples: Path, settings: TrackSettings, *, every: int) -> BenchReport:
    """Play each video whose truth is known through detector and life-cycle, every frame or each `every`-th, as fast as it goes.

    Args:
        samples: folder of the sample video; the others are taken where their Debian package puts them, if it is there.
    """
    figures: list[Figure] = []
    details: dict[str, object] = {"every": every}
    for name in ("bikes", "vtest"):
        truth = load(name)
        path = find_video(truth, samples)
        if path is None:
            details[name] = f"not measured: needs {truth.video} of Debian's package {truth.package}"
            continue
        found = compare(truth, play(path, truth, detector, settings, every=every))
        figures += figures_of(name, truth, found)
        details |= {f"{name}_{key}": value for key, value in details_of(truth, found).items()}
    return BenchReport("events", figures, details)


def find_video(truth: Truth, samples: Path) -> Path | None:
    if not truth.package:
        return samples / truth.video
    return next((DEBIAN / truth.package).rglob(truth.video), None)


def play(path: Path, truth: Truth, detector: Detector, settings: TrackSettings, *, every: int = 1) -> list[Shown]:
    """What the events of the video show at their end, in the order of their beginning."""
    numbers = iter(range(1_000_000))
    life = LifeCycle(truth.video, "bench", settings, detector.threshold_of, lambda: f"{next(numbers):06}")
    shown: dict[str, Shown] = {}
    camera = FileCamera(truth.video, path, SystemClock(), realtime=False)
    camera.open()
    try:
        while (frame := camera.read(READ_TIMEOUT_S)) is not None and frame.sequence < truth.frames:
            if frame.sequence % every == 0:
                found = detector.infer(detector.prepare(frame))
                _note(shown, [] if found is None else life.on_frame(frame, found))
    finally:
        camera.close()
    _note(shown, life.finish("camera") + life.release())
    return list(shown.values())


def figures_of(name: str, truth: Truth, found: Comparison) -> list[Figure]:
    events = sum(map(len, found.events.values()))
    crossing = [thing for thing in truth.object if thing.crosses]
    standing = [thing for thing in truth.object if not thing.crosses]
    return [
        Figure.of(f"{name}_recall_crossing", found.recall(crossing), "share", "higher"),
        Figure.of(f"{name}_recall_standing", found.recall(standing), "share", "higher"),
        Figure.of(f"{name}_events_per_object", events / max(1, len(found.events)), "events", "lower", PER_OBJECT_BOUND),
        Figure.of(f"{name}_background_events", len(found.nothing), "events", "lower", 0),
        Figure.of(f"{name}_wrong_label_events", len(found.wrong), "events", "lower"),
    ]


def details_of(truth: Truth, found: Comparison) -> dict[str, object]:
    return {
        "objects": len(truth.object),
        "found": len(found.events),
        "missed": [thing.name for thing in truth.object if thing.name not in found.events],
        "more_than_once": {name: len(shown) for name, shown in found.events.items() if len(shown) > 1},
        "wrong_label": [f"{event.label} in frame {event.frame}" for event in found.wrong],
        "background": [f"{event.label} in frame {event.frame}" for event in found.nothing],
    }


def _note(shown: dict[str, Shown], changes: list[Change]) -> None:
    for change in changes:
        frame: Frame | None = change.frame
        before = shown.get(change.event.id)
        number = frame.sequence if frame is not None else before.frame if before is not None else 0
        shown[change.event.id] = Shown(change.event.label, number, change.event.box)
