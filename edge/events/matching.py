"""Which finding belongs to which track. Pure and deterministic."""

from collections.abc import Sequence
from typing import NamedTuple

from edge.events.track import Track, distance
from edge.geometry import Box, iou
from edge.recognition.port import Detection

MIN_IOU = 0.2
NEAR = 0.5
"""Without overlap, a box is still the same thing when its centre moved by less than this share of its diagonal."""
SIZE_RATIO = 2.5

Pairs = list[tuple[Track, Detection]]


class Matched(NamedTuple):
    pairs: Pairs
    tracks: list[Track]
    """Left over, in their order."""
    detections: list[Detection]
    """Left over, in their order."""


def match(tracks: Sequence[Track], detections: Sequence[Detection], at_s: float) -> Matched:
    """Pair greedily, best fit first: of equal fits the older track and the earlier detection."""
    expected = [track.predicted(at_s) for track in tracks]
    fits = [
        (-fit, t, d)
        for t, track in enumerate(tracks)
        for d, detection in enumerate(detections)
        if track.label == detection.label and (fit := fit_of(expected[t], detection.box)) is not None
    ]
    free_tracks, free_detections = set(range(len(tracks))), set(range(len(detections)))
    pairs = []
    for _, t, d in sorted(fits):
        if t in free_tracks and d in free_detections:
            free_tracks.remove(t)
            free_detections.remove(d)
            pairs.append((tracks[t], detections[d]))
    return Matched(pairs, [tracks[t] for t in sorted(free_tracks)], [detections[d] for d in sorted(free_detections)])


def fit_of(expected: Box, found: Box) -> float | None:
    """How well a box fits, larger is better; None: it cannot be the same thing."""
    overlap = iou(expected, found)
    if overlap >= MIN_IOU:
        return 1.0 + overlap
    small, large = sorted((expected.area, found.area))
    moved = distance(expected, found)
    return 1.0 - moved if moved < NEAR and large <= small * SIZE_RATIO else None
