"""H.264 streams: their NAL units and parameter sets. Pure."""

from collections.abc import Iterator

from edge.clips.packets import Format
from edge.geometry import Size

IDR, SPS, PPS = 5, 7, 8
_START = b"\x00\x00\x01"
_WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})
"""Profiles whose parameters tell of the colour format."""


class H264Error(ValueError):
    """These bytes are no H.264 that can be understood."""


def split_start_codes(data: bytes) -> Iterator[bytes]:
    """NAL units of a byte stream (Annex B), as they come from networks and encoders."""
    begin = data.find(_START)
    while begin >= 0:
        end = data.find(_START, begin + 3)
        # The zero before a start code of four bytes belongs to nobody; a NAL unit never ends in one.
        if unit := data[begin + 3 : end if end >= 0 else None].rstrip(b"\x00"):
            yield unit
        begin = end


def split_lengths(data: bytes, length_bytes: int) -> Iterator[bytes]:
    """NAL units behind their lengths, as files and FLV streams hold them.

    Raises:
        H264Error: a length leads beyond the end.
    """
    place = 0
    while place < len(data):
        begin = place + length_bytes
        place = begin + int.from_bytes(data[place:begin])
        if place > len(data):
            raise H264Error("a NAL unit leads beyond its packet")
        yield data[begin:place]


def with_lengths(units: list[bytes]) -> bytes:
    """As MP4 wants them: each behind its length in 4 bytes."""
    return b"".join(part for unit in units for part in (len(unit).to_bytes(4), unit))


class PacketReader:
    """Turns the packets of one opening of a stream into NAL units, and keeps track of the parameter sets.

    Args:
        extradata: what the container says of the stream: byte stream, or an `avcC` record, or nothing.

    Raises (all methods):
        H264Error: it is no H.264 that can be understood.
    """

    def __init__(self, extradata: bytes = b"") -> None:
        self._length_bytes = 0
        self._sps = b""
        self._pps: dict[int, bytes] = {}
        self.format: Format | None = None
        """None until both kinds of parameter sets have been seen."""
        if extradata[:1] == b"\x01":
            self._length_bytes = (extradata[4] & 3) + 1 if len(extradata) > 6 else 4
            self._adopt(list(_sets_of(extradata)))
        else:
            self._adopt(list(split_start_codes(extradata)))

    def read(self, data: bytes) -> bytes:
        """The packet as NAL units behind their lengths; `format` is right for it afterwards."""
        units = list(split_lengths(data, self._length_bytes) if self._length_bytes else split_start_codes(data))
        self._adopt(units)
        return with_lengths(units)

    def _adopt(self, units: list[bytes]) -> None:
        for unit in units:
            kind = unit[0] & 31 if unit else 0
            if kind == SPS and unit != self._sps:
                self._sps, self._pps = unit, {}
            elif kind == PPS:
                self._pps[_Bits(unit[1:]).unsigned()] = unit
        pps = tuple(self._pps.values())
        if self._sps and pps and (self.format is None or (self._sps, pps) != self.format[:2]):
            self.format = Format(self._sps, pps, size_of(self._sps))


def is_key(data: bytes) -> bool:
    """The packet (NAL units behind lengths of 4 bytes) is one to begin with."""
    return any(unit and unit[0] & 31 == IDR for unit in split_lengths(data, 4))


def size_of(sps: bytes) -> Size:
    """Width and height of the shown part of the picture.

    Raises:
        H264Error: the parameters are cut off or absurd.
    """
    bits = _Bits(sps[1:])
    profile, _ = bits.take(8), bits.take(16)
    bits.unsigned()
    chroma = _skip_chroma(bits) if profile in _WITH_CHROMA else 1
    bits.unsigned()
    _skip_order(bits)
    bits.unsigned()
    bits.take(1)
    blocks_across, map_units = bits.unsigned() + 1, bits.unsigned() + 1
    fields = 1 if bits.take(1) else 2
    if fields == 2:
        bits.take(1)
    bits.take(1)
    left, right, top, bottom = (bits.unsigned() for _ in range(4)) if bits.take(1) else (0, 0, 0, 0)
    unit_x, unit_y = (2 if chroma in (1, 2) else 1), (2 if chroma == 1 else 1) * fields
    width, height = blocks_across * 16 - (left + right) * unit_x, map_units * 16 * fields - (top + bottom) * unit_y
    if not (0 < width <= 16_384 and 0 < height <= 16_384):
        raise H264Error(f"a picture of {width}x{height}")
    return width, height


def _skip_chroma(bits: "_Bits") -> int:
    chroma = bits.unsigned()
    if chroma == 3:
        bits.take(1)
    bits.unsigned()
    bits.unsigned()
    bits.take(1)
    if bits.take(1):
        for number in range(8 if chroma != 3 else 12):
            if bits.take(1):
                _skip_scaling(bits, 16 if number < 6 else 64)
    return chroma


def _skip_scaling(bits: "_Bits", count: int) -> None:
    last = following = 8
    for _ in range(count):
        if following:
            following = (last + bits.signed()) % 256
        last = following or last


def _skip_order(bits: "_Bits") -> None:
    order = bits.unsigned()
    if order == 0:
        bits.unsigned()
    elif order == 1:
        bits.take(1)
        bits.signed()
        bits.signed()
        for _ in range(min(bits.unsigned(), 255)):
            bits.signed()


def _sets_of(record: bytes) -> Iterator[bytes]:
    """The parameter sets of an `avcC` record."""
    place = 5
    for mask in (31, 255):
        if place >= len(record):
            return
        count, place = record[place] & mask, place + 1
        for _ in range(count):
            length = int.from_bytes(record[place : place + 2])
            yield record[place + 2 : place + 2 + length]
            place += 2 + length


class _Bits:
    """Reads bits of a NAL unit, the bytes that keep start codes out of it removed."""

    def __init__(self, data: bytes) -> None:
        clean = data.replace(b"\x00\x00\x03", b"\x00\x00")
        self._value = int.from_bytes(clean)
        self._left = 8 * len(clean)

    def take(self, count: int) -> int:
        if count > self._left:
            raise H264Error("parameters are cut off")
        self._left -= count
        return self._value >> self._left & (1 << count) - 1

    def unsigned(self) -> int:
        zeros = 0
        while not self.take(1):
            zeros += 1
            if zeros > 31:
                raise H264Error("a number is too large")
        return (1 << zeros) - 1 + self.take(zeros)

    def signed(self) -> int:
        value = self.unsigned()
        return (value + 1) // 2 if value % 2 else -(value // 2)
