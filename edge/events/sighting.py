"""What is remembered of one thing that is followed: when, where, its best picture, and what was told of it."""

from dataclasses import dataclass, field
from math import sqrt
from typing import NamedTuple

import numpy as np

from edge.camera.port import Frame, Pixels
from edge.clock import Instant
from edge.events.lines import LineState
from edge.events.track import Track
from edge.events.zones import ZoneState, stands_at
from edge.geometry import Box
from edge.recognition.port import Detection
from edge.store.port import Crossing, Event, PathPoint

BORDER = 0.005
CUT_OFF = 0.7
"""What a picture is worth whose thing is cut off by the border."""
GROWN = 1.2
"""A box that is larger than this many times the usual one of its thing is hardly around that thing alone."""
BLURRED = 0.8
"""What a picture is worth in which the thing has no sharp edge at all, beside a sharp one."""
SHARP = 0.08
"""Mean difference of neighbouring pixels, of their contrast, from which a thing is sharp."""
SAMPLE_PX = 96
BETTER = 1.1
"""By so much a later picture must be worth more to replace the one before it."""
MOST_POINTS = 64


class Best(NamedTuple):
    """The best sight so far. `frame` is None once the keeper has it, or when there was no room to hold it."""

    worth: float
    frame: Frame | None
    detection: Detection


class Path:
    """Where a thing stood, thinned evenly so that it never has more than MOST_POINTS points."""

    def __init__(self) -> None:
        self._points: list[PathPoint] = []
        self._last: PathPoint | None = None
        self._step = 1
        self._looks = 0

    def add(self, box: Box, since_start_s: float) -> None:
        x, y = stands_at(box)
        self._last = PathPoint(round(x, 4), round(y, 4), round(since_start_s, 2))
        if self._looks % self._step == 0:
            self._points.append(self._last)
        self._looks += 1
        if len(self._points) == MOST_POINTS:
            self._points = self._points[::2]
            self._step *= 2

    @property
    def points(self) -> tuple[PathPoint, ...]:
        """The first and the last sight are always among them."""
        ends = () if self._last is None or self._points[-1:] == [self._last] else (self._last,)
        return (*self._points, *ends)


@dataclass(slots=True)
class Sighting:
    """One thing. `event` is None until it has begun; `told_s` is when its last message was made."""

    track: Track
    first: Instant
    seen: Instant
    zones: ZoneState
    lines: LineState
    best: Best | None = None
    top: float = 0.0
    path: Path = field(default_factory=Path)
    event: Event | None = None
    kept: Best | None = None
    """What the picture that the keeper has shows."""
    pictures: int = 0
    told_s: float = 0.0
    looks: int = 0
    """Second looks that were asked for."""
    passed_over: bool = False
    """It counted while nothing was armed."""
    _crossed: list[Crossing] = field(default_factory=list)

    def see(self, detection: Detection, frame: Frame) -> bool:
        """Take a sight of it; whether it is the best so far."""
        self.seen = frame.taken
        self.top = max(self.top, detection.score)
        self.path.add(detection.box, frame.taken.boot_s - self.first.boot_s)
        self.zones.look(detection, frame.taken.boot_s)
        self._crossed += self.lines.look(detection.label, detection.box)
        worth = worth_of(detection, self.track.area)
        if self.best is not None and worth <= self.best.worth * BETTER:  # sharpness cannot raise it
            return False
        worth *= BLURRED + (1 - BLURRED) * sharpness(frame.pixels, detection.box)
        if self.best is not None and worth <= self.best.worth * BETTER:
            return False
        self.best = Best(worth, frame, detection)
        return True

    def crossed(self) -> list[Crossing]:
        """Lines that it has crossed since this was asked last."""
        crossed, self._crossed = self._crossed, []
        return crossed

    def hand_over(self) -> Frame | None:
        """The best picture, if the keeper does not have it yet; it is not held any longer."""
        best = self.best
        if best is None or best.frame is None:
            return None
        self.best = self.kept = best._replace(frame=None)
        self.pictures += 1
        return best.frame

    def drop_picture(self) -> None:
        """Hold its frame no longer: what comes later has only what was kept to beat."""
        self.best = self.kept

    def gain(self) -> float:
        """How many times as much the picture that is held is worth as the one that was kept."""
        if self.best is None or self.best.frame is None:
            return 0.0
        return self.best.worth / self.kept.worth if self.kept is not None else float("inf")


def worth_of(detection: Detection, usual_area: float) -> float:
    box = detection.box
    cut = min(box.left, box.top) < BORDER or max(box.right, box.bottom) > 1 - BORDER
    return detection.score * sqrt(min(box.area, GROWN * usual_area)) * (CUT_OFF if cut else 1.0)


def sharpness(pixels: Pixels, box: Box) -> float:
    """0: no edge in the box is sharp, 1: they are. Of a small sample around its middle."""
    left, top, right, bottom = box.clipped().to_pixels((pixels.shape[1], pixels.shape[0]))
    x, y = max(left, (left + right - SAMPLE_PX) // 2), max(top, (top + bottom - SAMPLE_PX) // 2)
    sample = pixels[y : min(bottom, y + SAMPLE_PX), x : min(right, x + SAMPLE_PX), 1].astype(np.int16)
    if min(sample.shape) < 3:
        return 1.0
    contrast = float(sample.max() - sample.min())
    if contrast < 1:
        return 0.0
    edges = float(np.abs(np.diff(sample, axis=1)).mean() + np.abs(np.diff(sample, axis=0)).mean()) / 2
    return min(1.0, edges / contrast / SHARP)
