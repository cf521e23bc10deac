import uuid

from hypothesis import given
from hypothesis import strategies as st

from edge.ids import IdSource
from edge.testing.clock import SimulatedClock


def test_an_id_is_a_uuid_of_version_7_that_carries_the_time() -> None:
    clock = SimulatedClock(wall_s=1_700_000_000.123)
    made = uuid.UUID(IdSource(clock).next())
    assert made.version == 7
    assert made.variant == uuid.RFC_4122
    assert made.int >> 80 == 1_700_000_000_123


@given(st.lists(st.floats(-1e6, 1e6), max_size=50))
def test_ids_sort_in_the_order_of_making_whatever_the_clock_does(steps: list[float]) -> None:
    clock = SimulatedClock()
    source = IdSource(clock)
    made = []
    for step in steps:
        clock.set_wall(max(0.0, clock.now().wall_s + step))
        made += [source.next(), source.next()]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_ids_of_a_new_start_sort_behind_the_old_ones_though_the_clock_went_back() -> None:
    clock = SimulatedClock(wall_s=1_700_000_000)
    before = IdSource(clock).next()
    clock.set_wall(0)
    assert IdSource(clock, after=before).next() > before


def test_more_ids_in_a_millisecond_than_the_counter_holds() -> None:
    source = IdSource(SimulatedClock())
    made = [source.next() for _ in range(10_000)]
    assert made == sorted(set(made))
