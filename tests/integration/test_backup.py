"""Backup and restore against what rclone serves, and a folder."""

import hashlib
import os
import shutil
import subprocess
import time
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from edge.backup import fetching, snapshot
from edge.backup import prune as pruning
from edge.backup.journal import Journal
from edge.backup.prune import prune
from edge.backup.restore import Choice, Step, restore_database, restore_files, take_over
from edge.backup.room import Room
from edge.backup.target import Target, kit_text, load, obscured, rclone_path, save
from edge.backup.verify import verify
from edge.config import Backup
from edge.errors import BackupError, StoreError
from edge.store import database
from edge.store.database import open_database
from edge.testing.clock import SimulatedClock
from tests.backup_rig import NOW_S, Card, files_of, rows_of, served, set_up, take
from tests.support import ROOT

KINDS = ("local", "s3", "sftp", "webdav")


@pytest.fixture
def card(data_dir: Path) -> Iterator[Card]:
    made = Card(data_dir)
    yield made
    made.close()


@contextmanager
def remote_of(kind: str, folder: Path, *flags: str) -> Iterator[tuple[dict[str, str], str]]:
    """Options and path of a remote whose files stand in `folder`."""
    if kind == "local":
        yield {"type": "local"}, str(folder)
        return
    bucket = folder / "bucket"
    bucket.mkdir(parents=True)
    with served(kind, folder, *flags) as options:
        yield options, "bucket/a base/$(touch PWNED)"


def restore(room: Room, target: Path, choice: Choice = Choice(), at: int = -1) -> int:  # noqa: B008 - it is frozen
    with room.repository() as repository:
        name = repository.heads().snapshots[at]
        manifest = repository.manifest(name)
        restore_database(repository, name, manifest, target)
        done = restore_files(repository, manifest, target, choice)
        assert done.damaged == ()
        return done.files


