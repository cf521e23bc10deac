"""`folder:PATH` — a folder of pictures: a gallery, and an inbox that is watched."""

import logging
import os
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from edge.camera.port import Frame, Ledger
from edge.camera.still import Still
from edge.clock import Clock
from edge.errors import CameraError, PictureError
from edge.pictures import SUFFIXES, read_picture

log = logging.getLogger(__name__)

POLL_S = 1.0
SETTLE_S = 1.0
"""A file that changed within this time may still be being written: it waits."""


class FolderCamera:
    """Gives each picture below a folder once, oldest name first, then new ones as they arrive.

    A file is known by path, size and time of change. Folders are looked into only when their own time of change moved, so that watching a
    large gallery costs one `stat` a folder a second; this works on network drives too, where the kernel reports no changes.

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
        self._seen_folders: dict[str, int] = {}
        self._given: dict[str, Still] = {}
        self._next_poll_s = 0.0

    def open(self) -> None:
        if not self._folder.is_dir():
            raise CameraError(
                f"camera {self.name}: {self._folder}: no such folder", hint="make the folder or correct camera.source"
            )
        self._reset()
        self._sequence = 0
        self.ended = False

    def read(self, timeout_s: float) -> Frame | None:
        deadline_s = time.monotonic() + timeout_s
        while True:
            while self._waiting:
                if frame := self._load(self._waiting.popleft()):
                    return frame
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
        if not self._folder.is_dir():
            raise CameraError(f"camera {self.name}: {self._folder}: the folder is gone", hint="it is looked for again")
        self._waiting.extend(self._new_stills())
        self.ended = not self._watch and not self._waiting

    def _new_stills(self) -> Iterator[Still]:
        settled_ns = time.time_ns() - int(SETTLE_S * 1e9)
        for folder, files in self._changed_folders():
            unsettled = False
            for path in sorted(files):
                try:
                    stat = Path(path).stat()
                except FileNotFoundError:
                    continue
                still = Still(path, stat.st_size, stat.st_mtime_ns)
                if self._given.get(path) == still:
                    continue
                if self._watch and settled_ns < still.mtime_ns <= settled_ns + int(SETTLE_S * 1e9):
                    unsettled = True
                    continue
                self._given[path] = still
                if self._ledger is None or not self._ledger.is_done(self.name, still):
                    yield still
            if unsettled:
                self._seen_folders.pop(folder, None)

    def _changed_folders(self) -> Iterator[tuple[str, list[str]]]:
        """Folders whose entries changed since the last look, with their picture files."""
        pending = [str(self._folder)]
        while pending:
            folder = pending.pop()
            try:
                mtime_ns = Path(folder).stat().st_mtime_ns
                entries = list(os.scandir(folder))
            except OSError as error:
                log.warning("folder unreadable camera=%s folder=%s error=%s", self.name, folder, error.strerror)
                continue
            pending.extend(
                sorted(
                    (e.path for e in entries if not e.name.startswith(".") and e.is_dir(follow_symlinks=False)),
                    reverse=True,
                )
            )
            if self._seen_folders.get(folder) != mtime_ns:
                self._seen_folders[folder] = mtime_ns
                yield folder, [e.path for e in entries if _is_picture(e)]

    def _load(self, still: Still) -> Frame | None:
        try:
            pixels = read_picture(Path(still.path))
        except PictureError as error:
            log.warning("picture unreadable camera=%s error=%s", self.name, error)
            if self._ledger is not None:
                self._ledger.mark_unreadable(self.name, still, str(error))
            return None
        frame = Frame(self.name, self._sequence, pixels, self._clock.now(), still)
        self._sequence += 1
        return frame


def _is_picture(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and Path(entry.name).suffix.lower() in SUFFIXES and entry.is_file()
