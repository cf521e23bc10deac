"""Packets to fragmented MP4: a header, then fragments that each stand for themselves. Pure.

A file that is cut off anywhere plays up to its last whole fragment. Only the duration in the header is changed later, in its place.
"""

from edge.clips.boxes import TIMESCALE, box, full_box, note_box
from edge.clips.packets import Format, Packet

FRAGMENT_S = 2.0
"""A fragment is written when it has become so long: what a power cut can cost, against the number of writes."""
LAST_S = 0.1
"""How long the only picture of a clip is shown."""
_MATRIX = b"".join(value.to_bytes(4) for value in (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000))
_KEY, _NOT_KEY = 0x0200_0000, 0x0101_0000


class Muxer:
    """The bytes of one clip, in their order: `header`, then what `add` and `finish` give.

    Args:
        format: of all its packets.
        note: kept in the header, for whoever finds the file unfinished.
    """

    def __init__(self, format: Format, note: bytes) -> None:
        self._format = format
        self._note = note
        self._waiting: list[Packet] = []
        self._first: Packet | None = None
        self._fragments = 0
        self._pending_notes: list[bytes] = []

    def header(self) -> bytes:
        """Goes first; the duration in it is filled in when it is known."""
        return header(self._format, self._note)

    def note(self, note: bytes) -> None:
        """Goes in before the next fragment."""
        self._pending_notes.append(note)

    def add(self, packet: Packet) -> bytes:
        """Take the next packet in decoding order; the fragment that it completes, or nothing."""
        self._first = self._first or packet
        done = b""
        if self._waiting and packet.dts_s - self._waiting[0].dts_s >= FRAGMENT_S:
            done = self._fragment(self._ticks(packet.dts_s))
        self._waiting.append(packet)
        return done

    def finish(self) -> bytes:
        """The last fragment, or nothing."""
        if not self._waiting:
            return b""
        before_s = self._waiting[-2].dts_s if len(self._waiting) > 1 else self._waiting[-1].dts_s - LAST_S
        return self._fragment(self._ticks(2 * self._waiting[-1].dts_s - before_s))

    def _ticks(self, dts_s: float) -> int:
        assert self._first is not None
        return round((dts_s - self._first.dts_s) * TIMESCALE)

    def _fragment(self, end: int) -> bytes:
        packets, self._waiting = self._waiting, []
        begins = [self._ticks(packet.dts_s) for packet in packets]
        durations = [max(1, later - begin) for begin, later in zip(begins, [*begins[1:], end], strict=True)]
        self._fragments += 1
        samples = b"".join(map(self._sample, packets, durations))
        notes = b"".join(map(note_box, self._pending_notes))
        self._pending_notes = []
        moof = _moof(self._fragments, begins[0], len(packets), samples)
        return notes + moof + box(b"mdat", *(packet.data for packet in packets))

    def _sample(self, packet: Packet, duration: int) -> bytes:
        assert self._first is not None
        delay_s = (packet.boot_s - packet.dts_s) - (self._first.boot_s - self._first.dts_s)
        return b"".join(
            (
                duration.to_bytes(4),
                len(packet.data).to_bytes(4),
                (_KEY if packet.key else _NOT_KEY).to_bytes(4),
                round(delay_s * TIMESCALE).to_bytes(4, signed=True),
            )
        )


def _moof(number: int, begin: int, count: int, samples: bytes) -> bytes:
    def moof(data_offset: int) -> bytes:
        # version 1: offsets of presentation may be negative; flags: data offset, and each sample's duration, size, flags, offset
        run = full_box(b"trun", 1, 0xF01, count.to_bytes(4), data_offset.to_bytes(4), samples)
        head = full_box(b"tfhd", 0, 0x20000, (1).to_bytes(4))  # offsets count from the moof itself
        time = full_box(b"tfdt", 1, 0, begin.to_bytes(8))
        return box(b"moof", full_box(b"mfhd", 0, 0, number.to_bytes(4)), box(b"traf", head, time, run))

    return moof(len(moof(0)) + 8)


def header(format: Format, note: bytes) -> bytes:
    """`ftyp`, the note, and `moov`, which ends with the place of the duration and `trex`."""
    brands = b"".join((b"isom", (0x200).to_bytes(4), b"isom", b"iso6", b"avc1", b"mp41"))
    extends = box(b"mvex", full_box(b"mehd", 1, 0, duration_field(0.0)), _trex())
    return box(b"ftyp", brands) + note_box(note) + box(b"moov", _mvhd(), _trak(format), extends)


def duration_field(duration_s: float) -> bytes:
    """What stands `DURATION_BEFORE_END` before the end of the header; 0: not known yet."""
    return round(duration_s * TIMESCALE).to_bytes(8)


def _mvhd() -> bytes:
    times = bytes(8) + TIMESCALE.to_bytes(4) + bytes(4)
    return full_box(b"mvhd", 0, 0, times, b"\x00\x01\x00\x00\x01\x00", bytes(10), _MATRIX, bytes(24), (2).to_bytes(4))


def _trex() -> bytes:
    return full_box(b"trex", 0, 0, (1).to_bytes(4), (1).to_bytes(4), bytes(12))


DURATION_BEFORE_END = len(duration_field(0.0)) + len(_trex())


def _trak(format: Format) -> bytes:
    width, height = format.size
    size = (width << 16).to_bytes(4) + (height << 16).to_bytes(4)
    tkhd = full_box(b"tkhd", 0, 3, bytes(8), (1).to_bytes(4), bytes(8), bytes(16), _MATRIX, size)
    mdhd = full_box(b"mdhd", 0, 0, bytes(8), TIMESCALE.to_bytes(4), bytes(4), b"\x55\xc4\x00\x00")
    hdlr = full_box(b"hdlr", 0, 0, bytes(4), b"vide", bytes(12), b"video\x00")
    dinf = box(b"dinf", full_box(b"dref", 0, 0, (1).to_bytes(4), full_box(b"url ", 0, 1)))
    minf = box(b"minf", full_box(b"vmhd", 0, 1, bytes(8)), dinf, _stbl(format))
    return box(b"trak", tkhd, box(b"mdia", mdhd, hdlr, minf))


def _stbl(format: Format) -> bytes:
    empty = [full_box(kind, 0, 0, bytes(4)) for kind in (b"stts", b"stsc", b"stco")]
    stsd = full_box(b"stsd", 0, 0, (1).to_bytes(4), _avc1(format))
    return box(b"stbl", stsd, *empty, full_box(b"stsz", 0, 0, bytes(8)))


def _avc1(format: Format) -> bytes:
    width, height = format.size
    dots = (72 << 16).to_bytes(4) * 2
    entry = bytes(6) + (1).to_bytes(2) + bytes(16) + width.to_bytes(2) + height.to_bytes(2) + dots + bytes(4)
    return box(b"avc1", entry, (1).to_bytes(2), bytes(32), b"\x00\x18\xff\xff", box(b"avcC", _avcc(format)))


def _avcc(format: Format) -> bytes:
    sets = [b"\xe1", _with_length(format.sps), bytes([len(format.pps)]), *map(_with_length, format.pps)]
    return b"\x01" + format.sps[1:4] + b"\xff" + b"".join(sets)


def _with_length(unit: bytes) -> bytes:
    return len(unit).to_bytes(2) + unit
