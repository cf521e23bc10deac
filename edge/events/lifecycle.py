"""One thing gives one event: begun when it counts, ended when it is gone. Pure but for the ids."""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Literal, NamedTuple

import msgspec

from edge.camera.port import Frame, Still
from edge.clock import Instant
from edge.events.tracks import Track, Tracker, TrackSettings
from edge.recognition.port import Detection
from edge.store.port import EndReason, Event

Kind = Literal["started", "ended"]
BORDER = 0.005
CUT_OFF = 0.7
"""What a picture is worth whose thing is cut off by the border."""
BETTER = 1.1
"""By so much a later picture must be worth more to replace the one before it: a picture has its price."""


class Change(NamedTuple):
    """An event has begun or ended. `frame` is the picture to keep with it; None: the one that it has already."""

    kind: Kind
    event: Event
    frame: Frame | None


class Outcome(NamedTuple):
    """All that one frame led to.

    `still` is the camera and the stored picture that are done with it. `likely` are frames whose picture will probably be
    wanted with the next frame: what can be done for it now need not be waited for then.
    """

    changes: list[Change]
    still: tuple[str, Still] | None = None
    likely: Sequence[Frame] = ()


class _Best(NamedTuple):
    worth: float
    frame: Frame
    detection: Detection


class LifeCycle:
    """The events of one camera.

    Thread: one caller at a time.
    """

    def __init__(
        self,
        camera: str,
        boot_id: str,
        settings: TrackSettings,
        threshold_of: Callable[[str], float],
        new_id: Callable[[], str],
    ) -> None:
        self._camera = camera
        self._boot_id = boot_id
        self._threshold_of = threshold_of
        self._new_id = new_id
        self._tracker = Tracker(settings, threshold_of)
        self._best: dict[int, _Best] = {}
        self._first: dict[int, Instant] = {}
        self._seen: dict[int, Instant] = {}
        self._top: dict[int, float] = {}
        self._events: dict[int, Event] = {}

    def on_frame(self, frame: Frame, detections: Sequence[Detection]) -> list[Change]:
        if frame.still is not None:
            return self._on_still(frame, detections)
        step = self._tracker.update(detections, frame.taken.boot_s)
        for track, detection in step.found:
            self._remember(track, detection, frame)
        changes = [self._start(track) for track in step.begun]
        changes += [self._end(track, "left") for track in step.lost]
        self._forget()
        return changes

    def likely(self) -> list[Frame]:
        """The pictures of things that begin to count if the next frame shows them again."""
        return [self._best[track.number].frame for track in self._tracker.tracks if self._tracker.nearly_counts(track)]

    def finish(self, reason: EndReason) -> list[Change]:
        """End all that is open: the camera stopped or the program stops."""
        changes = [self._end(track, reason) for track in self._tracker.finish()]
        self._forget()
        return changes

    def _on_still(self, frame: Frame, detections: Sequence[Detection]) -> list[Change]:
        changes = []
        for found in detections:
            if found.score < self._threshold_of(found.label):
                continue
            event = self._event(found, frame.taken, frame.taken, source=frame.still.path if frame.still else None)
            changes.append(Change("started", event, frame))
            changes.append(Change("ended", msgspec.structs.replace(event, revision=2, end_reason="still"), None))
        return changes

    def _event(self, found: Detection, started: Instant, seen: Instant, source: str | None = None) -> Event:
        return Event(
            id=self._new_id(),
            camera=self._camera,
            label=found.label,
            score=found.score,
            box=found.box,
            started=started,
            seen=seen,
            boot_id=self._boot_id,
            source=source,
        )

    def _remember(self, track: Track, detection: Detection, frame: Frame) -> None:
        self._first.setdefault(track.number, frame.taken)
        self._seen[track.number] = frame.taken
        self._top[track.number] = max(detection.score, self._top.get(track.number, 0.0))
        best, worth = self._best.get(track.number), _worth(detection)
        if best is None or worth > best.worth * BETTER:
            self._best[track.number] = _Best(worth, frame, detection)

    def _start(self, track: Track) -> Change:
        best = self._best[track.number]
        found = best.detection._replace(score=self._top[track.number])
        event = self._event(found, self._first[track.number], self._seen[track.number])
        self._events[track.number] = event
        return Change("started", event, best.frame)

    def _end(self, track: Track, reason: EndReason) -> Change:
        event, best = self._events[track.number], self._best[track.number]
        ended = msgspec.structs.replace(
            event,
            revision=event.revision + 1,
            seen=self._seen[track.number],
            end_reason=reason,
            score=self._top[track.number],
            box=best.detection.box,
        )
        return Change("ended", ended, best.frame if best.detection.box != event.box else None)

    def _forget(self) -> None:
        alive = {track.number for track in self._tracker.tracks}
        for known in (self._best, self._first, self._seen, self._top, self._events):
            for number in known.keys() - alive:
                del known[number]


def _worth(detection: Detection) -> float:
    box = detection.box
    cut = min(box.left, box.top) < BORDER or max(box.right, box.bottom) > 1 - BORDER
    return detection.score * sqrt(box.area) * (CUT_OFF if cut else 1.0)
