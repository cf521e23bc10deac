"""One thing gives one event: begun when it counts, ended when it is gone. Pure but for the ids."""

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Literal, NamedTuple, Protocol

import msgspec

from edge.camera.port import Frame, Still
from edge.clock import Instant
from edge.events.track import Track
from edge.events.tracks import Tracker, TrackSettings
from edge.geometry import WHOLE, Box
from edge.recognition.port import NOTHING, Detection, Insight
from edge.store.port import EndReason, Event

Kind = Literal["started", "updated", "ended"]
BORDER = 0.005
CUT_OFF = 0.7
"""What a picture is worth whose thing is cut off by the border."""
BETTER = 1.1
"""By so much a later picture must be worth more to replace the one before it: a picture has its price."""
GROWN = 1.2
"""A box that is larger than this many times the usual one of its thing is hardly around that thing alone."""
LOOKS = 2
"""Second looks at one thing, at the most."""
HOLD_S = 5.0
"""An end waits no longer than this, in the time of the frames, for the result of a look that is under way."""


class Change(NamedTuple):
    """An event has begun or ended, or a second look has found more of it.

    `frame` is the picture to keep with it; None: the one that it has already.
    """

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


class LookRequest(NamedTuple):
    """Look again at the thing that is in `box` of `frame`."""

    event: str
    label: str
    box: Box
    frame: Frame


class LookResult(NamedTuple):
    """What became of a request: every one has exactly one."""

    request: LookRequest
    insight: Insight


