"""The same thing over frames. Pure: what comes out depends only on what went in."""

from collections.abc import Callable, Sequence
from itertools import count
from statistics import median
from typing import NamedTuple

from edge.events.matching import Pairs, match, rejoin
from edge.events.track import Track
from edge.geometry import WHOLE, Box
from edge.recognition.port import Detection

MAX_TRACKS = 64
"""Things followed at once by one camera; what comes beyond is not followed until one is gone."""
INSIDE = 0.5
"""A track is looked for only where more than this share of the box in which it is expected was looked at."""


NESTED = 0.4
"""A finding that shares so much of the smaller of two boxes with one of its label begins no thing of its own."""


class TrackSettings(NamedTuple):
    min_frames: int = 3
    lost_after_s: float = 2.0
    still_after_s: float = 5.0
    still_lost_after_s: float = 10.0
    """As `lost_after_s`, for a stationary thing: what passes in front of it takes a while."""


class Step(NamedTuple):
    """What one look changed."""

    found: Pairs
    """Tracks that are in this frame."""
    begun: list[Track]
    """Tracks that count from this frame on."""
    lost: list[Track]
    """Tracks that counted and are over."""


class Tracker:
    """Follows things of the same label from look to look.

    Detections that reach their threshold are matched before weaker ones, so that a sure finding is never taken by the wrong track, and a
    weak one only continues a track and never begins one.

    Args:
        threshold_of: score from which a label counts.
    """

    def __init__(self, settings: TrackSettings, threshold_of: Callable[[str], float]) -> None:
        self._settings = settings
        self._threshold_of = threshold_of
        self._numbers = count(1)
        self.tracks: list[Track] = []

    def update(self, detections: Sequence[Detection], at_s: float, looked: Box = WHOLE) -> Step:
        """Take what one look found. What is expected outside `looked` was not missed."""
        strong = [d for d in detections if d.score >= self._threshold_of(d.label)]
        weak = [d for d in detections if d.score < self._threshold_of(d.label)]
        first = match(self.tracks, strong, at_s)
        second = match(first.tracks, weak, at_s)
        pairs = first.pairs + second.pairs
        again = rejoin(second.tracks, _alone(first.detections, pairs), at_s)
        pairs += again.pairs
        pairs += self._begin(again.detections, at_s)
        for track in again.tracks:
            if was_looked_at(track.predicted(at_s), looked):
                track.missed(at_s)
        for track, detection in pairs:
            sure = detection.score >= self._threshold_of(detection.label)
            track.found(detection, at_s, sure=sure, still_after_s=self._settings.still_after_s)
        pairs.sort(key=lambda pair: pair[0].number)
        begun = [track for track, _ in pairs if not track.counts and self._is_sure(track)]
        for track in begun:
            track.counts = True
        return Step(pairs, begun, self._drop_lost(at_s))

    @property
    def restless(self) -> list[Track]:
        """Those that want another look even if nothing moves: not yet stationary, or missed by the last look at their place."""
        return [track for track in self.tracks if not track.stationary or track.missed_since_s is not None]

    def nearly_counts(self, track: Track) -> bool:
        """One more frame that shows it may make it count."""
        return not track.counts and track.hits >= self._settings.min_frames - 1

    def finish(self) -> list[Track]:
        """End everything; the tracks that counted."""
        counted = [track for track in self.tracks if track.counts]
        self.tracks = []
        return counted

    def _begin(self, detections: Sequence[Detection], at_s: float) -> Pairs:
        fresh = detections[: MAX_TRACKS - len(self.tracks)]
        pairs = [(Track.begin(next(self._numbers), detection, at_s), detection) for detection in fresh]
        self.tracks += [track for track, _ in pairs]
        return pairs

    def _is_sure(self, track: Track) -> bool:
        return track.hits >= self._settings.min_frames and median(track.scores) >= self._threshold_of(track.label)

    def _drop_lost(self, at_s: float) -> list[Track]:
        lost = [track for track in self.tracks if self._is_lost(track, at_s)]
        self.tracks = [track for track in self.tracks if track not in lost]
        return [track for track in lost if track.counts]

    def _is_lost(self, track: Track, at_s: float) -> bool:
        if track.doubtful_s(at_s) > self._settings.lost_after_s:
            return True
        # From the first look that missed it: where nothing moves, looks are rare, and one that misses proves little.
        patience_s = self._settings.still_lost_after_s if track.stationary else self._settings.lost_after_s
        return track.missed_since_s is not None and at_s - track.missed_since_s > patience_s


def _alone(fresh: Sequence[Detection], pairs: Pairs) -> list[Detection]:
    """Without those that are mostly the same as something that was found already: a second box around a thing, or around a part of it."""
    taken = [detection for _, detection in pairs]
    alone: list[Detection] = []
    for detection in fresh:
        if not any(detection.label == other.label and _nested(detection.box, other.box) for other in taken + alone):
            alone.append(detection)
    return alone


def _nested(a: Box, b: Box) -> bool:
    return a.shared(b).area > NESTED * min(a.area, b.area)


def was_looked_at(expected: Box, looked: Box) -> bool:
    """What is expected beyond the border of the picture would have been seen, had it stayed."""
    visible = expected.clipped()
    return visible.area <= 0 or visible.shared(looked).area > INSIDE * visible.area
