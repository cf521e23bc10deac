"""What a clip's file says of itself, so that it can be finished and found again without a database."""

import msgspec

from edge.clips.boxes import Survey
from edge.clock import Instant
from edge.store.port import ClipTrigger


class ClipNote(msgspec.Struct, frozen=True, kw_only=True):
    """`started` is that of the first picture. Later notes of a file add events to the first."""

    id: str
    camera: str
    trigger: ClipTrigger
    started: Instant
    boot_id: str
    events: tuple[str, ...]


class EventsNote(msgspec.Struct, frozen=True, kw_only=True):
    """Events that a clip shows too."""

    events: tuple[str, ...]


def note_in(found: Survey) -> ClipNote | None:
    """The note of a whole clip with all its events; None when it says nothing that can be understood."""
    try:
        first = msgspec.json.decode(found.notes[0], type=ClipNote)
        later = [msgspec.json.decode(note, type=EventsNote) for note in found.notes[1:]]
    except (IndexError, msgspec.MsgspecError):
        return None
    events = [*first.events, *(event for note in later for event in note.events)]
    return msgspec.structs.replace(first, events=tuple(dict.fromkeys(events)))
