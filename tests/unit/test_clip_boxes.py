"""A clip that was cut off anywhere: what is found in it."""

import io
from itertools import accumulate, pairwise

from hypothesis import given
from hypothesis import strategies as st

from edge.clips.boxes import box, survey, top_boxes
from edge.clips.mp4 import FRAGMENT_S, Muxer
from edge.clips.note import ClipNote, note_in
from tests.clip_pictures import dummy_packets

NOTE = b'{"id":"a","camera":"door","trigger":"track","started":[1.0,2.0],"boot_id":"b","events":["e1"]}'


def clip() -> tuple[bytes, list[int]]:
    """A clip and where its header and each of its fragments end."""
    packets = dummy_packets([20] * 55, [number % 10 == 0 for number in range(55)])
    muxer = Muxer(packets[0].format, NOTE)
    parts = [muxer.header()]
    for packet in packets:
        parts.append(muxer.add(packet))
        if packet is packets[30]:
            muxer.note(b'{"events":["e2","e1"]}')
    parts.append(muxer.finish())
    return b"".join(parts), list(accumulate(len(part) for part in parts if part))


def test_every_length_gives_the_fragments_that_are_whole() -> None:
    data, ends = clip()
    assert len(ends) == 4, "a header and fragments of 2, 2 and 1.5 s"
    for length in range(len(data) + 1):
        found = survey(io.BytesIO(data[:length]), length)
        whole = [end for end in ends if end <= length]
        assert found.fragments == max(0, len(whole) - 1)
        assert found.header_bytes == (whole[0] if whole else 0)
        assert found.end_s == (0, 0, FRAGMENT_S, 2 * FRAGMENT_S, 5.5)[len(whole)]
        if whole:
            assert whole[-1] <= found.whole_bytes <= length
            assert found.whole_bytes - whole[-1] in (0, 46), "at most a note stands behind"


def test_events_that_were_added_later_are_found() -> None:
    data, ends = clip()
    assert note_in(survey(io.BytesIO(data), len(data))) == ClipNote(
        id="a", camera="door", trigger="track", started=(1.0, 2.0), boot_id="b", events=("e1", "e2")  # type: ignore[arg-type]
    )  # fmt: skip
    early = note_in(survey(io.BytesIO(data), ends[1]))
    assert early is not None
    assert early.events == ("e1",)


@given(st.binary(max_size=200))
def test_nonsense_plays_nothing(data: bytes) -> None:
    found = survey(io.BytesIO(data), len(data))
    assert found.fragments == 0 or (b"moov" in data and b"moof" in data)
    assert found.whole_bytes <= len(data)


@given(st.integers(0, 3_000), st.binary(min_size=1, max_size=60))
def test_a_tail_of_nonsense_is_not_taken_for_the_clip(place: int, nonsense: bytes) -> None:
    data, _ = clip()
    place = min(place, len(data))
    torn = data[:place] + nonsense
    found = survey(io.BytesIO(torn), len(torn))
    assert found.fragments <= 3
    assert found.whole_bytes <= len(torn)


def test_a_file_of_others_has_no_note() -> None:
    data = box(b"ftyp", b"isom") + box(b"moov", bytes(20)) + box(b"moof", bytes(90)) + box(b"mdat", b"x")
    found = survey(io.BytesIO(data), len(data))
    assert (found.fragments, found.end_s, note_in(found)) == (1, 0.0, None)


def test_boxes_follow_each_other_without_a_gap() -> None:
    data, _ = clip()
    boxes = list(top_boxes(io.BytesIO(data), len(data)))
    assert all(before.begin + before.size == after.begin for before, after in pairwise(boxes))
    assert boxes[-1].begin + boxes[-1].size == len(data)
