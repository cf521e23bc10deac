"""After a kill or a power cut: clips that were being written are finished, finished ones that nobody knows are made known."""

import logging
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge.clips.boxes import survey
from edge.clips.note import note_in
from edge.clips.writer import clip_of, finish_part
from edge.store.clips import ClipFolder, ClipStore
from edge.store.port import Clip

log = logging.getLogger(__name__)


def recover(folder: ClipFolder, store: ClipStore) -> Iterator[Clip]:
    """Each clip that the database is to be told of; it names only events that the database has.

    A file that plays nothing is deleted, one that is not ours is left alone, and one that cannot be read is left for the next start.
    Nothing may be writing clips meanwhile.
    """
    known = store.ids()
    for part in folder.unfinished():
        if (clip := _finished(part)) is not None:
            known.add(clip.id)
            yield _linked(store, clip)
    for id_, path in folder.finished():
        if id_ not in known and (clip := _found(path)) is not None:
            yield _linked(store, clip)


def _finished(part: Path) -> Clip | None:
    try:
        clip = finish_part(part, part.with_name(part.name.removeprefix(".").removesuffix(".part")))
    except OSError as error:
        log.error("unfinished clip is left file=%s error=%s", part, error)
        return None
    log.info(
        "unfinished clip file=%s %s", part.name, f"plays {clip.duration_s:.1f} s" if clip else "plays nothing: deleted"
    )
    return clip


def _found(path: Path) -> Clip | None:
    try:
        with path.open("rb") as file:
            found = survey(file, path.stat().st_size)
            note = note_in(found)
            return clip_of(file, note, found) if note is not None and found.fragments else None
    except OSError as error:
        log.error("clip cannot be read file=%s error=%s", path, error)
        return None


def _linked(store: ClipStore, clip: Clip) -> Clip:
    return msgspec.structs.replace(clip, events=store.known_events(clip.events))
