"""`recognise-folder`: the pictures of a folder are recognised in the background; what is in them is kept beside the cameras' events."""

import logging
import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge.camera.port import Frame
from edge.camera.still import Still, still_at
from edge.clock import SystemClock
from edge.errors import EdgeError, PictureError
from edge.events.lifecycle import LifeCycle
from edge.events.message import message_of
from edge.events.port import Change
from edge.events.tracks import TrackSettings
from edge.identity import device_id
from edge.ids import IdSource
from edge.pictures import SUFFIXES, encode_jpeg, read_picture
from edge.recognition import tflite
from edge.recognition.catalogue import DEFAULT_DETECTOR
from edge.recognition.port import detect
from edge.store.events import EventStore
from edge.store.pictures import PictureFolder
from edge.store.port import Event, Picture, Record
from edge.store.stills import StillLedger
from edge.work.states import Fail, Result, Retry, Success
from edge.work.worker import Run, worker

log = logging.getLogger(__name__)

CAMERA = "gallery"


@worker("recognise-folder", heavy=True, memory_mb=384)
def recognise_folder(run: Run) -> Result:
    """Input: `folder`; also `model`, `camera` (the name that its events carry, default gallery), `keep_pictures` (default true).

    Each picture is done once: a run that was stopped goes on where it was, and a later one takes what is new or has changed.
    """
    folder = Path(str(run.input.get("folder", "")))
    if not folder.is_dir():
        return Fail(f"folder {str(folder)!r}: there is none")
    try:
        gallery = _Gallery(run)
        try:
            return gallery.recognise(folder)
        finally:
            gallery.close()
    except EdgeError as error:
        return Retry(str(error)) if error.retryable else Fail(str(error))


class _Gallery:
    def __init__(self, run: Run) -> None:
        self._run = run
        self._camera = str(run.input.get("camera", CAMERA))
        self._device = str(run.context.get("device") or device_id(run.data_dir))
        self._keeps_pictures = bool(run.input.get("keep_pictures", True))
        self._clock = SystemClock()
        self._ledger = StillLedger(run.data_dir)
        self._folder = PictureFolder(run.data_dir)
        model = str(run.input.get("model") or run.context.get("model") or DEFAULT_DETECTOR)
        self._detector = tflite.load(model, run.models_dir, threads=1)
        self._store = EventStore(run.data_dir)
        ids = IdSource(self._clock, after=self._store.newest_id())
        self._life = LifeCycle(
            self._camera, self._clock.boot_id, TrackSettings(), self._detector.threshold_of, ids.next, None
        )

    def close(self) -> None:
        self._store.close()

    def recognise(self, folder: Path) -> Result:
        waiting = [still for still in stills_in(folder) if not self._ledger.is_done(self._camera, still)]
        done = events = unreadable = 0
        for still in waiting:
            if self._run.stopping:
                return Retry("stopped")
            try:
                events += self._keep(still)
            except PictureError as error:
                unreadable += 1
                log.warning("picture unreadable path=%s error=%s", still.path, error)
                if not error.retryable:
                    self._ledger.mark_unreadable(self._camera, still, str(error))
            done += 1
            self._run.progress(done=done, of=len(waiting), events=events)
        return Success({"pictures": done, "events": events, "unreadable": unreadable})

    def _keep(self, still: Still) -> int:
        """Recognise one picture; its events and that it is done are one transaction. How many events."""
        frame = Frame(self._camera, 0, read_picture(Path(still.path)), self._clock.now(), still)
        changes = self._life.on_frame(frame, detect(self._detector, frame))
        picture, new = self._picture(frame) if changes and self._keeps_pictures else (None, frozenset[str]())
        complete = [_with(change, picture) for change in changes]
        messages = tuple(message_of(change.kind, change.event, self._device) for change in complete)
        # Each event twice, as it started and as it ended: only the last is a row.
        events = {change.event.id: change.event for change in complete}
        self._store.commit([Record(tuple(events.values()), messages, (self._camera, still), new)])
        return len(events)

    def _picture(self, frame: Frame) -> tuple[Picture, frozenset[str]]:
        context = self._run.context
        quality, edge_px = int(str(context.get("quality", 85))), int(str(context.get("max_edge_px", 1920)))
        put = self._folder.put(*encode_jpeg(frame.pixels, quality=quality, max_edge_px=edge_px))
        return put.picture, frozenset({put.picture.sha256} if put.is_new else ())


def _with(change: Change, picture: Picture | None) -> Change:
    event: Event = msgspec.structs.replace(change.event, picture=picture)
    return change._replace(event=event)


def stills_in(folder: Path) -> Iterator[Still]:
    """Pictures below a folder, by path; hidden ones are left alone, and what cannot be looked at is left out."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            if name.startswith(".") or path.suffix.lower() not in SUFFIXES:
                continue
            try:
                still = still_at(str(path))
            except OSError as error:
                log.warning(
                    "left out, cannot be read path=%a error=%s", str(path), error.strerror
                )  # %a: it may be no text
                continue
            if still is not None:
                yield still
