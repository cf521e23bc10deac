"""A card that is full: a small ext4 file system of its own, the real keeper and the real housekeeper."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from edge import config
from edge.camera.port import Frame
from edge.clock import Instant, SystemClock
from edge.events import housekeeping, keeper
from edge.events.housekeeping import Housekeeper
from edge.events.keeper import Keeper
from edge.events.port import Change, Outcome
from edge.geometry import Box
from edge.health import Health
from edge.identity import locked
from edge.store.database import open_database
from edge.store.events import EventStore
from edge.store.pictures import PictureFolder
from edge.store.port import Event, Message
from edge.store.space import RESERVE_FILE, Space
from tests.disks import small_card
from tests.support import until

BLOCK = 1024


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Path]:
    with small_card(tmp_path / "card", 32) as folder:
        yield folder


def fill(folder: Path, leave_bytes: int = 0) -> Path:
    """Somebody else's file takes all that is left, but for so many bytes."""
    path = folder / "other"
    with path.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * BLOCK):
                pass
        except OSError:
            file.truncate(max(0, file.tell() - leave_bytes))
    return path


@dataclass
class Rig:
    folder: Path
    keeper: Keeper
    housekeeper: Housekeeper
    health: Health
    published: list[Message]
    number: int = 0

    @property
    def state(self) -> str:
        states = [each.state for each in self.health.conditions() if (each.part, each.name) == ("card", "data")]
        return states[0] if states else ""

    def see(self, count: int) -> None:
        """So many new events, each with a picture of some 37 kB."""
        for _ in range(count):
            pixels = np.random.default_rng(self.number).integers(0, 255, (160, 160, 3), dtype=np.uint8)
            now = SystemClock().now()
            event = Event(
                id=f"{self.number:06}", camera="door", label="Car", score=0.5, box=Box(0, 0, 1, 1), started=now, seen=now, boot_id="boot",
                end_reason="left",
            )  # fmt: skip
            self.keeper.submit(
                Outcome([Change("started", event, Frame("door", self.number, pixels, Instant(0, self.number)))])
            )
            self.number += 1

    def fill(self, leave_bytes: int = 0) -> Path:
        return fill(self.folder, leave_bytes)


@pytest.fixture
def rig(card: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rig]:
    monkeypatch.setattr(housekeeping, "INTERVAL_S", 0.1)
    monkeypatch.setattr(housekeeping, "TROUBLED_S", 0.1)
    monkeypatch.setattr(keeper, "RETRY_S", 0.1)
    yield from running(card, config.Retention(min_free_mb=1024))


def running(folder: Path, retention: config.Retention) -> Iterator[Rig]:
    def failed(error: BaseException) -> None:
        raise AssertionError("a thread died") from error

    clock = SystemClock()
    health, pictures, published = Health(clock), PictureFolder(folder), list[Message]()
    housekeeper = Housekeeper(
        folder, "dev", retention, config.Card(), clock, health, pictures, published.append, failed
    )
    keeper = Keeper(
        folder, "dev", config.Pictures(), lambda: None, failed, trouble=housekeeper.trouble, folder=pictures
    )
    rig = Rig(folder, keeper, housekeeper, health, published)
    keeper.start()
    housekeeper.start()
    yield rig
    housekeeper.stop()
    keeper.stop()
    assert keeper.lost == 0
    check(folder)


def check(folder: Path) -> None:
    connection = open_database(folder)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    pictures = PictureFolder(folder)
    for event in EventStore(folder).newest(10_000):
        assert event.picture is None or pictures.path_of(event.picture).stat().st_size == event.picture.size_bytes
    assert not list(folder.rglob("*.tmp"))


def newest(folder: Path) -> Event:
    store = EventStore(folder)
    try:
        return store.newest(1)[0]
    finally:
        store.close()


def count(folder: Path) -> int:
    store = EventStore(folder)
    try:
        return store.count()
    finally:
        store.close()


def test_the_oldest_go_as_new_ones_come(rig: Rig) -> None:
    rig.fill(leave_bytes=10_000_000)
    rig.see(600)
    until(lambda: newest(rig.folder).id == "000599", 30, "the last event")
    until(lambda: Space(rig.folder).free_bytes() > 2_500_000, 10, "a tenth free")
    until(lambda: rig.housekeeper.deleted > 50, 10, "the end of a round")
    rig.see(1)
    until(lambda: newest(rig.folder).id == "000600", 10, "one more")
    assert newest(rig.folder).picture is not None
    assert count(rig.folder) > 50


def test_a_card_that_others_filled(rig: Rig) -> None:
    rig.see(100)
    until(lambda: count(rig.folder) == 100 and (rig.folder / RESERVE_FILE).exists(), 10, "a hundred events")
    for path in (rig.folder / "pictures").rglob("*.jpg"):  # kept, and so nothing that retention could delete
        assert path.exists()
    store = EventStore(rig.folder)
    for event in store.newest(1000):
        store.keep(event.id, True)
    store.close()
    other = rig.fill()
    rig.see(50)
    until(lambda: rig.state == "full", 10, "the state")
    other.unlink()
    until(lambda: rig.state == "running", 10, "the end of that state")
    until(lambda: count(rig.folder) == 150, 10, "all events, whenever they were kept")
    rig.see(1)
    until(lambda: newest(rig.folder).picture is not None, 10, "pictures again")
    assert (rig.folder / RESERVE_FILE).exists()


def test_events_go_on_without_pictures_then_the_oldest_are_deleted(rig: Rig) -> None:
    rig.see(100)
    until(lambda: count(rig.folder) == 100 and (rig.folder / RESERVE_FILE).exists(), 10, "a hundred events")
    other = rig.fill(leave_bytes=100_000)
    rig.see(20)
    until(lambda: newest(rig.folder).id == "000119", 10, "events go on")
    until(lambda: rig.state == "degraded", 10, "the oldest are deleted, and less is free than should be")
    assert rig.housekeeper.deleted > 0
    rig.see(1)
    until(
        lambda: newest(rig.folder).id == "000120" and newest(rig.folder).picture, 10, "pictures again, in their place"
    )
    assert count(rig.folder) > 2, "not everything"
    other.unlink()
    until(lambda: rig.state == "running", 10, "the end of that state")


def test_nothing_is_lost_when_not_even_a_row_can_be_written(rig: Rig) -> None:
    rig.see(100)
    until(lambda: count(rig.folder) == 100 and (rig.folder / RESERVE_FILE).exists(), 10, "a hundred events")
    rig.fill()
    rig.see(300)
    until(lambda: newest(rig.folder).id == "000399", 20, "rows are written in what old pictures took")


@pytest.mark.parametrize("leave_bytes", [0, 10_000])
def test_a_card_that_others_filled_still_starts(card: Path, leave_bytes: int) -> None:
    with locked(card):
        EventStore(card).close()
        assert Space(card).hold()
    fill(card, leave_bytes)
    with locked(card):
        assert not (card / RESERVE_FILE).exists(), "before the database is opened, which would crash the process"
        assert count(card) == 0
