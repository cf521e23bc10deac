"""Background work of the running program: what may fail in it without ending it."""

import asyncio
import errno
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest

from edge.backup.target import FILE, FOLDER, Target, save
from edge.backup.works import NAMES
from edge.chores import room as rooms
from edge.chores.device import Rooms
from edge.chores.room import WorkRoom
from edge.clock import SystemClock
from edge.config import Config, parse
from edge.device.monitor import Monitor
from edge.health import Health
from edge.store import database
from edge.store.retention import Pruned
from edge.update import progress
from edge.update.progress import Standing
from edge.work.bell import ring
from edge.work.observe import WorkInfo
from edge.work.request import OneTimeWork


class Bench:
    """A room and what it told."""

    def __init__(self, folder: Path) -> None:
        clock = SystemClock()
        self.health = Health(clock)
        self.told: list[Sequence[WorkInfo]] = []
        self.config: Config = parse({"paths": {"data": str(folder)}}, place="here")
        monitor = Monitor([], clock)
        chores = Rooms(
            clock=clock,
            cameras=[],
            newest=lambda _: None,
            conditions=list,
            device_state=monitor.current,
            publish=lambda _: None,
            today=lambda: None,
            prune=lambda _: Pruned(),
        )
        self.room = WorkRoom(
            self.config, "porch", monitor, chores, self.health, changed=lambda: None, told=self.told.append
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        running = asyncio.create_task(self.room.run())
        try:
            async with asyncio.timeout(30):
                await self.until(lambda: bool(self.told) or running.done())
                assert not running.done(), running.exception()
                yield
        finally:
            running.cancel()
            with suppress(asyncio.CancelledError):
                await running

    def waiting(self) -> set[str | None]:
        return {info.name for info in self.told[-1] if not info.state.finished}

    async def until(self, fits: Callable[[], bool]) -> None:
        while not fits():
            await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "FIRST_WORDS_S", 0.0)
    monkeypatch.setattr(rooms, "TELL_S", 0.01)
    monkeypatch.setattr(rooms, "RETRY_S", 0.05)
    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)


async def test_how_works_are_is_told_again_after_the_database_failed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bench = Bench(tmp_path)
    async with bench.running():
        other = sqlite3.connect(tmp_path / database.FILE_NAME, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        assert ring(tmp_path)
        await bench.until(lambda: "state of works not told" in caplog.text)
        other.execute("ROLLBACK")
        other.close()
        (id_,) = (await bench.room.work.enqueue(OneTimeWork("health-report"))).ids
        await bench.until(lambda: id_ in [info.id for info in bench.told[-1]])
    assert caplog.text.count("state of works not told") == 1


@pytest.mark.parametrize("text", ["", '{"device": "porch", "region": "of a later program"}'])
async def test_a_target_that_cannot_be_read_costs_neither_the_start_nor_the_works(tmp_path: Path, text: str) -> None:
    target = Target(device="porch", repository="r", path="/media/stick", options={"type": "local"})
    save(tmp_path, target)
    before = Bench(tmp_path)
    async with before.running():
        await before.until(lambda: before.waiting() == set(NAMES))
    (tmp_path / FOLDER / FILE).write_text(text)
    bench = Bench(tmp_path)
    async with bench.running():
        await bench.room.work.result((await bench.room.work.enqueue(OneTimeWork("health-report"))).ids[0])
        await bench.until(lambda: bench.waiting() == set(NAMES))
    (condition,) = bench.health.conditions()
    assert (condition.part, condition.name, condition.state) == ("configuration", "backup", "degraded")
    assert "target.json: cannot be read" in condition.cause
    assert "`edge backup setup`" in condition.cause


async def test_a_card_too_full_to_note_what_became_of_an_update(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    progress.save(tmp_path, Standing(phase="installed", version="99.0", boot_id="the start before"))

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(progress, "write_durably", full)
    bench = Bench(tmp_path)
    async with bench.running():
        await bench.room.work.result((await bench.room.work.enqueue(OneTimeWork("health-report"))).ids[0])
    assert "what became of the update not noted" in caplog.text
