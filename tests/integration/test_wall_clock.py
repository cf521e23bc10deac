"""A clock that is set while the program runs, with the real keeper and the real store."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge.clock import Instant, local_day
from edge.config import Config, Paths, Pictures, Workers
from edge.events.keeper import Keeper
from edge.events.port import Change, Outcome
from edge.events.wall_clock import BATCH, WallClock
from edge.geometry import Box
from edge.store.database import open_database
from edge.store.events import EventStore
from edge.store.port import Event, Record
from edge.store.switches import SwitchStore
from edge.testing.clock import SimulatedClock
from edge.wiring import house
from tests.support import until

WRONG_S, RIGHT_S = 1_600_000_000.0, 1_700_000_000.0


class Device:
    """A device whose clock is wrong until `set_clock`."""

    def __init__(self) -> None:
        self.clock = SimulatedClock(wall_s=WRONG_S, boot_s=100.0)
        self.synchronised: bool | None = False
        self.woken = 0
        self.wall = WallClock(self.clock, lambda: self.synchronised, "dev", self._wake)

    def set_clock(self) -> None:
        """Ten seconds later the network tells the time: it is `RIGHT_S` at 110 seconds after the boot."""
        self.clock.advance(10)
        self.clock.set_wall(RIGHT_S)
        self.synchronised = True

    def event(self, id_: str, **fields: object) -> Event:
        now = self.clock.now()
        made = {
            "id": id_, "camera": "door", "label": "Car", "score": 0.8, "box": Box(0, 0, 1, 1), "started": now, "seen": now,
            "boot_id": self.clock.boot_id,
        }  # fmt: skip
        return Event(**{**made, **fields})  # type: ignore[arg-type]

    def _wake(self) -> None:
        self.woken += 1


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def store(data_dir: Path) -> Iterator[EventStore]:
    made = EventStore(data_dir)
    yield made
    made.close()


def payloads(data_dir: Path) -> list[dict[str, object]]:
    connection = open_database(data_dir)
    rows = connection.execute("SELECT payload FROM outbox ORDER BY seq").fetchall()
    connection.close()
    return [json.loads(payload) for (payload,) in rows]


def keep(data_dir: Path, device: Device, *steps: "Change | str") -> None:
    """Hand changes to a keeper; the word `set` sets the clock between them."""

    def failed(error: BaseException) -> None:
        raise AssertionError("the keeper died") from error

    keeper = Keeper(data_dir, "dev", Pictures(), lambda: None, failed, mark=device.wall.mark)
    keeper.start()
    for step in steps:
        if isinstance(step, Change):
            assert keeper.keep(Outcome([step]), 5)
        else:
            device.set_clock()
    keeper.stop()


def test_an_event_over_the_setting_of_the_clock_is_corrected_at_its_end(
    data_dir: Path, device: Device, store: EventStore
) -> None:
    event = device.event("a")
    ended = device.event("a", revision=2, end_reason="left", seen=event.started.later(5))
    keep(data_dir, device, Change("started", event, None), "set", Change("ended", ended, None))
    (kept,) = store.newest(9)
    assert (kept.clock, kept.started, kept.seen) == (
        "corrected",
        Instant(RIGHT_S - 10, 100.0),
        Instant(RIGHT_S - 5, 105.0),
    )
    assert store.count_by_day() == [(local_day(RIGHT_S - 10), 1)]
    started, ending = payloads(data_dir)
    assert (started["clock"], started["started_at"]) == ("unsynchronised", "2020-09-13T12:26:40.000Z")
    assert (ending["clock"], ending["started_at"], ending["revision"]) == ("corrected", "2023-11-14T22:13:10.000Z", 2)


def test_events_that_ended_before_are_corrected_and_told(data_dir: Path, device: Device, store: EventStore) -> None:
    keep(data_dir, device, Change("started", device.event("a", end_reason="left"), None))
    assert device.wall.correct_kept(store) == 0, "not yet"
    device.set_clock()
    assert (device.wall.correct_kept(store), device.wall.correct_kept(store), device.woken) == (1, 0, 1)
    (kept,) = store.newest(9)
    assert (kept.revision, kept.clock, kept.started.wall_s) == (2, "corrected", RIGHT_S - 10)
    assert store.count_by_day() == [(local_day(RIGHT_S - 10), 1)]
    _, told = payloads(data_dir)
    assert (told["type"], told["id"], told["revision"], told["clock"], told["end_reason"]) == (
        "updated",
        "a",
        2,
        "corrected",
        "left",
    )


def test_what_is_open_or_of_another_boot_is_left(data_dir: Path, device: Device, store: EventStore) -> None:
    wrong = {"clock": "unsynchronised"}
    other = device.event("b", boot_id="before", end_reason="left", **wrong)
    store.commit([Record((device.event("a", **wrong), other))])
    device.set_clock()
    assert device.wall.correct_kept(store) == 0
    assert {event.id: event.clock for event in store.newest(9)} == {"a": "unsynchronised", "b": "unsynchronised"}


def test_a_start_after_the_clock_was_set_corrects_what_an_earlier_run_kept(
    data_dir: Path, device: Device, store: EventStore
) -> None:
    store.commit([Record((device.event("a", clock="unsynchronised", end_reason="interrupted"),))])
    device.set_clock()
    device.wall = WallClock(device.clock, lambda: True, "dev", lambda: None)
    assert device.wall.correct_kept(store) == 1
    assert store.newest(1)[0].started.wall_s == RIGHT_S - 10


def test_many_are_corrected_in_several_transactions(data_dir: Path, device: Device, store: EventStore) -> None:
    events = [device.event(f"{n:04}", clock="unsynchronised", end_reason="left") for n in range(BATCH + 3)]
    store.commit([Record(tuple(events))])
    device.set_clock()
    assert [device.wall.correct_kept(store) for _ in range(3)] == [BATCH, 3, 0]


def test_there_is_no_today_before_the_clock_is_right(device: Device) -> None:
    assert device.wall.today() is None
    device.set_clock()
    assert device.wall.today() == local_day(RIGHT_S)


def test_new_events_are_right_and_a_clock_that_nobody_knows_is_believed(device: Device) -> None:
    assert device.wall.mark(device.event("a")).clock == "unsynchronised"
    device.set_clock()
    assert device.wall.mark(device.event("b")) == device.event("b")
    device.synchronised = None
    believed = WallClock(device.clock, lambda: None, "dev", lambda: None)
    assert believed.mark(device.event("c")) == device.event("c")


def test_what_was_set_by_hand_is_put_right_while_the_program_runs(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(house, "is_synchronised", lambda: False)
    config = Config(paths=Paths(data=str(data_dir)))
    house.House(config, once=False, config_file=None)._arm(True, None)
    assert SwitchStore(data_dir).load()["armed"].boot_id
    monkeypatch.setattr(house, "is_synchronised", lambda: True)
    later = house.House(config, once=False, config_file=None)._housekeeper
    later.start()
    until(lambda: not SwitchStore(data_dir).load()["armed"].boot_id, 20, "the correction")
    later.stop()


def test_a_clock_with_a_battery_is_right_without_a_network(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(house, "is_synchronised", lambda: False)
    config = Config(paths=Paths(data=str(data_dir)), workers=Workers(trust_clock=True))
    home = house.House(config, once=False, config_file=None)
    home._arm(True, None)
    assert not SwitchStore(data_dir).load()["armed"].boot_id
    assert home._wall.today() is not None
