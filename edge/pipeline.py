"""Cameras → recognition → events, with a thread for each step that can overlap.

Each camera has a capture thread. One thread prepares the next frame while another infers, and a third (`follower`) reads and follows
what the last inference left, so that on two cores the model is hardly kept waiting. A live camera's frame is replaced by a newer one
until it is taken; a stored one waits.
"""

import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from queue import SimpleQueue
from typing import NamedTuple

from edge.camera.port import Camera, Frame
from edge.camera.watch import CameraWatch, Pulse
from edge.errors import CameraError, CameraStalledError, DetectorError
from edge.events.lifecycle import LifeCycle
from edge.events.looks import LookThread
from edge.events.port import Outcome, Scene
from edge.exchange import CameraStopped, FrameExchange, Room, UnderWay, weight_of
from edge.follower import Follower, Stats
from edge.health import Health, State
from edge.motion.gate import Gate
from edge.motion.regions import part
from edge.recognition.port import Computed, Detector, Prepared, SplitDetector

log = logging.getLogger(__name__)

READ_TIMEOUT_S = 0.5
STORED_AHEAD, STORED_TOGETHER = 8, 6
"""Of small stored frames so many are prepared ahead, and so many at a time: waking a thread for each costs a fast model dear."""
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 60.0
CAPTURE_STOP_S = 10.0
"""Cameras get so long to come back from their drivers when the pipeline stops; one that blocks for ever is left behind."""


class _Ready(NamedTuple):
    prepared: Prepared
    weight: int


