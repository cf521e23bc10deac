"""`folder:PATH` — a folder of pictures: a gallery, and an inbox that is watched."""

import logging
import os
import time
from collections import deque
from pathlib import Path

from edge.camera.inbox import Inbox
from edge.camera.port import Frame, Ledger
from edge.camera.still import Still
from edge.clock import Clock
from edge.errors import CameraError, PictureError, StoreError
from edge.pictures import read_picture

log = logging.getLogger(__name__)

POLL_S = 1.0


class FolderCamera:
    """Gives each picture below a folder once, oldest name first, then new ones as they arrive.

    A file is known by path, size and time of change.

    Args:
        watch: go on waiting for new pictures; False: end when all have been given.
        ledger: remembers over restarts what is done; None: recognise all of them again.
    """

    live = False

    def __init__(
        self, name: str, folder: Path, clock: Clock, *, watch: bool = True, ledger: Ledger | None = None
    ) -> None:
        self.name = name
        self.ended = False
        self._folder = folder
        self._clock = clock
        self._watch = watch
        self._ledger = ledger
        self._sequence = 0
        self._reset()

    def _reset(self) -> None:
        self._waiting: deque[Still] = deque()
        self._inbox = Inbox(self.name, self._folder, settle=self._watch)
        self._next_poll_s = 0.0

    def open(self) -> None:
        try:
            with os.scandir(self._folder):
                pass
        except (FileNotFoundError, NotADirectoryError) as error:
            raise CameraError(
                f"camera {self.name}: {self._folder}: no such folder", hint="make the folder or correct camera.source"
            ) from error
        except OSError as error:
            raise self._error(error) from error
        self._reset()
        self._sequence = 0
        self.ended = False

    def read(self, timeout_s: float) -> Frame | None:
        deadline_s = time.monotonic() + timeout_s
        while True:
            while self._waiting:
                if frame := self._load(self._waiting.popleft()):
                    return frame
                if time.monotonic() >= deadline_s:
                    return None
            now_s = time.monotonic()
            if now_s >= self._next_poll_s:
                self._next_poll_s = now_s + POLL_S
                self._look()
            elif now_s < deadline_s:
                time.sleep(min(self._next_poll_s, deadline_s) - now_s)
            if not self._waiting and (self.ended or time.monotonic() >= deadline_s):
                return None

    def close(self) -> None:
        self._reset()

    def _look(self) -> None:
        try:
            new = self._inbox.look()
        except OSError as error:
            raise self._error(error) from error
        try:
            self._waiting.extend(still for still in new if not self._is_done(still))
        except StoreError as error:
            raise CameraError(f"camera {self.name}: {error}") from error
        self.ended = not self._watch and not self._waiting

    def _is_done(self, still: Still) -> bool:
        return self._ledger is not None and self._ledger.is_done(self.name, still)

    def _mark(self, still: Still, error: PictureError) -> None:
        if self._ledger is None or error.retryable:
            return
        try:
            self._ledger.mark_unreadable(self.name, still, str(error))
        except StoreError as failure:  # it is tried once more after the next start, that is all
            log.warning("unreadable picture not noted camera=%s error=%s", self.name, failure)

    def _load(self, still: Still) -> Frame | None:
        try:
            pixels = read_picture(Path(still.path))
        except PictureError as error:
            log.warning("picture unreadable camera=%s error=%s", self.name, error)
            self._inbox.doubt(still)
            self._mark(still, error)
            return None
        frame = Frame(self.name, self._sequence, pixels, self._clock.now(), still)
        self._sequence += 1
        return frame

    def _error(self, error: OSError) -> CameraError:
        reason = "the folder is gone" if isinstance(error, FileNotFoundError) else error.strerror
        return CameraError(f"camera {self.name}: {self._folder}: {reason}", hint="it is looked for again")
