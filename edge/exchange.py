"""Where capture threads leave frames and recognition takes them: one place a camera, the newest frame wins."""

import threading
from collections import deque
from collections.abc import Sequence
from queue import SimpleQueue
from typing import NamedTuple

from edge.camera.port import Frame

LYING = 3
"""Frames of a stored source that lie ready."""
SMALL_BYTES = 4 << 20
"""Pixels of a frame of which several may lie ready. Of a large photograph one does: a Zero 2 W has 512 MB for everything."""


class CameraStopped(NamedTuple):
    """Comes behind the last frame of a camera that ended or failed."""

    camera: str


def weight_of(frame: Frame) -> int:
    """How many places of a `Room` a frame takes, if it has so many: a large photograph takes those of several small frames."""
    return 1 + frame.pixels.nbytes // SMALL_BYTES


class Room:
    """A counting semaphore that waits in C; the threading module's waits in Python, which costs the frame path more than its work."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(places):
            self._free.put(None)

    @property
    def free(self) -> int:
        """Places, at this moment."""
        return self._free.qsize()

    def acquire(self, places: int = 1) -> None:
        for _ in range(places):
            self._free.get()

    def release(self, places: int = 1) -> None:
        for _ in range(places):
            self._free.put(None)


class UnderWay:
    """How many frames of a camera have no result yet. Thread: any."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frames = 0
        self._closed = False

    def begin(self) -> None:
        with self._changed:
            self._frames += 1

    def end(self) -> None:
        with self._changed:
            self._frames -= 1
            if not self._frames:
                self._changed.notify_all()

    def wait(self) -> None:
        """Until every frame has its result, or nobody waits any more."""
        with self._changed:
            self._changed.wait_for(lambda: not self._frames or self._closed)

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class FrameExchange:
    """One place for each camera; cameras are served in turn, so that a fast one does not starve the others.

    The place of a live camera holds one frame, that of a stored one a few: they wait for nobody, and waking a thread for each costs a fast
    model more than its work. For the same reason whoever waits does so in C, and is woken only when it waits.

    Thread: `take` one; `offer` and `camera_stopped` one a camera; `close` any.
    """

    def __init__(self, cameras: Sequence[str]) -> None:
        self._lock = threading.Lock()
        self._places: dict[str, deque[Frame]] = {camera: deque() for camera in cameras}
        self._turns = deque(cameras)
        self._stopped: deque[CameraStopped] = deque()
        self._running = set(cameras)
        self._closed = False
        self._taker_waits = False
        self._news: SimpleQueue[None] = SimpleQueue()
        self._waiting: set[str] = set()
        self._free: dict[str, SimpleQueue[None]] = {camera: SimpleQueue() for camera in cameras}
        self.dropped = 0
        """Frames replaced by a newer one before they were taken."""

    def offer(self, frame: Frame, *, wait: bool) -> None:
        """Leave a frame.

        Args:
            wait: until the camera's place has room or the exchange is closed; False: the new frame replaces what lies there.
        """
        while True:
            with self._lock:
                if self._closed:
                    return
                place = self._places[frame.camera]
                if not wait:
                    self.dropped += len(place)
                    place.clear()
                if not place or (len(place) < LYING and frame.pixels.nbytes <= SMALL_BYTES):
                    place.append(frame)
                    self._tell_taker()
                    return
                self._waiting.add(frame.camera)
            self._free[frame.camera].get()

    def camera_stopped(self, camera: str, *, for_good: bool) -> None:
        """Say that no frame comes behind those that were offered; `for_good`: never again."""
        with self._lock:
            self._stopped.append(CameraStopped(camera))
            if for_good:
                self._running.discard(camera)
            self._tell_taker()

    def take(self) -> Frame | CameraStopped | None:
        """Wait for the next frame; None when all cameras have stopped for good or the exchange was closed."""
        while True:
            with self._lock:
                if self._closed:
                    return None
                if (frame := self._next_frame()) is not None:
                    return frame
                if self._stopped:
                    return self._stopped.popleft()
                if not self._running:
                    return None
                self._taker_waits = True
            self._news.get()

    def close(self) -> None:
        """Nothing is taken from now on, nobody waits any more."""
        with self._lock:
            self._closed = True
            self._tell_taker()
            for camera in tuple(self._waiting):
                self._tell_camera(camera)

    def _next_frame(self) -> Frame | None:
        for _ in range(len(self._turns)):
            camera = self._turns[0]
            self._turns.rotate(-1)
            if place := self._places[camera]:
                frame = place.popleft()
                if not place and camera in self._waiting:
                    self._tell_camera(camera)
                return frame
        return None

    def _tell_taker(self) -> None:
        if self._taker_waits:
            self._taker_waits = False
            self._news.put(None)

    def _tell_camera(self, camera: str) -> None:
        self._waiting.discard(camera)
        self._free[camera].put(None)