@pytest.mark.timeout(300)
@pytest.mark.parametrize("encrypted", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_backup_increments_verify_prune_and_restore_are_exact(
    card: Card, tmp_path: Path, kind: str, encrypted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "GRACE_S", -1e10)
    with remote_of(kind, tmp_path / "remote") as (options, path):
        room = set_up(card.data_dir, options, path, encrypted=encrypted)
        events = card.add(20)
        card.clip(events[3])
        first = take(room, card)
        assert (first.files, first.packs, first.database) == (21, 1, "copy")
        assert take(room, card).name is None
        before = rows_of(card.data_dir), files_of(card.data_dir)
        card.delete(4)
        card.change(events[10])
        more = card.add(7, label="Cat")
        card.clip(more[0])
        second = take(room, card)
        assert (second.files, second.packs, second.database) == (8, 1, "rows")
        after = rows_of(card.data_dir), files_of(card.data_dir)
        assert restore(room, tmp_path / "new") == len(after[1])
        assert (rows_of(tmp_path / "new"), files_of(tmp_path / "new")) == after
        restore(room, tmp_path / "old", at=0)
        assert (rows_of(tmp_path / "old"), files_of(tmp_path / "old")) == before
        keep = Backup(keep_last=1, keep_daily=0, keep_weekly=0, keep_monthly=0, keep_yearly=0)
        with room.repository() as repository:
            report = verify(repository, sample=9)
            assert (report.problems, report.snapshots, report.sampled) == ((), 2, 2)
            assert prune(repository, keep, NOW_S).snapshots == 1
            assert (verify(repository).problems, len(repository.heads().snapshots)) == ((), 1)
        assert restore(room, tmp_path / "pruned") == len(after[1])
        assert (rows_of(tmp_path / "pruned"), files_of(tmp_path / "pruned")) == after
        assert not list(tmp_path.rglob("PWNED"))
        names = [path.name for path in (tmp_path / "remote").rglob("*")]
        assert ("REPO.json" in names) is not encrypted


def test_what_happens_during_a_snapshot_does_not_make_it_look_damaged(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    card.add(5)

    def meanwhile(step: str, _: int) -> None:
        if step == "database":
            card.delete(1)
        if step == "manifest":
            card.add(3)

    for number in (1, 2):
        with room.repository() as repository:
            room.take(repository, card.clock, report=meanwhile)
        target = tmp_path / str(number)
        with room.repository() as repository:
            name = repository.heads().snapshots[-1]
            restore_database(repository, name, repository.manifest(name), target)
        assert len(rows_of(target)["events"]) == {1: 4, 2: 7}[number]  # the second deletion is in the next one


def test_a_log_that_a_damaged_database_left_behind_is_not_read_into_the_restored_one(
    card: Card, tmp_path: Path
) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    card.add(20)
    take(room, card)
    before = rows_of(card.data_dir)
    card.add(200)
    cut = tmp_path / "cut"
    cut.mkdir()
    for ending in ("-wal", "-shm"):  # after a power cut; the damaged file itself was moved away, as its error says
        shutil.copy(card.data_dir / f"edge.db{ending}", cut / f"edge.db{ending}")
    assert (cut / "edge.db-wal").stat().st_size > 0
    restore(room, cut)
    assert rows_of(cut) == before


def test_what_a_snapshot_says_that_it_holds_is_of_one_moment(card: Card) -> None:
    card.add(10)
    with closing(Journal(card.data_dir)) as journal:
        journal.begin()
        before = journal.standing()
        journal.connection.set_trace_callback(lambda _: card.delete(1))  # as each of its statements begins
        events, last = journal.standing()
        journal.connection.set_trace_callback(None)
    assert events < before[0]
    assert events + last == sum(before), "each deletion is one event less and one change more"


def test_a_device_that_runs_is_not_held_up_by_what_is_restored(
    card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "FULL_FILES", 1)
    monkeypatch.setattr(fetching, "BATCH_BYTES", 1)
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    card.add(6)
    take(room, card)
    shutil.rmtree(card.data_dir / "pictures")
    held_up: list[int] = []

    def look(step: Step) -> None:
        with closing(open_database(card.data_dir)) as connection:
            card.add(1)
            (busy, *_) = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            held_up.append(busy)

    with room.repository() as repository:
        (name,) = repository.heads().snapshots
        done = restore_files(repository, repository.manifest(name), card.data_dir, Choice(), look)
    assert done.files == 6
    assert held_up == [0] * 7


def test_a_part_is_restored_and_later_the_rest(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    card.add(5, day=0)
    card.add(4, day=3, label="Cat")
    take(room, card)
    target = tmp_path / "new"
    assert restore(room, target, Choice(database_only=True)) == 0
    assert restore(room, target, Choice(labels=("Cat",))) == 4
    assert restore(room, target, Choice(labels=("Dog",))) == 0
    assert restore(room, target) == 5
    assert files_of(target) == files_of(card.data_dir)


def test_a_wrong_key_is_told_from_an_empty_remote_only_by_a_person_but_restores_nothing(
    card: Card, tmp_path: Path
) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    card.add(2)
    take(room, card)
    save(tmp_path / "other", load(card.data_dir).__class__(**{**_fields(room), "password": "wrong"}))
    with Room.of(tmp_path / "other").repository() as repository, pytest.raises(BackupError, match="this key opens"):
        repository.required()


def _fields(room: Room) -> dict[str, object]:
    return {name: getattr(room.target, name) for name in room.target.__struct_fields__}


def test_a_new_card_goes_on_and_the_old_one_is_fenced_off(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    (card.data_dir / "device-id").write_text("edge-1\n")
    card.add(10)
    take(room, card)
    new = tmp_path / "new"
    save(new, room.target)
    fresh = Room.of(new)
    restore(fresh, new)
    with fresh.repository() as repository:
        take_over(repository, new, room.target.repository, card.clock)
    other = Card(new, seed=2)
    try:
        assert take(fresh, other).name is None
        other.add(3, day=1)
        assert take(fresh, other).files == 3
    finally:
        other.close()
    card.add(1)
    with pytest.raises(BackupError, match="taken over"):
        take(room, card)


def test_two_cards_with_one_lineage_are_noticed(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    card.add(3)
    take(room, card)
    shutil.copytree(card.data_dir, tmp_path / "twin")
    twin = Card(tmp_path / "twin", seed=5)
    try:
        twin.add(1)
        take(Room.of(tmp_path / "twin"), twin)
    finally:
        twin.close()
    card.add(1)
    with pytest.raises(BackupError, match="two cards"):
        take(room, card)


def test_a_clock_that_went_back_makes_later_names_all_the_same(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    card.add(1)
    first = take(room, card)
    card.clock.set_wall(1_600_000_000.0)
    card.add(1)
    second = take(room, card)
    assert second.name > first.name


@pytest.mark.parametrize("harm", ["flip", "truncate", "remove"])
def test_a_damaged_pack_costs_what_is_in_it_and_is_named(card: Card, tmp_path: Path, harm: str) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"), encrypted=False)
    card.add(3)
    take(room, card)
    card.add(2)
    take(room, card)
    pack = min((tmp_path / "remote").rglob("packs/*/*.zip"), key=lambda path: path.stat().st_size)
    content = bytearray(pack.read_bytes())
    content[100] ^= 1
    pack.unlink()
    if harm != "remove":
        pack.write_bytes(content if harm == "flip" else content[:200])
    with room.repository() as repository:
        name = repository.heads().snapshots[-1]
        manifest = repository.manifest(name)
        restore_database(repository, name, manifest, tmp_path / "new")
        done = restore_files(repository, manifest, tmp_path / "new", Choice())
    assert (done.files, len(done.damaged)) == (3, 1)


def test_nothing_is_restored_over_another_database(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    card.add(1)
    take(room, card)
    with pytest.raises(BackupError, match="already"):
        restore(room, card.data_dir)


def test_a_repository_that_is_gone_is_not_begun_anew_in_silence(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    card.add(1)
    take(room, card)
    shutil.rmtree(tmp_path / "remote")
    with pytest.raises(BackupError, match="gone"):
        take(room, card)


def test_a_person_restores_it_by_hand(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    events = card.add(5)
    card.clip(events[0])
    take(room, card)
    card.add(3)
    card.change(events[2])
    take(room, card)
    assert _by_hand(card.data_dir / "backup" / "rclone.conf", "edge:", tmp_path / "new") == "8 events\n"
    assert files_of(tmp_path / "new") == files_of(card.data_dir)
    assert rows_of(tmp_path / "new")["events"] == rows_of(card.data_dir)["events"]


def test_a_person_restores_it_by_hand_from_the_kit_alone(card: Card, tmp_path: Path) -> None:
    """As docs/backup-format.md tells: an rclone.conf of one's own, for an encrypted backup on a server."""
    (tmp_path / "remote" / "b").mkdir(parents=True)
    with served("webdav", tmp_path / "remote") as options:
        room = set_up(card.data_dir, options, "b/home")
        card.add(4)
        take(room, card)
        kit = tomllib.loads(kit_text(room.target))
        keys = [f"password = {obscured(kit['password'])}", f"password2 = {obscured(kit['salt'])}"]
        options_lines = [f"{key} = {value}" for key, value in kit["options"].items()]
        crypt = ["[backup]", "type = crypt", f"remote = target:{kit['path']}", *keys]
        config = tmp_path / "own.conf"
        config.write_text("\n".join(["[target]", *options_lines, *crypt, ""]))
        assert _by_hand(config, "backup:", tmp_path / "new") == "4 events\n"
    assert files_of(tmp_path / "new") == files_of(card.data_dir)


def _by_hand(config: Path, remote: str, target: Path) -> str:
    path = f"{Path(rclone_path()).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        [ROOT / "scripts" / "restore-by-hand", config, remote, "edge-1", target], capture_output=True, text=True, check=False,
        timeout=100, env={**os.environ, "PATH": path},
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_a_backup_of_the_first_format_is_read_by_every_program(tmp_path: Path) -> None:
    """Made by the program that brought format 1: two snapshots, of three events and a clip; then one is changed, one new, one gone."""
    with zipfile.ZipFile(ROOT / "tests" / "backup-format-1.zip") as archive:
        archive.extractall(tmp_path / "remote")
    save(
        tmp_path / "card",
        Target(device="edge-1", repository="repo-1", path=str(tmp_path / "remote"), options={"type": "local"}),
    )
    room = Room.of(tmp_path / "card")
    assert restore(room, tmp_path / "old", at=0) == 3
    assert restore(room, tmp_path / "new") == 2
    rows = rows_of(tmp_path / "new")
    assert [(row[4], row[2]) for row in rows["events"]] == [("Person", 2), ("Cat", 1)]
    assert (len(rows["clips"]), len(rows_of(tmp_path / "old")["clips"])) == (0, 1)
    named = {row[1] for row in rows["event_pictures"]}
    assert {hashlib.sha256(content).hexdigest() for content in files_of(tmp_path / "new").values()} == named
    assert (tmp_path / "new" / "device-id").read_text() == "edge-1\n"
    with room.repository() as repository:
        take_over(repository, tmp_path / "new", "repo-1", SimulatedClock())
    other = Card(tmp_path / "new", seed=9)
    try:
        other.add(1, day=3)
        save(tmp_path / "new", room.target)
        assert take(Room.of(tmp_path / "new"), other).files == 1
    finally:
        other.close()
    assert restore(room, tmp_path / "later") == 3


def test_what_cannot_be_reached_is_said_and_the_next_run_goes_on(card: Card, tmp_path: Path) -> None:
    folder = tmp_path / "remote"
    card.add(4)
    with remote_of("sftp", folder) as (options, path):
        room = set_up(card.data_dir, options, path)
    begin_s = time.monotonic()
    with pytest.raises(BackupError, match="cannot be reached") as caught:
        take(room, card)
    assert caught.value.retryable
    assert time.monotonic() - begin_s < 30
    with served("sftp", folder) as options:
        assert take(set_up(card.data_dir, options, path), card).files == 4


@pytest.mark.parametrize("left", [None, b"", b"[target]\ntype = lo", b"\xff\xfe"])
def test_a_configuration_of_rclones_that_a_power_cut_took_is_written_again(
    card: Card, tmp_path: Path, left: bytes | None
) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    card.add(2)
    config = card.data_dir / "backup" / "rclone.conf"
    config.unlink()
    if left is not None:
        config.write_bytes(left)
    assert take(room, card).files == 2
    assert config.stat().st_mode & 0o777 == 0o600


def test_a_token_that_rclone_renewed_is_kept(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local", "token": "old"}, str(tmp_path / "remote"))
    config = card.data_dir / "backup" / "rclone.conf"
    config.write_text(config.read_text().replace("token = old", "token = new"))
    card.add(1)
    take(room, card)
    assert "token = new\n" in config.read_text()


def test_secrets_stand_in_files_of_the_owner_alone(card: Card, tmp_path: Path) -> None:
    set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    folder = card.data_dir / "backup"
    assert [path.stat().st_mode & 0o777 for path in (folder, folder / "rclone.conf", folder / "target.json")] == [
        0o700,
        0o600,
        0o600,
    ]
    assert "secret-one" not in (folder / "rclone.conf").read_text()


def test_an_older_backup_restores_into_a_newer_program_and_not_the_other_way(
    card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    card.add(3)
    take(room, card)
    card.add(1)
    assert take(room, card).database == "rows"
    monkeypatch.setattr(database, "MIGRATIONS", (*database.MIGRATIONS, "\n    CREATE TABLE newer (x INTEGER);\n    "))
    save(tmp_path / "new", room.target)
    newer = Room.of(tmp_path / "new")
    assert restore(newer, tmp_path / "new") == 4
    with newer.repository() as repository:
        take_over(repository, newer.data_dir, room.target.repository, card.clock)
    other = Card(newer.data_dir, seed=3)
    try:
        other.add(1, day=1)
        assert take(newer, other).database == "copy"
    finally:
        other.close()
    monkeypatch.undo()
    with pytest.raises(StoreError, match="newer"):
        restore(room, tmp_path / "back")
