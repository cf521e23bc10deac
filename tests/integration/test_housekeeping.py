"""The housekeeper's own life on the real store: its start, its rounds, and a card that fails."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge import config
from edge.clock import Clock, SystemClock
from edge.events.housekeeping import Housekeeper
from edge.health import Health
from edge.identity import CUT_FILE
from edge.store.events import EventStore
from edge.store.pictures import PictureFolder
from tests.support import until


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


def test_it_starts_though_what_a_cut_left_cannot_be_put_in_order(data_dir: Path, start: Callable[..., Rig]) -> None:
    (data_dir / CUT_FILE).write_text("cut off")
    (data_dir / ".x.tmp").mkdir()
    rig = start()
    assert rig.state("check").startswith("failed not put in order at the start")
    assert (data_dir / CUT_FILE).exists(), "the next start looks again"
    until(lambda: rig.state("data").startswith("running"), 10, "a round")
