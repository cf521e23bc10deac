"""From results to events: reads what inference left, follows things, and hands on what happened. A thread of its own, beside inference."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from queue import SimpleQueue

from edge.events.lifecycle import LifeCycle
from edge.events.looks import LookThread
from edge.events.port import LookResult, Outcome, Scene, Thing
from edge.exchange import CameraStopped, Room
from edge.geometry import WHOLE, Box
from edge.motion.gate import Gate
from edge.motion.regions import in_whole, is_cut
from edge.recognition.port import Computed, Detection, Detector, SplitDetector

AHEAD = 12
"""Results that are being gathered or wait to be read. Beyond it inference waits: a slow card holds recognition back rather than filling
the memory."""
TOGETHER_S = 0.01
"""Results that come faster than this, with more frames waiting, are handed over several at a time: each hand-over wakes a thread, which
costs a fast model more than reading its result."""
WEAK = 0.99
"""Of the threshold: the score of what is cut off, at the most."""
LOOKS_S = 2.0
"""How long a stop waits for second looks that are under way."""


_Result = tuple[Computed, int]
"""With the weight of its frame."""


@dataclass(slots=True)
class Stats:
    """Counters since the start; each written by one thread, read by any."""

    frames: int = 0
    """Recognised."""
    quiet: int = 0
    """Not looked at, because nothing moved."""
    dropped: int = 0
    """Replaced by a newer one before they were taken."""
    looks_dropped: int = 0
    """Second looks given up because newer ones came."""
    camera_errors: int = 0
    detector_errors: int = 0
    first_frame_s: float = 0.0
    last_result_s: float = 0.0
    """Monotonic seconds."""
    prepare_s: float = 0.0
    infer_s: float = 0.0
    events_s: float = 0.0
    """Busy time of each step."""

    @property
    def fps(self) -> float:
        span_s = self.last_result_s - self.first_frame_s
        return self.frames / span_s if span_s > 0 else 0.0


class Follower:
    """Follows the results of all cameras.

    Args:
        lives: the life-cycle of each camera's events.
        submit: takes what each frame led to; may block.
        looks: second looks, which the life-cycles ask for; started and stopped here.
        gates: of the cameras that have one: told what became of each look.
        done: called when a frame of a camera has been followed, or gave no result.

    Thread: `result` the one that infers; `put` any; `run` is the thread.
    """

    def __init__(
        self,
        detector: Detector,
        lives: Mapping[str, LifeCycle],
        submit: Callable[[Outcome], None],
        stats: Stats,
        looks: LookThread | None,
        gates: Mapping[str, Gate] | None = None,
        done: Callable[[str], None] = lambda camera: None,
    ) -> None:
        self._read = detector.read if isinstance(detector, SplitDetector) else _as_it_is
        self._threshold_of = detector.threshold_of
        self._lives = lives
        self._submit = submit
        self._stats = stats
        self._looks = looks
        self._gates = gates or {}
        self._done = done
        self._scenes: dict[str, Scene] = {}
        self._room = Room(AHEAD)
        self._items: SimpleQueue[list[_Result] | CameraStopped | LookResult | None] = SimpleQueue()
        self._gathered: list[_Result] = []
        self._weight = 0
        self._handed_s = 0.0

    def result(self, computed: Computed, weight: int, now_s: float, *, more: bool) -> None:
        """Hand over a result; waits while too many wait already.

        Args:
            weight: of its frame.
            now_s: monotonic.
            more: the next frame is waiting, so that this result may wait a moment for the next one.
        """
        if weight > 1:
            self.flush()
        self._gathered.append((computed, weight))
        self._weight += weight
        if not more or self._weight >= self._room.free or now_s - self._handed_s > TOGETHER_S:
            self.flush()

    def flush(self) -> None:
        """Hand over what was gathered."""
        self._handed_s = time.monotonic()
        if self._gathered:
            self._room.acquire(min(self._weight, AHEAD))
            self._items.put(self._gathered)
            self._gathered, self._weight = [], 0

    def put(self, item: CameraStopped | LookResult | None) -> None:
        """Anything else, in its turn; None ends the thread."""
        self._items.put(item)

    def scene(self, camera: str) -> Scene | None:
        """What was found at a camera last, None before its first frame. Thread: any."""
        return self._scenes.get(camera)

    def run(self) -> None:
        if self._looks is not None:
            self._looks.start(self.put)
        while (item := self._items.get()) is not None:
            if isinstance(item, CameraStopped):
                self._submit(Outcome(self._lives[item.camera].finish("camera")))
            elif isinstance(item, LookResult):
                self._take_look(item)
            else:
                for computed, weight in item:
                    self._room.release(min(weight, AHEAD))
                    self._follow(computed)
                    self._done(computed.frame.camera)
        self._finish_looks()
        for life in self._lives.values():
            self._submit(Outcome(life.finish("stopped") + life.release()))

    def _follow(self, computed: Computed) -> None:
        begin_s = time.monotonic()
        results = self._read(computed)
        if results is None:  # no result for this frame: neither a finding nor a miss
            return
        frame, looked = computed.frame.part_of or (computed.frame, WHOLE)
        detections, cut = placed(results, looked, self._threshold_of)
        life = self._lives[frame.camera]
        changes = life.on_frame(frame, detections, looked)
        things = life.things if frame.still is None else self._sure(detections)
        self._scenes[frame.camera] = Scene(frame, things)
        if (gate := self._gates.get(frame.camera)) is not None:
            gate.looked(frame.taken.boot_s, looked, (*life.attention, *cut))
        if frame.still is not None:
            self._submit(Outcome(changes, (frame.camera, frame.still)))
        elif changes or life.follows:
            self._submit(Outcome(changes, None, life.likely(), life.crossings(), frame.taken))
        self._stats.frames += 1
        self._stats.last_result_s = time.monotonic()
        self._stats.events_s += self._stats.last_result_s - begin_s

    def _sure(self, detections: Sequence[Detection]) -> tuple[Thing, ...]:
        """What is in a stored picture, in which nothing is followed."""
        sure = (found for found in detections if found.score >= self._threshold_of(found.label))
        return tuple(Thing(label, score, box, True, True) for label, score, box in sure)

    def _take_look(self, result: LookResult) -> None:
        if self._looks is not None:
            self._stats.looks_dropped = self._looks.dropped
        self._submit(Outcome(self._lives[result.request.frame.camera].on_look(result)))

    def _finish_looks(self) -> None:
        """Give looks that are under way a moment, so that the last events have their results."""
        if self._looks is None:
            return
        self._looks.stop(LOOKS_S)
        while not self._items.empty():
            if isinstance(item := self._items.get(), LookResult):
                self._take_look(item)


def placed(
    detections: Sequence[Detection], looked: Box, threshold_of: Callable[[str], float]
) -> tuple[Sequence[Detection], list[Box]]:
    """What was found in a part of the frame, placed in the frame; and where something is cut off by the border of that part.

    Half a thing has another size and often another label: it is told as a weak finding, which continues a track and begins none.
    """
    if looked == WHOLE:
        return detections, []
    found, cut = [], []
    for label, score, box in detections:
        place = in_whole(box, looked)
        if is_cut(box, looked):
            cut.append(place)
            score = min(score, WEAK * threshold_of(label))
        found.append(Detection(label, score, place))
    return found, cut


def _as_it_is(computed: Computed) -> list[Detection] | None:
    found: list[Detection] | None = computed.work
    return found
