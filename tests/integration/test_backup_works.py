"""Backup as background work: when it runs, how it stops, where it goes on."""

import shutil
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from edge.backup import works
from edge.backup.journal import Journal
from edge.backup.room import Room
from edge.backup.works import NAMES, TAG, constraints_of, requests_of
from edge.chores.shipped import make_registry
from edge.config import Backup
from edge.errors import BackupError, ConfigError
from edge.mqtt.backups import Backups
from edge.store.port import Message
from edge.wiring.asking import bring_back
from edge.work.request import OneTimeWork
from edge.work.states import WorkState
from tests.backup_rig import Card, files_of, served, set_up, take
from tests.support import check_payload
from tests.work_rig import only, until, working


@pytest.fixture
def card(data_dir: Path) -> Iterator[Card]:
    made = Card(data_dir)
    yield made
    made.close()


def test_a_device_without_a_backup_has_no_works_of_it(card: Card, tmp_path: Path) -> None:
    assert requests_of(Backup(), card.data_dir) == {}
    set_up(card.data_dir, {"type": "local"}, str(tmp_path))
    made = requests_of(Backup(every_h=2), card.data_dir)
    assert sorted(made) == sorted(NAMES)
    assert "backup-rows" not in requests_of(Backup(rows_after_h=0), card.data_dir)
    assert made["backup"].interval_s == 7200
    assert made["backup-prune"].input["keep_daily"] == Backup().keep_daily


@pytest.mark.parametrize(
    ("wait", "local", "kinds"),
    [
        ("mains-and-unmetered", False, ["Charging", "unmetered"]),
        ("mains-and-unmetered", True, ["Charging"]),
        ("unmetered", False, ["unmetered"]),
        ("network", False, ["connected"]),
    ],
)
def test_what_a_snapshot_waits_for(wait: str, local: bool, kinds: list[str]) -> None:
    assert [getattr(each, "need", type(each).__name__) for each in constraints_of(wait, local=local)] == kinds


async def test_it_begins_on_mains_stops_when_mains_goes_and_goes_on_where_it_was(card: Card, tmp_path: Path) -> None:
    (tmp_path / "remote" / "b").mkdir(parents=True)
    card.add(140, size=500_000)
    with served("sftp", tmp_path / "remote") as options:
        room = set_up(card.data_dir, options, "b")
        async with working(card.data_dir, registry=make_registry()) as (work, device):
            device.become(power={"source": "battery", "battery_low": False})
            request = (
                OneTimeWork("backup")
                .with_input(limit_kb_per_s=7000)
                .when(*constraints_of("mains-and-unmetered", local=False))
            )
            id_ = await only(work, request.long_running().backing_off(10))
            waiting = await until(work, id_, lambda info: True)
            assert waiting.state is WorkState.ENQUEUED
            device.become(power={"source": "mains"})
            await until(work, id_, lambda info: int(str(info.progress.get("files", 0))) > 0, 60)
            begin_s = time.monotonic()
            device.become(power={"source": "battery"})
            await until(work, id_, lambda info: info.state is WorkState.ENQUEUED, 30)
            assert time.monotonic() - begin_s < 5
            secured = _secured(room)
            assert 0 < secured < 140
            device.become(power={"source": "mains"})
            done = await until(work, id_, lambda info: info.state.finished, 100)
        assert done.state is WorkState.SUCCEEDED
        assert done.output["files"] == 140 - secured


def _secured(room: Room) -> int:
    journal = Journal(room.data_dir)
    try:
        return sum(pack.files for pack in journal.packs())
    finally:
        journal.close()


async def test_events_go_without_their_pictures_when_a_snapshot_is_overdue(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    card.add(3)
    async with working(card.data_dir, registry=make_registry()) as (work, _):
        rows = OneTimeWork("backup-rows").with_input(after_h=1)
        assert (await work.result(await only(work, rows))).output["snapshot"]
        with room.repository() as repository:
            manifest = repository.manifest(repository.heads().snapshots[-1])
        assert (manifest.events, manifest.packs) == (3, ())
        assert (await work.result(await only(work, rows))).output["snapshot"] == ""
        with closing(Journal(card.data_dir)) as journal:
            journal.set_state(rows_wall_s=str(time.time() + 3e8))  # by a clock that was years ahead
        card.add(1)
        assert (await work.result(await only(work, rows))).output["snapshot"]
        assert (await work.result(await only(work, OneTimeWork("backup")))).output["files"] == 4


async def test_pictures_that_are_missing_come_back_while_the_program_runs(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    card.add(2)
    card.add(3, label="Cat", day=1)
    take(room, card)
    promised = files_of(card.data_dir)
    shutil.rmtree(card.data_dir / "pictures")
    async with working(card.data_dir, registry=make_registry()) as (work, _):
        for labels, files in ((("Cat",), 3), ((), 2)):
            bring_back(card.data_dir, Backup(), "", labels)
            (info,) = await work.infos("name", "restore-files")
            done = await work.result(info.id)
            assert (done.state, done.output) == (WorkState.SUCCEEDED, {"files": files, "damaged": 0})
    assert files_of(card.data_dir) == promised
    with pytest.raises(ConfigError):
        bring_back(card.data_dir, Backup(), "the day before", ())
    with pytest.raises(BackupError, match="no backup is set up"):
        bring_back(tmp_path, Backup(), "", ())


async def test_verifying_as_a_work_says_what_is_missing(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"), encrypted=False)
    card.add(2)
    take(room, card)
    async with working(card.data_dir, registry=make_registry()) as (work, _):
        done = await work.result(await only(work, OneTimeWork("backup-verify")))
        assert (done.state, done.output["sampled"]) == (WorkState.SUCCEEDED, 1)
        next((tmp_path / "remote").rglob("*.zip")).unlink()
        done = await work.result(await only(work, OneTimeWork("backup-verify")))
    assert done.state is WorkState.FAILED
    assert done.message.endswith(": missing")


@pytest.mark.timeout(300)
async def test_prune_and_drill_run_as_works_and_a_wrong_key_fails_for_good(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    card.add(3)
    told: list[Message] = []
    async with working(card.data_dir, registry=make_registry()) as (work, _):
        for request, output in (
            (OneTimeWork("backup"), {"files": 3, "damaged": 0}),
            (OneTimeWork("backup-drill"), {"files": 3, "events": 3}),
            (OneTimeWork("backup-prune").with_input(keep_last=1), {"snapshots": 0}),
        ):
            done = await work.result(await only(work, request))
            assert done.state is WorkState.SUCCEEDED, done.message
            assert output.items() <= done.output.items()
        backups = Backups(card.data_dir, "porch", told.append)
        backups([msgspec.structs.replace(done, tags=(TAG,))])
        backups([msgspec.structs.replace(done, tags=(TAG,))])
        (message,) = told
        state = check_payload("backup", message.payload)
        assert (state["packs"], state["waiting_changes"], state["device"]) == (1, 0, "porch")
        assert state["proven_at"] >= state["snapshot_at"]
        works.targets.save(card.data_dir, msgspec.structs.replace(room.target, password="wrong"))
        done = await work.result(await only(work, OneTimeWork("backup-drill")))
    assert done.state is WorkState.FAILED
    assert "this key opens" in done.message
