"""The same thing over frames. Pure: what comes out depends only on what went in."""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import count
from math import hypot
from statistics import median
from typing import NamedTuple

from edge.geometry import Box, iou
from edge.recognition.port import Detection

SCORES = 10
"""A thing counts once the median of its last scores reaches the threshold; a frame in which it was missed scores 0."""
MIN_IOU = 0.2
NEAR = 0.5
"""Without overlap, a box is still the same thing when its centre moved by less than this share of its diagonal."""
SIZE_RATIO = 2.5
SMOOTHING = 0.5


class TrackSettings(NamedTuple):
    min_frames: int = 3
    lost_after_s: float = 2.0


@dataclass(slots=True, eq=False)
class Track:
    """One thing that is followed. Times are seconds of one clock, those of `Tracker.update`."""

    number: int
    label: str
    box: Box
    seen_s: float
    velocity: tuple[float, float] = (0.0, 0.0)
    scores: deque[float] = field(default_factory=lambda: deque(maxlen=SCORES))
    hits: int = 0
    counts: bool = False
    """It was found often and surely enough; stays so."""

    def predicted(self, at_s: float) -> Box:
        ahead_s = at_s - self.seen_s
        return self.box.moved(self.velocity[0] * ahead_s, self.velocity[1] * ahead_s)

    def found(self, detection: Detection, at_s: float) -> None:
        passed_s = at_s - self.seen_s
        if passed_s > 0:
            old, new = self.box.centre, detection.box.centre
            measured = ((new[0] - old[0]) / passed_s, (new[1] - old[1]) / passed_s)
            self.velocity = tuple(  # type: ignore[assignment]
                before + SMOOTHING * (now - before) for before, now in zip(self.velocity, measured, strict=True)
            )
        self.box, self.seen_s = detection.box, at_s
        self.scores.append(detection.score)
        self.hits += 1


class Step(NamedTuple):
    """What one frame changed."""

    found: list[tuple[Track, Detection]]
    """Tracks that are in this frame."""
    begun: list[Track]
    """Tracks that count from this frame on."""
    lost: list[Track]
    """Tracks that counted and are over."""


class Tracker:
    """Follows things of the same label from frame to frame.

    Detections are matched to tracks greedily, best fit first: those that reach their threshold before weaker ones, so that a sure
    finding is never taken by the wrong track, and a weak one only continues a track and never begins one.

    Args:
        threshold_of: score from which a label counts.
    """

    def __init__(self, settings: TrackSettings, threshold_of: Callable[[str], float]) -> None:
        self._settings = settings
        self._threshold_of = threshold_of
        self._numbers = count(1)
        self.tracks: list[Track] = []

    def update(self, detections: Sequence[Detection], at_s: float) -> Step:
        strong = [d for d in detections if d.score >= self._threshold_of(d.label)]
        weak = [d for d in detections if d.score < self._threshold_of(d.label)]
        pairs, left, fresh = _match(self.tracks, strong, at_s)
        weak_pairs, missed, _ = _match(left, weak, at_s)
        pairs += weak_pairs
        for track in missed:
            track.scores.append(0.0)
        pairs += [(self._begin(detection, at_s), detection) for detection in fresh]
        for track, detection in pairs:
            track.found(detection, at_s)
        pairs.sort(key=lambda pair: pair[0].number)
        begun = [track for track, _ in pairs if not track.counts and self._is_sure(track)]
        for track in begun:
            track.counts = True
        return Step(pairs, begun, self._drop_lost(at_s))

    def nearly_counts(self, track: Track) -> bool:
        """One more frame that shows it may make it count."""
        return not track.counts and track.hits >= self._settings.min_frames - 1

    def finish(self) -> list[Track]:
        """End everything; the tracks that counted."""
        counted = [track for track in self.tracks if track.counts]
        self.tracks = []
        return counted

    def _begin(self, detection: Detection, at_s: float) -> Track:
        track = Track(next(self._numbers), detection.label, detection.box, at_s)
        self.tracks.append(track)
        return track

    def _is_sure(self, track: Track) -> bool:
        return track.hits >= self._settings.min_frames and median(track.scores) >= self._threshold_of(track.label)

    def _drop_lost(self, at_s: float) -> list[Track]:
        lost = [track for track in self.tracks if at_s - track.seen_s > self._settings.lost_after_s]
        self.tracks = [track for track in self.tracks if track not in lost]
        return [track for track in lost if track.counts]


def _match(
    tracks: Sequence[Track], detections: Sequence[Detection], at_s: float
) -> tuple[list[tuple[Track, Detection]], list[Track], list[Detection]]:
    """Pairs, tracks left over, detections left over."""
    predicted = [track.predicted(at_s) for track in tracks]
    fits = [
        (fit, t, d)
        for t, track in enumerate(tracks)
        for d, detection in enumerate(detections)
        if track.label == detection.label and (fit := _fit(predicted[t], detection.box)) is not None
    ]
    fits.sort(key=lambda item: (-item[0], item[1], item[2]))
    free_tracks, free_detections = set(range(len(tracks))), set(range(len(detections)))
    pairs = []
    for _, t, d in fits:
        if t in free_tracks and d in free_detections:
            free_tracks.remove(t)
            free_detections.remove(d)
            pairs.append((tracks[t], detections[d]))
    return pairs, [tracks[t] for t in sorted(free_tracks)], [detections[d] for d in sorted(free_detections)]


def _fit(expected: Box, found: Box) -> float | None:
    """How well a box fits, larger is better; None: it cannot be the same thing."""
    overlap = iou(expected, found)
    if overlap >= MIN_IOU:
        return 1.0 + overlap
    small, large = sorted((expected.area, found.area))
    (x0, y0), (x1, y1) = expected.centre, found.centre
    moved = hypot(x1 - x0, y1 - y0) / max(1e-6, hypot(expected.width, expected.height))
    return 1.0 - moved if moved < NEAR and large <= small * SIZE_RATIO else None
