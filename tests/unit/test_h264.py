"""NAL units, parameter sets, sizes."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.clips.h264 import H264Error, PacketReader, is_key, size_of, split_lengths, split_start_codes, with_lengths
from edge.clips.timeline import JUMP_S, Timeline
from tests.clip_pictures import raw_packets

SPS_1080 = bytes.fromhex("6764001facd9405005bb016a02020280000003008000001e078c18cb")
units = st.lists(
    st.binary(min_size=1, max_size=40).map(lambda data: b"\x65" + data.replace(b"\x00", b"\x01")), max_size=8
)


@given(units, st.booleans())
def test_start_codes_and_lengths_carry_the_same_units(parts: list[bytes], long: bool) -> None:
    stream = b"".join((b"\x00" if long else b"") + b"\x00\x00\x01" + part for part in parts)
    assert list(split_start_codes(stream)) == parts
    assert list(split_lengths(with_lengths(parts), 4)) == parts


@given(st.binary(max_size=60))
def test_nothing_but_its_own_error_comes_from_nonsense(data: bytes) -> None:
    for read in (size_of, PacketReader, PacketReader().read, is_key):
        try:
            read(data)
        except (H264Error, IndexError):
            pass


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 720), (640, 360), (64, 48), (176, 144), (322, 182)])
@pytest.mark.parametrize("format", ["yuv420p", "yuv444p"])
def test_the_size_is_what_the_encoder_was_told(size: tuple[int, int], format: str) -> None:
    from fractions import Fraction

    import av
    import numpy as np

    context = av.CodecContext.create("libx264", "w")
    context.width, context.height = size
    context.pix_fmt, context.time_base = format, Fraction(1, 10)
    frame = av.VideoFrame.from_ndarray(np.zeros((size[1], size[0], 3), np.uint8), format="rgb24")
    reader = PacketReader()
    for packet in [*context.encode(frame), *context.encode(None)]:
        reader.read(bytes(packet))
    assert reader.format is not None
    assert reader.format.size == size


def test_a_size_from_a_camera_with_emulation_bytes() -> None:
    assert size_of(SPS_1080) == (1280, 720)


def test_the_units_of_a_packet_are_the_same_bytes() -> None:
    reader = PacketReader()
    for raw in raw_packets(12):
        assert list(split_lengths(reader.read(bytes(raw)), 4)) == list(split_start_codes(bytes(raw)))


def test_an_avcc_record_and_lengths_of_two_bytes() -> None:
    first = next(iter(raw_packets(1)))
    sps, pps, *rest = split_start_codes(bytes(first))
    record = b"\x01" + sps[1:4] + b"\xfd\xe1" + len(sps).to_bytes(2) + sps + b"\x01" + len(pps).to_bytes(2) + pps
    reader = PacketReader(record)
    assert reader.format == (sps, (pps,), (192, 64))
    body = b"".join(len(part).to_bytes(2) + part for part in rest)
    assert list(split_lengths(reader.read(body), 4)) == rest


def test_times_keep_the_streams_pace_not_the_networks() -> None:
    timeline = Timeline()
    placed = [
        timeline.place(number * 0.1, number * 0.1, 50 + number * 0.1 + number % 3 * 0.05) for number in range(200)
    ]
    steps = [later - before for (_, before), (_, later) in pairwise(placed)]
    assert max(abs(step - 0.1) for step in steps) < 0.002
    assert abs(placed[-1][0] - 69.95) < 0.1


def test_packets_that_had_waited_at_the_beginning_are_put_right_slowly() -> None:
    timeline = Timeline()
    placed = [timeline.place(number * 0.1, number * 0.1, max(1.0, number * 0.1))[1] for number in range(400)]
    steps = [later - before for before, later in pairwise(placed)]
    assert 0.09 < min(steps) <= max(steps) < 0.101
    assert placed[0] == 1.0
    assert placed[-1] == pytest.approx(39.9, abs=0.02)


def test_times_without_stamps_are_those_of_arrival_and_only_grow() -> None:
    timeline = Timeline()
    placed = [timeline.place(None, None, arrived_s)[1] for arrived_s in (5.0, 5.0, 4.9, 5.2)]
    assert placed == sorted(set(placed))
    assert placed[0] == 5.0
    assert placed[-1] == 5.2


def test_a_stream_whose_time_begins_anew_goes_on_with_the_time_of_arrival() -> None:
    timeline = Timeline()
    timeline.place(1000.0, 1000.0, 10.0)
    assert timeline.place(0.0, 0.0, 10.1) == (10.1, 10.1)
    timeline = Timeline()
    timeline.place(0.0, 0.0, 10.0)
    assert timeline.place(0.1, 0.1, 10.1 + 2 * JUMP_S) == (10.1 + 2 * JUMP_S, 10.1 + 2 * JUMP_S)


def test_pictures_that_refer_to_later_ones_are_shown_later_than_decoded() -> None:
    assert Timeline().place(0.2, 0.1, 10.0) == (pytest.approx(10.1), 10.0)


@pytest.mark.parametrize("pts_s", [0.0, 0.1 + JUMP_S, 26_000.0], ids=["before", "late", "hours late"])
def test_a_picture_said_to_be_shown_before_or_long_after_it_is_decoded_is_shown_then(pts_s: float) -> None:
    assert Timeline().place(pts_s, 0.1, 10.0) == (10.0, 10.0)
