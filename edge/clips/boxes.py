"""The boxes of MP4 (ISO 14496-12): writing, and reading as much as a clip that was cut off needs. Pure."""

from collections.abc import Iterator
from io import FileIO
from typing import BinaryIO, NamedTuple

TIMESCALE = 90_000
"""Ticks a second of the clips."""
OURS = bytes.fromhex("e4dbe0ed1bfc4e0f8a3ac1195c1e0001")
"""The user type of our `uuid` boxes: what is known of a clip, as JSON. Players skip them."""


def box(kind: bytes, *parts: bytes) -> bytes:
    content = b"".join(parts)
    return (8 + len(content)).to_bytes(4) + kind + content


def full_box(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return box(kind, bytes([version]), flags.to_bytes(3), *parts)


def note_box(note: bytes) -> bytes:
    return box(b"uuid", OURS, note)


class Found(NamedTuple):
    """A box that lies whole in its file."""

    kind: bytes
    begin: int
    size: int


class Survey(NamedTuple):
    """What of a file that may be cut off is of use.

    `whole_bytes`: up to here every box is whole and every fragment has its data; the rest is a torn tail. `fragments`: 0 when nothing
    can be played. `end_s`: where the last of them ends. `notes`: in their order. `header_bytes`: all before the first fragment.
    """

    whole_bytes: int
    header_bytes: int
    fragments: int
    end_s: float
    notes: list[bytes]


def top_boxes(file: BinaryIO | FileIO, size: int) -> Iterator[Found]:
    """The whole boxes at the top level, up to the first that is torn or is none."""
    place = 0
    while place + 8 <= size:
        file.seek(place)
        head = file.read(8)
        length = int.from_bytes(head[:4])
        if length < 8 or place + length > size or not head[4:].isalnum():
            return
        yield Found(head[4:], place, length)
        place += length


def survey(file: BinaryIO | FileIO, size: int) -> Survey:
    """Look a clip through from its beginning. A file of anything else has no fragments."""
    whole = header = fragments = 0
    end_s = 0.0
    notes: list[bytes] = []
    moof: Found | None = None
    for found in top_boxes(file, size):
        if found.kind == b"uuid":
            notes += _note(file, found)
        if not header and found.kind == b"moov":
            header = found.begin + found.size
        if found.kind == b"mdat" and moof is not None and header:
            fragments, end_s = fragments + 1, _end_s(file, moof)
        moof = found if found.kind == b"moof" else None
        if moof is None:  # a moof without its data is nothing
            whole = found.begin + found.size
    return Survey(whole, header, fragments, end_s, notes)


def _end_s(file: BinaryIO | FileIO, moof: Found) -> float:
    """Where a fragment of ours ends: `tfdt` and `trun` stand at fixed places in it. 0 for any other."""
    file.seek(moof.begin)
    content = file.read(moof.size)
    if content[52:56] != b"tfdt" or content[72:76] != b"trun":
        return 0.0
    begin, count = int.from_bytes(content[60:68]), int.from_bytes(content[80:84])
    durations = (int.from_bytes(content[88 + 16 * each : 92 + 16 * each]) for each in range(count))
    return (begin + sum(durations)) / TIMESCALE


def _note(file: BinaryIO | FileIO, found: Found) -> list[bytes]:
    file.seek(found.begin + 8)
    content = file.read(found.size - 8)
    return [content[len(OURS) :]] if content.startswith(OURS) else []
