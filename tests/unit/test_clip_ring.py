"""The ring: what it holds whatever comes in, and how it is read."""

import threading
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from edge.clips.packets import Packet
from edge.clips.ring import Ring
from tests.clip_pictures import FORMAT, dummy_packets

streams = st.lists(st.tuples(st.integers(1, 400), st.booleans()), max_size=80)


def put_all(ring: Ring, packets: list[Packet]) -> None:
    for packet in packets:
        ring.put(packet)


@given(streams, st.floats(0, 5), st.integers(100, 5_000))
def test_it_begins_at_a_key_stays_within_its_bytes_and_holds_the_newest_in_a_row(
    stream: list[tuple[int, bool]], keep_s: float, limit_bytes: int
) -> None:
    ring, given_ = Ring(keep_s, limit_bytes), []
    for packet in dummy_packets([size for size, _ in stream], [key for _, key in stream]):
        ring.put(packet)
        given_.append(packet)
        _, held = ring.after(0)
        assert sum(len(each.data) for each in held) == ring.size_bytes <= limit_bytes
        if held:
            assert held[0].key
            assert held == given_[-len(held) :], "the newest, without a gap"


@given(streams, st.floats(0, 5))
def test_with_memory_enough_it_keeps_the_seconds_and_at_most_one_group_more(
    stream: list[tuple[int, bool]], keep_s: float
) -> None:
    ring, keys = Ring(keep_s, 10**9), []
    for packet in dummy_packets([size for size, _ in stream], [key for _, key in stream]):
        ring.put(packet)
        keys += [packet.boot_s] if packet.key else []
        _, held = ring.after(0)
        if keys:
            old_enough = [key_s for key_s in keys if packet.boot_s - key_s >= keep_s]
            assert held[0].boot_s == (old_enough[-1] if old_enough else keys[0])


def test_reading_goes_on_where_it_stopped() -> None:
    ring, packets = Ring(60, 10**6), dummy_packets([10] * 30, [number % 10 == 0 for number in range(30)])
    put_all(ring, packets[:12])
    number = ring.begin(0.55)
    assert number == 0, "the key at or before"
    assert ring.begin(1.0) == 10
    first, held = ring.after(number)
    assert (first, held) == (0, packets[:12])
    put_all(ring, packets[12:])
    first, held = ring.after(first + len(held))
    assert (first, held) == (12, packets[12:])
    assert ring.after(30) == (30, [])


def test_a_reader_that_is_too_slow_sees_that_something_is_missing() -> None:
    ring, packets = Ring(1, 10**6), dummy_packets([10] * 100, [number % 10 == 0 for number in range(100)])
    put_all(ring, packets)
    first, held = ring.after(5)
    assert first > 5
    assert held[0].key


def test_another_opening_and_another_format_begin_anew() -> None:
    ring, packets = Ring(60, 10**6), dummy_packets([10] * 20, [number % 5 == 0 for number in range(20)])
    put_all(ring, packets[:10])
    ring.stop()
    assert ring.after(0)[1] == packets[:10], "what is held stays readable"
    put_all(ring, packets[10:15])
    assert ring.after(0)[1] == packets[10:15]
    other = [replace(packet, format=FORMAT._replace(size=(32, 32))) for packet in packets[15:]]
    put_all(ring, other)
    assert ring.after(0)[1] == other
    assert ring.after(0)[0] == 15, "numbers go on"


def test_reading_while_writing_never_shows_a_broken_order() -> None:
    ring, done = Ring(1, 2_000), threading.Event()
    packets = dummy_packets([10] * 20_000, [number % 7 == 0 for number in range(20_000)], step_s=0.01)

    def write() -> None:
        put_all(ring, packets)
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    number = 0
    while not done.is_set():
        first, held = ring.after(number)
        assert held == packets[first : first + len(held)]
        assert first == number or held[0].key
        number = first + len(held)
    writer.join()
