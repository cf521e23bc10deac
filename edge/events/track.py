"""One thing that is followed. Pure: no clock, no randomness."""

from collections import deque
from dataclasses import dataclass, field
from math import exp, hypot

from edge.geometry import Box
from edge.recognition.port import Detection

SCORES = 10
"""A thing counts once the median of its last scores reaches the threshold; a look that missed it scores 0."""
VELOCITY_S = 0.4
"""Velocity is a running mean over about so long: boxes tremble more than things do."""
AHEAD_S = 1.0
"""No thing is expected farther on than its velocity takes it in this time."""
STILL, MOVED = 0.1, 0.2
"""Shares of its diagonal: a thing that stays within the first becomes stationary, one that is beyond the second moves."""
STILL_LOOKS = 5
"""A thing must be found so often in its place before it is stationary."""


@dataclass(slots=True, eq=False)
class Track:
    """One thing that is followed. Times are seconds of one clock, those of `Tracker.update`."""

    number: int
    label: str
    box: Box
    seen_s: float
    place: Box
    """Where it is while it is still: the box that it was first found in since it moved last."""
    placed_s: float
    placed_looks: int = 0
    sure_s: float = 0.0
    """When its score reached its threshold last."""
    velocity: tuple[float, float] = (0.0, 0.0)
    scores: deque[float] = field(default_factory=lambda: deque(maxlen=SCORES))
    area: float = 0.0
    """What its boxes cover as a rule: a running mean."""
    hits: int = 0
    counts: bool = False
    """It was found often and surely enough; stays so."""
    stationary: bool = False
    moves: int = 0
    """Looks in a row that found a stationary thing away from its place."""
    missed_since_s: float | None = None
    """The first look that missed it since it was found last; None: the last look at its place found it."""

    @classmethod
    def begin(cls, number: int, detection: Detection, at_s: float) -> "Track":
        box = detection.box
        return cls(number, detection.label, box, at_s, box, at_s, sure_s=at_s, area=box.area)

    def predicted(self, at_s: float) -> Box:
        if self.stationary:
            return self.place if self.missed_since_s is not None else self.box
        ahead_s = min(at_s - self.seen_s, AHEAD_S)
        return self.box.moved(self.velocity[0] * ahead_s, self.velocity[1] * ahead_s)

    def found(self, detection: Detection, at_s: float, *, sure: bool, still_after_s: float) -> None:
        self._measure(detection.box, at_s - self.seen_s)
        self.box, self.seen_s, self.missed_since_s = detection.box, at_s, None
        self.scores.append(detection.score)
        self.hits += 1
        if sure:
            self.sure_s = at_s
        self._settle(at_s, still_after_s)

    def missed(self, at_s: float) -> None:
        self.scores.append(0.0)
        if self.missed_since_s is None:
            self.missed_since_s = at_s

    def doubtful_s(self, at_s: float) -> float:
        """For how long it has been in its place without ever being surely found there; 0: it was.

        Something that is always weakly found, such as a post that looks a little like a person, takes hold of a track that passes it.
        """
        return at_s - self.placed_s if self.sure_s < self.placed_s else 0.0

    def _measure(self, box: Box, passed_s: float) -> None:
        if passed_s <= 0:
            return
        (x0, y0), (x1, y1) = self.box.centre, box.centre
        share = max(1.0 - exp(-passed_s / VELOCITY_S), 1.0 / max(1, self.hits))
        self.area += share * (box.area - self.area)
        vx, vy = self.velocity
        self.velocity = (vx + share * ((x1 - x0) / passed_s - vx), vy + share * ((y1 - y0) / passed_s - vy))

    def _settle(self, at_s: float, still_after_s: float) -> None:
        away = distance(self.place, self.box)
        if self.stationary:
            self.moves = self.moves + 1 if away > MOVED else 0
            if self.moves < 2:  # one box that jumps is a bad box
                return
            self.stationary, self.moves = False, 0
        if away > STILL:
            self.place, self.placed_s, self.placed_looks = self.box, at_s, 0
        self.placed_looks += 1
        if self.sure_s >= self.placed_s and self.placed_looks >= STILL_LOOKS and at_s - self.placed_s >= still_after_s:
            self.stationary, self.velocity = True, (0.0, 0.0)


def distance(a: Box, b: Box) -> float:
    """Between the centres, in diagonals of `a`."""
    (x0, y0), (x1, y1) = a.centre, b.centre
    return hypot(x1 - x0, y1 - y0) / max(1e-6, hypot(a.width, a.height))
