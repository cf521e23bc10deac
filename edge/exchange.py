"""Where capture threads leave frames and recognition takes them: one place a camera, the newest frame wins."""

import threading
from collections import deque
from collections.abc import Sequence
from queue import SimpleQueue
from typing import NamedTuple

from edge.camera.port import Frame


class CameraStopped(NamedTuple):
    """Comes behind the last frame of a camera that ended or failed."""

    camera: str


class Room:
    """A counting semaphore that waits in C; the threading module's waits in Python, which costs the frame path more than its work."""

    def __init__(self, places: int) -> None:
        self._free: SimpleQueue[None] = SimpleQueue()
        for _ in range(places):
            self._free.put(None)

    def acquire(self) -> None:
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

    Thread: any.
    """

    def __init__(self, cameras: Sequence[str]) -> None:
        self._changed = threading.Condition()
        self._places: dict[str, Frame | None] = dict.fromkeys(cameras)
        self._turns = deque(cameras)
        self._stopped: deque[CameraStopped] = deque()
        self._running = set(cameras)
        self._closed = False
        self.dropped = 0
        """Frames replaced by a newer one before they were taken."""

    def offer(self, frame: Frame, *, wait: bool) -> None:
        """Leave a frame.

        Args:
            wait: until the camera's place is free or the exchange is closed; False: the new frame replaces the one that lies there.
        """
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._places[frame.camera] is None or self._closed)
            if self._closed:
                return
            if self._places[frame.camera] is not None:
                self.dropped += 1
            self._places[frame.camera] = frame
            self._changed.notify_all()

    def camera_stopped(self, camera: str, *, for_good: bool) -> None:
        """Say that no frame comes behind those that were offered; `for_good`: never again."""
        with self._changed:
            self._stopped.append(CameraStopped(camera))
            if for_good:
                self._running.discard(camera)
            self._changed.notify_all()

    def take(self) -> Frame | CameraStopped | None:
        """Wait for the next frame; None when all cameras have stopped for good or the exchange was closed."""
        with self._changed:
            while True:
                if self._closed:
                    return None
                if (frame := self._next_frame()) is not None:
                    self._changed.notify_all()
                    return frame
                if self._stopped:
                    return self._stopped.popleft()
                if not self._running:
                    return None
                self._changed.wait()

    def close(self) -> None:
        """Nothing is taken from now on, nobody waits any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _next_frame(self) -> Frame | None:
        for _ in range(len(self._turns)):
            camera = self._turns[0]
            self._turns.rotate(-1)
            frame = self._places[camera]
            if frame is not None:
                self._places[camera] = None
                return frame
        return None
