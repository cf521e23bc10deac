"""The housekeeper's own life on the real store: its start, its rounds, and a card that fails."""

import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge import config
from edge.clock import Clock, Instant, SystemClock
from edge.events.housekeeping import Housekeeper
from edge.events.wall_clock import WallClock
from edge.geometry import Box
from edge.health import Health
from edge.identity import CUT_FILE
from edge.store.events import EventStore
from edge.store.pictures import PictureFolder
from edge.store.port import Event, Record
from edge.testing.clock import SimulatedClock
from tests.support import until

DAY_S = 86_400.0


class Rig:
    """A housekeeper, and what the tests ask of it."""

    def __init__(self, data_dir: Path, clock: Clock | None = None, **parts: object) -> None:
        clock = clock or SystemClock()
        self.deaths: list[BaseException] = []
        self.health = Health(clock)
        self.housekeeper = Housekeeper(
            data_dir, "dev", config.Retention(), config.Card(), clock, self.health, PictureFolder(data_dir),
            lambda _message: None, self.deaths.append, **parts,  # type: ignore[arg-type]
        )  # fmt: skip

    def state(self, name: str) -> str:
        return next((f"{each.state} {each.cause}" for each in self.health.conditions() if each.name == name), "")


@pytest.fixture
def start(data_dir: Path) -> Iterator[Callable[..., Rig]]:
    EventStore(data_dir).close()
    rigs: list[Rig] = []

    def started(**parts: object) -> Rig:
        rig = Rig(data_dir, **parts)  # type: ignore[arg-type]
        rig.housekeeper.start()
        rigs.append(rig)
        return rig

    yield started
    for rig in rigs:
        rig.housekeeper.stop()
        assert rig.deaths == []


def event(id_: str, started: Instant, **fields: object) -> Event:
    made = {
        "id": id_, "camera": "door", "label": "Car", "score": 0.5, "box": Box(0, 0, 1, 1), "started": started, "seen": started,
        "boot_id": SimulatedClock().boot_id, "end_reason": "left",
    }  # fmt: skip
    return Event(**{**made, **fields})  # type: ignore[arg-type]


def count(data_dir: Path) -> int:
    with closing(EventStore(data_dir)) as store:
        return store.count()


@pytest.mark.parametrize("off_days", [-60, 60])
def test_a_wrong_clock_has_nothing_deleted(data_dir: Path, start: Callable[..., Rig], off_days: int) -> None:
    """Neither what was kept before, when it is ahead, nor what is kept meanwhile, when it was behind."""
    clock, is_right = SimulatedClock(), threading.Event()
    right = clock.now()
    clock.set_wall(right.wall_s + off_days * DAY_S)
    wall = WallClock(clock, is_right.is_set, "dev", lambda: None)
    with closing(EventStore(data_dir)) as store:
        store.commit([Record((event("a", right.later(-DAY_S)), wall.mark(event("b", clock.now()))))])
    rig = start(clock=clock, today=wall.today, correct=wall.correct_kept)
    until(lambda: rig.state("data"), 10, "a round")
    assert count(data_dir) == 2
    clock.advance(10)
    clock.set_wall(right.wall_s + 10)
    is_right.set()
    rig.housekeeper.trouble("database", None)
    until(lambda: by_clock(data_dir) == {"a": "synchronised", "b": "corrected"}, 10, "the correction")
    rig.housekeeper.stop()
    assert rig.housekeeper.deleted == 0


def by_clock(data_dir: Path) -> dict[str, str]:
    with closing(EventStore(data_dir)) as store:
        return {event.id: event.clock for event in store.newest(9)}


def test_it_starts_though_what_a_cut_left_cannot_be_put_in_order(data_dir: Path, start: Callable[..., Rig]) -> None:
    (data_dir / CUT_FILE).write_text("cut off")
    (data_dir / ".x.tmp").mkdir()
    rig = start()
    assert rig.state("check").startswith("degraded not put in order at the start")
    assert (data_dir / CUT_FILE).exists(), "the next start looks again"
    until(lambda: rig.state("data").startswith("running"), 10, "a round")


def test_a_card_that_cannot_even_be_asked_how_it_is_is_asked_again(data_dir: Path, start: Callable[..., Rig]) -> None:
    rig = start()
    until(lambda: rig.state("data").startswith("running"), 10, "a round")
    away = data_dir.rename(data_dir.with_name("away"))
    rig.housekeeper.trouble("database", None)
    until(lambda: rig.deaths or rig.state("data").startswith("failed"), 10, "the state")
    away.rename(data_dir)
    until(lambda: rig.deaths or rig.state("data").startswith("running"), 10, "a round that succeeds")
