"""What is in a folder of pictures, and what of it is new."""

import logging
import os
import time
from dataclasses import dataclass, field
from pathlib import Path

from edge.camera.still import Still, still_at
from edge.pictures import SUFFIXES

log = logging.getLogger(__name__)

SETTLE_S = 1.0
"""A file that changed within this time may still be being written: it waits."""
GRAIN_S = 2.0
"""The time of a folder may be as coarse as this (FAT): one that has just changed may change again without showing it."""
DOUBT_S, MOST_DOUBTED = 600.0, 200
"""A file that could not be read is looked at by itself for so long, and so many of them: its upload may only have paused."""


@dataclass(slots=True)
class _Folder:
    """As it was when it was last listed. `known`: its pictures as they were given; None: left out, and said so."""

    mtime_ns: int = -1
    folders: list[str] = field(default_factory=list)
    known: dict[str, Still | None] = field(default_factory=dict)


class Inbox:
    """The pictures below a folder: each once, when it has settled, and again when it has changed.

    Folders are listed only when their own time of change moved, so that watching a large gallery costs one `stat` a folder; this works on
    network drives too, where the kernel reports no changes. Writing into a file does not move that time: files that have not settled and
    those that are doubted are looked at by themselves. What cannot be looked at is left out and told once.

    Args:
        settle: what is being written waits for a later look.

    Thread: one.
    """

    def __init__(self, camera: str, root: Path, *, settle: bool) -> None:
        self._camera = camera
        self._root = str(root)
        self._settle = settle
        self._folders: dict[str, _Folder] = {}
        self._unsettled: dict[str, Still] = {}
        self._doubted: dict[str, float] = {}
        self._left_out: list[tuple[str, OSError]] = []

    def look(self) -> list[Still]:
        """What is new or has changed since the last look: folder by folder, by name.

        Raises:
            OSError: the folder itself cannot be read.
        """
        changed, now_s = self._changed(), time.monotonic()
        self._doubted = {path: until_s for path, until_s in self._doubted.items() if until_s > now_s}
        before, self._unsettled = self._unsettled, {}
        paths = dict.fromkeys((*changed, *before, *self._doubted))
        stills = [self._look_at(path, before.get(path)) for path in paths]
        self._tell()
        return [still for still in stills if still is not None]

    def doubt(self, still: Still) -> None:
        """It could not be read: perhaps only half of it was there."""
        self._doubted[still.path] = time.monotonic() + DOUBT_S
        if len(self._doubted) > MOST_DOUBTED:
            del self._doubted[next(iter(self._doubted))]

    def _changed(self) -> list[str]:
        """The picture files of the folders that changed; folders that are gone are forgotten."""
        files: list[str] = []
        folders: dict[str, _Folder] = {}
        pending = [self._root]
        while pending:
            place = pending.pop()
            folder = self._folders.get(place) or _Folder()
            try:
                files += _list(place, folder)
            except OSError as error:
                Path(self._root).stat()  # raises when it is not this one folder
                if place == self._root:
                    raise
                if isinstance(error, FileNotFoundError):
                    continue
                self._leave_out(place, folders[_parent(place)], error)
            folders[place] = folder
            pending.extend(reversed(folder.folders))
        self._folders = folders
        return files

    def _look_at(self, path: str, before: Still | None) -> Still | None:
        """The file, if it has to be given now. `before`: as it was at the last look, when it had not settled."""
        folder = self._folders.get(_parent(path))
        if folder is None:
            return None
        try:
            still = still_at(path)
        except OSError as error:
            Path(self._root).stat()  # raises when it is not this one file
            self._leave_out(path, folder, error)
            return None
        if still is None or still == folder.known.get(path):
            return None
        # The clock of a file server may be ahead of ours: that nothing changed between two looks counts too.
        if self._settle and still != before and still.mtime_ns > time.time_ns() - SETTLE_S * 1e9:
            self._unsettled[path] = still
            return None
        folder.known[path] = still
        return still

    def _leave_out(self, path: str, folder: _Folder, error: OSError) -> None:
        if path not in folder.known or folder.known[path] is not None:
            folder.known[path] = None
            self._left_out.append((path, error))

    def _tell(self) -> None:
        if self._left_out:
            path, error = self._left_out[0]
            log.warning(
                "left out, cannot be read camera=%s path=%a error=%s others=%d",
                self._camera,
                path,  # %a: the name may be no text
                error.strerror,
                len(self._left_out) - 1,
            )
            self._left_out.clear()


def _list(place: str, folder: _Folder) -> list[str]:
    """The picture files in a folder, the folders in it and what is no longer there put down; nothing when it has not changed."""
    mtime_ns = Path(place).stat().st_mtime_ns  # before the listing: what changes during it is seen next time
    if mtime_ns == folder.mtime_ns:
        return []
    with os.scandir(place) as entries:
        visible = {entry.path: _is_folder(entry) for entry in entries if not entry.name.startswith(".")}
    folder.mtime_ns = mtime_ns if abs(time.time_ns() - mtime_ns) > GRAIN_S * 1e9 else -1
    folder.folders = sorted(path for path, is_folder in visible.items() if is_folder)
    folder.known = {path: still for path, still in folder.known.items() if path in visible}
    return sorted(path for path, is_folder in visible.items() if not is_folder and _is_picture(path))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir(follow_symlinks=False)
    except OSError:
        return False


def _is_picture(path: str) -> bool:
    return Path(path).suffix.lower() in SUFFIXES


def _parent(path: str) -> str:
    return os.path.dirname(path)  # noqa: PTH120 - undoes what `scandir` did, to the letter
