"""Writes one clip so that a power cut costs its last seconds and nothing else."""

import contextlib
import hashlib
import os
from collections.abc import Iterable
from io import FileIO
from pathlib import Path
from typing import BinaryIO

import msgspec

from edge.clips.boxes import Survey, survey
from edge.clips.mp4 import DURATION_BEFORE_END, Muxer, duration_field
from edge.clips.note import ClipNote, EventsNote, note_in
from edge.clips.packets import Format, Packet
from edge.files import make_folder, sync_folder
from edge.store.clips import ClipFolder
from edge.store.port import Clip
from edge.store.space import Space


class ClipWriter:
    """Grows a hidden `.part` file by whole fragments, each on the card before the next.

    `finish` gives it its final name. It may be called after an OSError too: it keeps what is whole.

    Raises (all methods but `abandon`):
        OSError: the card is full or fails; after it only `finish` and `abandon` are of use.

    Thread: one.
    """

    def __init__(self, folder: ClipFolder, note: ClipNote, format: Format) -> None:
        self._space = Space(folder.folder)
        self._path = folder.path_of(note.id)
        self._part = folder.part_of(note.id)
        self._note = note
        self._events = list(note.events)
        self._muxer = Muxer(format, msgspec.json.encode(note))
        make_folder(self._path.parent)
        self._file = self._part.open("w+b", buffering=0)
        self.error: OSError | None = None
        """Why the clip is not complete."""
        try:
            self._append(self._muxer.header())
            sync_folder(self._part.parent)
        except OSError:
            self.abandon()
            raise

    def link(self, events: Iterable[str]) -> None:
        """The clip shows these events too; durable with the next fragment."""
        new = [event for event in events if event not in self._events]
        if new:
            self._events += new
            self._muxer.note(msgspec.json.encode(EventsNote(events=tuple(new))))

    def write(self, packets: Iterable[Packet]) -> None:
        for packet in packets:
            self._append(self._muxer.add(packet))

    def finish(self) -> Clip | None:
        """Complete the file; when this returns it survives a power cut. None: nothing playable was written, and the file is gone."""
        if self.error is None:
            with contextlib.suppress(OSError):  # in `error` now
                self._append(self._muxer.finish())
        self._file.close()
        clip = finish_part(self._part, self._path)
        return clip and msgspec.structs.replace(clip, events=tuple(self._events))

    def abandon(self) -> None:
        """Leave nothing behind. Never raises."""
        try:
            self._file.close()
            self._part.unlink(missing_ok=True)
        except OSError:
            pass  # the start after this one deletes it

    def _append(self, data: bytes) -> None:
        """All of it or nothing."""
        if not data:
            return
        try:
            self._space.require(len(data))
            left = memoryview(data)
            while left:
                left = left[self._file.write(left) :]
            os.fdatasync(self._file.fileno())
        except OSError as error:
            self.error = error  # what follows would build on what is missing
            raise


def finish_part(part: Path, path: Path) -> Clip | None:
    """Cut off the torn tail of an unfinished clip and give it its final name, durably. None: it plays nothing, and is gone.

    Raises:
        OSError: the card fails; calling it again may do better.
    """
    with part.open("r+b", buffering=0) as file:
        found = survey(file, part.stat().st_size)
        if (note := note_in(found)) is not None and found.fragments:
            file.truncate(found.whole_bytes)
            file.seek(found.header_bytes - DURATION_BEFORE_END)
            file.write(duration_field(found.end_s))
            os.fsync(file.fileno())
            clip = clip_of(file, note, found)
            part.replace(path)
            sync_folder(path.parent)
            return clip
    part.unlink()
    sync_folder(part.parent)
    return None


def clip_of(file: BinaryIO | FileIO, note: ClipNote, found: Survey) -> Clip:
    """The row of a whole clip."""
    file.seek(0)
    return Clip(
        id=note.id, camera=note.camera, trigger=note.trigger, started=note.started, boot_id=note.boot_id,
        duration_s=found.end_s, size_bytes=found.whole_bytes, sha256=_sha256(file), events=note.events,
    )  # fmt: skip


def _sha256(file: BinaryIO | FileIO) -> str:
    digest = hashlib.sha256()
    while chunk := file.read(1 << 18):
        digest.update(chunk)
    return digest.hexdigest()
