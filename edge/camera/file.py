"""`file:PATH` — a video file."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge.camera.decoding import DecodingError, open_video, rgb, translated
from edge.camera.port import Frame
from edge.clock import Clock, Instant
from edge.errors import CameraError

log = logging.getLogger(__name__)

FALLBACK_FPS = 25.0


class FileCamera:
    """Frames of a video file, at its recorded pace or as fast as they are taken.

    `Frame.taken` keeps the recorded pace in both cases: it is the time of opening plus the frame's place in the video. So what is
    recognised does not depend on the speed of the machine when nothing is dropped.

    Args:
        realtime: give each frame when its time has come, as a camera would; False: every frame, none dropped.
        loop: start again at the end.
    """

    def __init__(self, name: str, path: Path, clock: Clock, *, realtime: bool = True, loop: bool = False) -> None:
        self.name = name
        self.live = realtime
        self.ended = False
        self._path = path
        self._clock = clock
        self._loop = loop
        self._container: Any = None
        self._frames: Iterator[tuple[float, Any]] = iter(())
        self._next: tuple[float, Any] | None = None
        self._started = Instant(0.0, 0.0)
        self._started_s = 0.0
        self._sequence = 0

    def open(self) -> None:
        self.close()
        self._container = self._open_container()
        self._frames = self._decode()
        self._started = self._clock.now()
        self._started_s = time.monotonic()
        self._sequence = 0
        self.ended = False

    def read(self, timeout_s: float) -> Frame | None:
        if self._next is None:
            self._next = self._decode_next()
            if self._next is None:
                self.ended = True
                return None
        place_s, picture = self._next
        if self.live:
            wait_s = self._started_s + place_s - time.monotonic()
            if wait_s > timeout_s:
                time.sleep(timeout_s)
                return None
            if wait_s > 0:
                time.sleep(wait_s)
        self._next = None
        frame = Frame(self.name, self._sequence, rgb(picture), self._started.later(place_s))
        self._sequence += 1
        return frame

    def close(self) -> None:
        self._frames, self._next = iter(()), None
        if self._container is not None:
            self._container.close()
            self._container = None

    def _open_container(self) -> Any:
        try:
            return open_video(str(self._path), options={}, timeout_s=None, threads="AUTO")
        except DecodingError as error:
            raise CameraError(
                f"camera {self.name}: {self._path}: cannot be read as video: {error}", hint=_HINT
            ) from error

    def _decode_next(self) -> tuple[float, Any] | None:
        try:
            with translated():
                return next(self._frames, None)
        except DecodingError as error:
            raise CameraError(
                f"camera {self.name}: {self._path}: damaged at frame {self._sequence}: {error}", hint=_HINT
            ) from error

    def _decode(self) -> Iterator[tuple[float, Any]]:
        """Place in seconds since the first frame, and the picture; the places go on growing when the video starts again."""
        stream = self._container.streams.video[0]
        step_s = 1 / float(stream.average_rate or FALLBACK_FPS)
        begin_s = 0.0
        while True:
            first_s, place_s = None, begin_s - step_s
            for picture in self._container.decode(video=0):
                own_s = picture.time if picture.time is not None else place_s + step_s - begin_s
                first_s = own_s if first_s is None else first_s
                # Damaged time stamps must not make time stand still or go back.
                place_s = max(begin_s + own_s - first_s, place_s + step_s / 2)
                yield place_s, picture
            if not self._loop or first_s is None:
                return
            begin_s = place_s + step_s
            self._container.seek(0)


_HINT = "play it with another program, or name another file in camera.source"