class Pipeline:
    """Runs from `start` until `stop`, or until every finite camera has ended.

    Args:
        life_cycle: makes the events of the camera of that name.
        submit: takes what each frame led to; may block to hold recognition back.
        health: is told how each camera is.
        failed: called with whatever unforeseen thing a thread died of.
        watch: looks after silent and blocked cameras; None: with its default bounds, and a blocked camera ends in `failed`.
        retry: open a camera again after an error; False: leave it.
        looks: second looks, which the life-cycles ask for; started and stopped with the pipeline.
        gates: by camera, what decides which frames are looked at, and where; a camera without one is looked at in every frame.
    """

    def __init__(
        self,
        cameras: Sequence[Camera],
        detector: Detector,
        life_cycle: Callable[[str], LifeCycle],
        submit: Callable[[Outcome], None],
        failed: Callable[[BaseException], None],
        health: Health,
        *,
        watch: CameraWatch | None = None,
        retry: bool = True,
        looks: LookThread | None = None,
        gates: Mapping[str, Gate] | None = None,
    ) -> None:
        self.stats = Stats()
        self._gates = gates or {}
        # What a gate lets through depends on the result of the last look: stored frames wait for it, so that the speed of the machine
        # does not decide what is found in them.
        self._under_way = {
            camera.name: UnderWay() for camera in cameras if camera.name in self._gates and not camera.live
        }
        self._owed_since_s = 0.0
        self._newest: dict[str, Frame] = {}
        self._detector = detector
        lives = {camera.name: life_cycle(camera.name) for camera in cameras}
        self._follower = Follower(detector, lives, submit, self.stats, looks, self._gates, self._end)
        self._failed = failed
        self._health = health
        self._retry = retry
        self._stopping = threading.Event()
        self._exchange = FrameExchange([camera.name for camera in cameras])
        self._ready: SimpleQueue[_Ready | CameraStopped | None] = SimpleQueue()
        # A frame prepared too early is an old frame; of stored ones a few may wait.
        self._live = any(camera.live for camera in cameras)
        self._room = Room(1 if self._live else STORED_AHEAD)
        self._together = 1 if self._live else STORED_TOGETHER
        self._infer_once: Callable[[Prepared], Computed] = (
            detector.compute if isinstance(detector, SplitDetector) else self._infer_whole
        )
        self._detector_broken = False
        self._watch = watch or CameraWatch(health, failed)
        pulses = [self._watch.pulse(camera.name, live=camera.live) for camera in cameras]
        self._captures = {
            self._thread(f"camera-{camera.name}", self._capture, camera, pulse): pulse
            for camera, pulse in zip(cameras, pulses, strict=True)
        }
        self._watch_thread = self._thread("watch", self._look_after)
        self._prepare_thread = self._thread("prepare", self._prepare)
        self._infer_thread = self._thread("infer", self._infer)
        self._follow_thread = self._thread("follow", self._follower.run)

    def start(self) -> None:
        for thread in (
            self._follow_thread,
            self._infer_thread,
            self._prepare_thread,
            *self._captures,
            self._watch_thread,
        ):
            thread.start()

    @property
    def running(self) -> bool:
        """False once every camera has ended and its last frame has been dealt with."""
        return self._follow_thread.is_alive()

    def newest(self, camera: str) -> Frame | None:
        """The frame that a camera gave last, None before its first. Thread: any."""
        return self._newest.get(camera)

    def scene(self, camera: str) -> Scene | None:
        """What was recognised at a camera last, None before its first frame. Thread: any."""
        return self._follower.scene(camera)

    @property
    def owing_s(self) -> float:
        """For how long a frame has been there without any result since: recognition that is slow, failing or hung; 0: none is owed."""
        since_s = self._owed_since_s
        return time.monotonic() - since_s if since_s else 0.0

    def stop(self) -> None:
        """End the cameras, recognise what was taken already, end the events."""
        self._stopping.set()
        self._exchange.close()
        for under_way in self._under_way.values():
            under_way.close()
        deadline_s = time.monotonic() + CAPTURE_STOP_S
        for thread, pulse in self._captures.items():
            thread.join(0.0 if pulse.blocked else max(0.0, deadline_s - time.monotonic()))
            if thread.is_alive():
                log.error("camera left behind thread=%s: its driver does not return", thread.name)
        for thread in (self._watch_thread, self._prepare_thread, self._infer_thread, self._follow_thread):
            thread.join()

    def _thread(self, name: str, run: Callable[..., None], *arguments: object) -> threading.Thread:
        def guarded() -> None:
            try:
                run(*arguments)
            except BaseException as error:  # noqa: BLE001 - a thread that dies unseen is the worst of failures
                self._failed(error)

        return threading.Thread(target=guarded, name=name, daemon=True)

    def _capture(self, camera: Camera, pulse: Pulse) -> None:
        retry_s = FIRST_RETRY_S
        reported = ""
        while not self._stopping.is_set():
            frames = 0
            try:
                with pulse.call("open"):
                    camera.open()
                pulse.opened()
                works = False
                for frame in self._frames(camera, pulse):
                    if not works:
                        works = True
                        self._health.report("camera", camera.name, "running")
                        if reported:
                            reported = ""
                            log.info("camera works again camera=%s", camera.name)
                    if frame is None:
                        continue
                    frames += 1
                    self._newest[camera.name] = frame
                    self._pass_on(frame, wait=not camera.live)
            except CameraError as error:
                self.stats.camera_errors += 1
                state: State = "stalled" if isinstance(error, CameraStalledError) else "failed"
                self._health.report("camera", camera.name, state, str(error))
                if str(error) != reported:
                    reported = str(error)
                    log.error("camera %s camera=%s error=%s", state, camera.name, error)
            finally:
                pulse.closed()
                with pulse.call("close"):
                    camera.close()
                self._close_gate(camera.name)
            self._exchange.camera_stopped(camera.name, for_good=camera.ended or not self._retry)
            if camera.ended:
                self._health.report("camera", camera.name, "ended")
            if camera.ended or not self._retry:
                return
            retry_s = FIRST_RETRY_S if frames else min(retry_s * 2, LAST_RETRY_S)
            self._stopping.wait(retry_s)

    def _pass_on(self, frame: Frame, *, wait: bool) -> None:
        """To recognition, unless it is not worth a look."""
        gate = self._gates.get(frame.camera)
        if gate is not None:
            under_way = self._under_way.get(frame.camera)
            if not gate.see(frame) and under_way is not None:
                under_way.wait()
            region = gate.where(frame)
            if region is None:
                self.stats.quiet = sum(each.quiet for each in self._gates.values())
                return
            frame = part(frame, region)
            if under_way is not None:
                under_way.begin()
        self._owed_since_s = self._owed_since_s or time.monotonic()
        self._exchange.offer(frame, wait=wait)

    def _end(self, camera: str) -> None:
        """A frame of that camera has its result, or will have none."""
        if under_way := self._under_way.get(camera):
            under_way.end()

    def _close_gate(self, camera: str) -> None:
        if gate := self._gates.get(camera):
            gate.reset()

    def _frames(self, camera: Camera, pulse: Pulse) -> Iterator[Frame | None]:
        """None: a stored source that is in order has nothing to give now, as a folder without a new picture."""
        while not self._stopping.is_set():
            with pulse.call("read"):
                frame = camera.read(READ_TIMEOUT_S)
            if frame is not None:
                pulse.frame()
                yield frame
            elif camera.ended:
                return
            elif not camera.live:
                yield None
            pulse.check()

    def _look_after(self) -> None:
        while not self._stopping.wait(self._watch.interval_s):
            self._watch.look()

    def _prepare(self) -> None:
        while True:
            self._room.acquire()
            item = self._exchange.take()
            if isinstance(item, Frame):
                weight = weight_of(item)
                self._room.acquire(min(weight, self._room.places) - 1)
                begin_s = time.monotonic()
                self.stats.first_frame_s = self.stats.first_frame_s or begin_s
                self._ready.put(_Ready(self._detector.prepare(item), weight))
                self.stats.prepare_s += time.monotonic() - begin_s
                self.stats.dropped = self._exchange.dropped
            else:
                self._ready.put(item)
                if item is None:
                    return

    def _infer(self) -> None:
        # As little as can be: whatever is done here, a fast model waits for.
        freed = 0
        while True:
            if freed and self._ready.empty():
                self._room.release(freed)
                freed = 0
            item = self._ready.get()
            freed += min(item.weight, self._room.places) if isinstance(item, _Ready) else 1
            if freed >= self._together:
                self._room.release(freed)
                freed = 0
            if isinstance(item, _Ready):
                self._compute(item.prepared, item.weight)
                continue
            self._follower.flush()
            self._follower.put(item)
            if item is None:
                return
            self._owed_since_s = 0.0

    def _compute(self, prepared: Prepared, weight: int) -> None:
        begin_s = time.monotonic()
        try:
            computed = self._infer_once(prepared)
        except DetectorError as error:
            self._fail(prepared.frame.camera, error)
            return
        end_s = time.monotonic()
        self.stats.infer_s += end_s - begin_s
        self._follower.result(computed, weight, end_s, more=not self._live and not self._ready.empty())
        self._owed_since_s = 0.0
        if self._detector_broken:
            self._detector_broken = False
            log.info("recognition works again camera=%s", prepared.frame.camera)

    def _fail(self, camera: str, error: DetectorError) -> None:
        self._follower.flush()  # what was gathered before must not wait for a result that may never come
        self._end(camera)
        self.stats.detector_errors += 1
        if not self._detector_broken:
            self._detector_broken = True
            log.error("recognition failed camera=%s error=%s", camera, error)

    def _infer_whole(self, prepared: Prepared) -> Computed:
        return Computed(prepared.frame, self._detector.infer(prepared))
