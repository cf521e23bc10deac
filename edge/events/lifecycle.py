"""One thing gives one event: begun when it counts, ended when it is gone. Pure but for the ids."""

from collections.abc import Callable, Sequence

import msgspec

from edge.camera.port import Frame
from edge.clock import Instant
from edge.events.lines import LineState
from edge.events.port import Change, Kind, LookRequest, LookResult, Looks, Thing
from edge.events.rules import ANY, Rules
from edge.events.sighting import Best, Sighting
from edge.events.track import Track
from edge.events.tracks import Tracker, TrackSettings
from edge.events.zones import ZoneState
from edge.geometry import WHOLE, Box
from edge.recognition.port import NOTHING, Detection, Insight
from edge.store.port import Crossing, EndReason, Event

CLEARLY = 1.5
"""By so much a picture must be worth more to be worth an update: every picture is written to the card."""
AT_END = 1.2
"""By so much, to be kept with the end, which is written anyway."""
PICTURES = 3
"""Pictures of one event, at the most; the last is left to the end."""
SOON_S, PICTURE_S, EVERY_S = 1.0, 5.0, 60.0
"""Least time between two messages of one event: for a change of place, for a better picture, when nothing changed."""
HELD = 8
"""Different frames that are held at once, at the most, for pictures that may be wanted. A frame of 1280x720 is 2.8 MB."""
LOOKS = 2
"""Second looks at one thing, at the most."""
HOLD_S = 5.0
"""An end waits no longer than this, in the time of the frames, for the result of a look that is under way."""


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
        rules: Rules = ANY,
    ) -> None:
        self._camera = camera
        self._boot_id = boot_id
        self._threshold_of = threshold_of
        self._new_id = new_id
        self._looks = looks
        self._rules = rules
        self._tracker = Tracker(settings, threshold_of)
        self._sightings: dict[int, Sighting] = {}
        self._pending: set[str] = set()
        self._held: dict[str, tuple[Change, float]] = {}
        self._crossings: list[Crossing] = []

    def on_frame(self, frame: Frame, detections: Sequence[Detection], looked: Box = WHOLE) -> list[Change]:
        """Take what was found in one frame.

        Args:
            looked: the part of the frame that was looked at. Things that are expected elsewhere were not missed.
        """
        if self._rules.filters:
            detections = [found for found in detections if self._rules.passes(found, frame.size)]
        if frame.still is not None:
            return self._on_still(frame, detections)
        if not (detections or self._tracker.tracks or self._held):
            return []  # nothing is there and nothing was: most frames of most cameras
        step = self._tracker.update(detections, frame.taken.boot_s, looked)
        changes: list[Change] = []
        if self._rules.armed(frame.taken):
            for track, detection in step.found:
                changes += self._see(track, detection, frame)
        else:
            changes += self._disarm(frame.taken)
        changes += self._end_all([self._sightings[t.number] for t in step.lost if t.number in self._sightings], "left")
        self._forget()
        return self._hold(changes, frame.taken.boot_s)

    def on_look(self, result: LookResult) -> list[Change]:
        """Take what a second look found: into the event, or into its end when that has waited for it."""
        self._pending.discard(result.request.event)
        held = self._held.pop(result.request.event, None)
        if held is not None:
            change, _ = held
            return [change._replace(event=_with_insight(change.event, result.insight))]
        for sighting in self._sightings.values():
            if sighting.event is not None and sighting.event.id == result.request.event:
                return self._take_look(sighting, sighting.event, result)
        return []

    @property
    def attention(self) -> tuple[Box, ...]:
        """Where another look is wanted even if nothing moves: at things that are not stationary yet, that the last look missed, or that
        must stay in a zone to be in it.

        Empty: the scene is quiet.
        """
        waiting = (s.track for s in self._sightings.values() if s.zones.loiters)
        return tuple(track.box for track in dict.fromkeys((*self._tracker.restless, *waiting)))

    @property
    def follows(self) -> bool:
        """Something is there, or was in the last frame."""
        return bool(self._tracker.tracks or self._crossings)

    @property
    def things(self) -> tuple[Thing, ...]:
        """What the last look found."""
        found = (track for track in self._tracker.tracks if track.missed_since_s is None and track.scores)
        return tuple(Thing(t.label, t.scores[-1], t.box.clipped(), t.counts, t.stationary) for t in found)

    def likely(self) -> list[Frame]:
        """The pictures of things that begin to count if the next frame shows them again."""
        near = [
            self._sightings.get(track.number) for track in self._tracker.tracks if self._tracker.nearly_counts(track)
        ]
        return [s.best.frame for s in near if s is not None and s.best is not None and s.best.frame is not None]

    def crossings(self) -> list[Crossing]:
        """Lines that were crossed since this was asked last."""
        crossed, self._crossings = self._crossings, []
        return crossed

    def finish(self, reason: EndReason) -> list[Change]:
        """End all that is open: the camera stopped or the program stops. Ends that wait for a look wait on, until `release`."""
        self._tracker.finish()
        ends = self._end_all(list(self._sightings.values()), reason)
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

    def _see(self, track: Track, detection: Detection, frame: Frame) -> list[Change]:
        sighting = self._sightings.get(track.number)
        if sighting is None:
            sighting = self._sightings[track.number] = self._new_sighting(track, frame.taken)
        better = sighting.see(detection, frame)
        self._hold_few()
        if track.counts:
            self._crossings += sighting.crossed()
        if sighting.event is not None:
            if better:
                self._ask(sighting)
            return self._update(sighting, sighting.event)
        return [self._start(sighting, frame, detection)] if track.counts and self._may_start(sighting) else []

    def _new_sighting(self, track: Track, at: Instant) -> Sighting:
        return Sighting(track, at, at, ZoneState(self._rules.zones), LineState(self._rules.lines))

    def _may_start(self, sighting: Sighting) -> bool:
        # What stood there when the camera was armed, such as a parked car, is no news until it moves.
        if sighting.passed_over and sighting.track.stationary:
            return False
        return not self._rules.only_zones or not self._rules.only_zones.isdisjoint(sighting.zones.entered)

    def _disarm(self, at: Instant) -> list[Change]:
        """End what is open, and keep nothing of what is seen meanwhile but that it is there."""
        ends = self._end_all(list(self._sightings.values()), "disarmed")
        self._sightings = {track.number: self._new_sighting(track, at) for track in self._tracker.tracks}
        for sighting in self._sightings.values():
            sighting.passed_over = sighting.track.counts
        return ends

    def _start(self, sighting: Sighting, frame: Frame, detection: Detection) -> Change:
        best = sighting.best or Best(0.0, frame, detection)
        event = self._event(best.detection._replace(score=sighting.top), sighting.first, sighting.seen)
        sighting.event = _with_place(event, sighting)
        sighting.told_s = sighting.seen.boot_s
        self._ask(sighting)
        return Change("started", sighting.event, sighting.hand_over() or frame)

    def _update(self, sighting: Sighting, event: Event) -> list[Change]:
        """What is worth telling now, at a bounded rate; changes that come too soon wait for the next sight."""
        since_s = sighting.seen.boot_s - sighting.told_s
        moved = sighting.zones.current != event.current_zones or sighting.track.stationary != event.stationary
        better = sighting.gain() >= CLEARLY and sighting.pictures < PICTURES - 1
        due = (moved and since_s >= SOON_S) or (better and since_s >= PICTURE_S)
        if not due and (sighting.track.stationary or since_s < EVERY_S):
            return []
        return [self._tell(sighting, event, "updated", with_picture=better)]

    def _tell(
        self, sighting: Sighting, event: Event, kind: Kind, *, with_picture: bool, reason: EndReason | None = None
    ) -> Change:
        frame = sighting.hand_over() if with_picture else None
        told = msgspec.structs.replace(
            _with_place(event, sighting),
            revision=event.revision + 1,
            seen=sighting.seen,
            score=sighting.top,
            box=sighting.kept.detection.box if frame is not None and sighting.kept is not None else event.box,
            end_reason=reason,
            path=sighting.path.points if reason is not None else (),
        )
        sighting.event, sighting.told_s = told, sighting.seen.boot_s
        return Change(kind, told, frame)

    def _end_all(self, sightings: Sequence[Sighting], reason: EndReason) -> list[Change]:
        ends = []
        for sighting in sightings:
            if sighting.event is not None:
                wanted = reason != "disarmed" and sighting.gain() >= AT_END and sighting.pictures < PICTURES
                ends.append(self._tell(sighting, sighting.event, "ended", with_picture=wanted, reason=reason))
                sighting.event = None
        return ends

    def _ask(self, sighting: Sighting) -> None:
        """A second look at the best picture so far, unless one is under way, has found something, or there were enough."""
        event, best = sighting.event, sighting.best
        if self._looks is None or event is None or best is None or best.frame is None:
            return
        known = event.sub_label is not None or event.keypoints is not None
        if known or event.id in self._pending or sighting.looks >= LOOKS or not self._looks.wants(event.label):
            return
        sighting.looks += 1
        self._pending.add(event.id)
        self._looks.ask(LookRequest(event.id, event.label, best.detection.box, best.frame))

    def _take_look(self, sighting: Sighting, event: Event, result: LookResult) -> list[Change]:
        looked_at = result.request
        best = sighting.best
        if result.insight == NOTHING:
            if best is not None and best.frame is not looked_at.frame:  # a better picture came meanwhile
                self._ask(sighting)
            return []
        event = _with_insight(event, result.insight)
        if looked_at.box == event.box:
            return [self._tell(sighting, event, "updated", with_picture=False)]
        if best is not None and best.frame is looked_at.frame:
            return [self._tell(sighting, event, "updated", with_picture=True)]
        change = self._tell(sighting, event, "updated", with_picture=False)
        sighting.event = msgspec.structs.replace(
            change.event, box=looked_at.box
        )  # the picture goes with what was found in it
        return [Change("updated", sighting.event, looked_at.frame)]

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

    def _hold_few(self) -> None:
        """No more than HELD frames: the things whose pictures are the oldest give them up and take a later one."""
        holding: dict[int, list[Sighting]] = {}
        for sighting in self._sightings.values():
            if sighting.best is not None and sighting.best.frame is not None:
                holding.setdefault(sighting.best.frame.sequence, []).append(sighting)
        for sequence in sorted(holding)[: max(0, len(holding) - HELD)]:
            for sighting in holding[sequence]:
                sighting.drop_picture()

    def _forget(self) -> None:
        alive = {track.number for track in self._tracker.tracks}
        for number in self._sightings.keys() - alive:
            del self._sightings[number]


def _with_place(event: Event, sighting: Sighting) -> Event:
    return msgspec.structs.replace(
        event,
        zones=sighting.zones.entered,
        current_zones=sighting.zones.current,
        stationary=sighting.track.stationary,
    )


def _with_insight(event: Event, insight: Insight) -> Event:
    if insight == NOTHING:
        return event
    sub_score = insight.sub_score if insight.sub_label else None
    return msgspec.structs.replace(
        event, sub_label=insight.sub_label or None, sub_score=sub_score, keypoints=insight.keypoints or None
    )