class Looks(Protocol):
    """Second looks, done elsewhere. Thread: any."""

    def wants(self, label: str) -> bool:
        """Things of this label are looked at again."""
        ...

    def ask(self, request: LookRequest) -> None:
        """Look later; never waits. The result comes to `LifeCycle.on_look`."""
        ...

    def look(self, request: LookRequest) -> Insight:
        """Look now."""
        ...


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
        looks: Looks | None = None,
    ) -> None:
        self._camera = camera
        self._boot_id = boot_id
        self._threshold_of = threshold_of
        self._new_id = new_id
        self._looks = looks
        self._tracker = Tracker(settings, threshold_of)
        self._best: dict[int, _Best] = {}
        self._first: dict[int, Instant] = {}
        self._seen: dict[int, Instant] = {}
        self._top: dict[int, float] = {}
        self._events: dict[int, Event] = {}
        self._asked: dict[int, int] = {}
        self._pending: set[str] = set()
        self._held: dict[str, tuple[Change, float]] = {}

    def on_frame(self, frame: Frame, detections: Sequence[Detection], looked: Box = WHOLE) -> list[Change]:
        """Take what was found in one frame.

        Args:
            looked: the part of the frame that was looked at. Things that are expected elsewhere were not missed.
        """
        if frame.still is not None:
            return self._on_still(frame, detections)
        if not (detections or self._tracker.tracks or self._held):
            return []  # nothing is there and nothing was: most frames of most cameras
        step = self._tracker.update(detections, frame.taken.boot_s, looked)
        for track, detection in step.found:
            self._remember(track, detection, frame)
        changes = [self._start(track) for track in step.begun]
        changes += [self._end(track, "left") for track in step.lost]
        self._forget()
        return self._hold(changes, frame.taken.boot_s)

    def on_look(self, result: LookResult) -> list[Change]:
        """Take what a second look found: into the event, or into its end when that has waited for it."""
        self._pending.discard(result.request.event)
        held = self._held.pop(result.request.event, None)
        if held is not None:
            change, _ = held
            return [change._replace(event=_with_insight(change.event, result.insight))]
        for number, event in self._events.items():
            if event.id == result.request.event:
                return self._update(number, event, result)
        return []

    @property
    def attention(self) -> tuple[Box, ...]:
        """Where another look is wanted even if nothing moves: at things that are not stationary yet, or that the last look missed.

        Empty: the scene is quiet.
        """
        return tuple(track.box for track in self._tracker.restless)

    def likely(self) -> list[Frame]:
        """The pictures of things that begin to count if the next frame shows them again."""
        return [self._best[track.number].frame for track in self._tracker.tracks if self._tracker.nearly_counts(track)]

    def finish(self, reason: EndReason) -> list[Change]:
        """End all that is open: the camera stopped or the program stops. Ends that wait for a look wait on, until `release`."""
        ends = [self._end(track, reason) for track in self._tracker.finish()]
        seen_s = max((change.event.seen.boot_s for change in ends), default=0.0)
        self._forget()
        return self._hold(ends, seen_s)

    def release(self) -> list[Change]:
        """The ends that still wait for a look, without it."""
        changes = [change for change, _ in self._held.values()]
        self._held.clear()
        return changes

    def _on_still(self, frame: Frame, detections: Sequence[Detection]) -> list[Change]:
        changes = []
        for found in detections:
            if found.score < self._threshold_of(found.label):
                continue
            event = self._event(found, frame.taken, frame.taken, source=frame.still.path if frame.still else None)
            if self._looks is not None and self._looks.wants(found.label):
                insight = self._looks.look(LookRequest(event.id, found.label, found.box, frame))
                event = _with_insight(event, insight)
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
        best, worth = self._best.get(track.number), _worth(detection, track.area)
        if best is None or worth > best.worth * BETTER:
            self._best[track.number] = _Best(worth, frame, detection)
            if track.number in self._events:
                self._ask(track.number)

    def _start(self, track: Track) -> Change:
        best = self._best[track.number]
        found = best.detection._replace(score=self._top[track.number])
        event = self._event(found, self._first[track.number], self._seen[track.number])
        self._events[track.number] = event
        self._ask(track.number)
        return Change("started", event, best.frame)

    def _ask(self, number: int) -> None:
        """A second look at the best picture so far, unless one is under way, has found something, or there were enough."""
        event, best = self._events[number], self._best[number]
        known = event.sub_label is not None or event.keypoints is not None
        if self._looks is None or known or event.id in self._pending or not self._looks.wants(event.label):
            return
        if self._asked.get(number, 0) >= LOOKS:
            return
        self._asked[number] = self._asked.get(number, 0) + 1
        self._pending.add(event.id)
        self._looks.ask(LookRequest(event.id, event.label, best.detection.box, best.frame))

    def _update(self, number: int, event: Event, result: LookResult) -> list[Change]:
        looked_at = result.request
        if result.insight == NOTHING:
            if self._best[number].frame is not looked_at.frame:  # a better picture came meanwhile
                self._ask(number)
            return []
        updated = msgspec.structs.replace(
            _with_insight(event, result.insight),
            revision=event.revision + 1,
            seen=self._seen[number],
            score=self._top[number],
            box=looked_at.box,  # the picture goes with what was found in it
        )
        self._events[number] = updated
        return [Change("updated", updated, looked_at.frame if looked_at.box != event.box else None)]

    def _hold(self, changes: list[Change], now_s: float) -> list[Change]:
        """Keep back ends whose second look is under way; let go of those that have waited too long."""
        ready = []
        for change in changes:
            if change.kind == "ended" and change.event.id in self._pending:
                self._held[change.event.id] = (change, now_s)
            else:
                ready.append(change)
        late = [id_ for id_, (_, since_s) in self._held.items() if now_s - since_s > HOLD_S]
        return ready + [self._held.pop(id_)[0] for id_ in late]

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
        if len(self._first) == len(self._tracker.tracks):
            return
        alive = {track.number for track in self._tracker.tracks}
        for known in (self._best, self._first, self._seen, self._top, self._events, self._asked):
            for number in known.keys() - alive:
                del known[number]


def _with_insight(event: Event, insight: Insight) -> Event:
    if insight == NOTHING:
        return event
    sub_score = insight.sub_score if insight.sub_label else None
    return msgspec.structs.replace(
        event, sub_label=insight.sub_label or None, sub_score=sub_score, keypoints=insight.keypoints or None
    )


def _worth(detection: Detection, usual_area: float) -> float:
    box = detection.box
    cut = min(box.left, box.top) < BORDER or max(box.right, box.bottom) > 1 - BORDER
    return detection.score * sqrt(min(box.area, GROWN * usual_area)) * (CUT_OFF if cut else 1.0)
