"""Which finding belongs to which track. Pure and deterministic."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from edge.events.track import Track, distance
from edge.geometry import Box, iou
from edge.recognition.port import Detection

MIN_IOU = 0.35
NEAR = 0.5
"""Without overlap, a box is still the same thing when its centre moved by less than this share of its diagonal."""
SIZE_RATIO = 2.5
WALK, FAR = 0.75, 1.5
"""So many of its diagonals a thing that was lost sight of may go in a second, as a person who walks does; and in all."""

Pairs = list[tuple[Track, Detection]]


class Matched(NamedTuple):
    pairs: Pairs
    tracks: list[Track]
    """Left over, in their order."""
    detections: list[Detection]
    """Left over, in their order."""


def match(tracks: Sequence[Track], detections: Sequence[Detection], at_s: float) -> Matched:
    """Pair what is found where a track is expected."""
    expected = [track.predicted(at_s) for track in tracks]
    return _greedy(tracks, detections, lambda t, d: fit_of(expected[t], detections[d].box))


def rejoin(tracks: Sequence[Track], detections: Sequence[Detection], at_s: float) -> Matched:
    """Pair what is found near the place where a track was seen last: hidden for a moment, a thing may turn, stop or go faster."""

    def fit(t: int, d: int) -> float | None:
        track, found = tracks[t], detections[d].box
        if not track.counts or track.missed_since_s is None or _unlike(track.area, found.area):
            return None
        moved = min(distance(track.box, found), distance(found, track.box))  # the last sight was perhaps of a part
        return -moved if moved < min(FAR, NEAR + WALK * (at_s - track.seen_s)) else None

    return _greedy(tracks, detections, fit)


def _greedy(
    tracks: Sequence[Track], detections: Sequence[Detection], fit_of_pair: Callable[[int, int], float | None]
) -> Matched:
    """Best fit first: of equal fits the older track and the earlier detection."""
    fits = [
        (-fit, t, d)
        for t, track in enumerate(tracks)
        for d, detection in enumerate(detections)
        if track.label == detection.label and (fit := fit_of_pair(t, d)) is not None
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
    moved = distance(expected, found)
    return 1.0 - moved if moved < NEAR and not _unlike(expected.area, found.area) else None


def _unlike(area: float, other: float) -> bool:
    small, large = sorted((area, other))
    return large > small * SIZE_RATIO
