"""Lines that are slow, go silent or break in the middle, remotes that are full or damaged, cards that have lost what they knew."""

import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from edge.backup import remote as remotes
from edge.backup.rc import Transfer
from edge.backup.remote import Remote
from edge.backup.repository import Repository
from edge.backup.restore import Choice, restore_database, restore_files
from edge.backup.room import Room
from edge.errors import BackupError
from tests.backup_proxy import Line, line
from tests.backup_rig import Card, content_of, files_of, restored, served, set_up, take
from tests.disks import memory_disk

FILES, SIZE_BYTES = 6, 400_000


@pytest.fixture
def card(data_dir: Path) -> Iterator[Card]:
    made = Card(data_dir)
    made.add(FILES, size=SIZE_BYTES)
    yield made
    made.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[dict[str, str]]:
    (tmp_path / "remote" / "b").mkdir(parents=True)
    with served("sftp", tmp_path / "remote") as options:
        yield options


def through(card: Card, options: dict[str, str], line: Line) -> Room:
    return set_up(card.data_dir, {**options, "port": str(line.port)}, "b")


def in_order_after_all(card: Card, options: dict[str, str], tmp_path: Path) -> None:
    room = set_up(card.data_dir, options, "b")
    assert take(room, card).files == FILES
    assert restored(room, tmp_path / "new") == content_of(card.data_dir)


def test_a_line_that_goes_silent_is_given_up_and_the_next_run_goes_on(
    card: Card, tmp_path: Path, server: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remotes, "FLAGS", tuple(flag.replace("20s", "2s") for flag in remotes.FLAGS))
    monkeypatch.setattr(remotes, "SHORT_S", 8.0)  # an SSH server that says nothing more is known by the time alone
    monkeypatch.setattr(remotes, "SLOWEST_BYTES_PER_S", 10_000_000)
    with line(int(server["port"]), silent_after=SIZE_BYTES) as silent:
        begun_s = time.monotonic()
        with pytest.raises(BackupError) as caught:
            take(through(card, server, silent), card)
    assert caught.value.retryable
    assert time.monotonic() - begun_s < 60
    in_order_after_all(card, server, tmp_path)


def test_a_line_that_breaks_in_the_middle_of_a_pack_is_no_loss(
    card: Card, tmp_path: Path, server: dict[str, str]
) -> None:
    with line(int(server["port"]), broken_after=SIZE_BYTES) as broken:
        with pytest.raises(BackupError, match="cannot be reached") as caught:
            take(through(card, server, broken), card)
        assert broken.up_bytes > SIZE_BYTES
    assert caught.value.retryable
    in_order_after_all(card, server, tmp_path)


def test_a_slow_line_is_waited_for_and_left_within_seconds(card: Card, tmp_path: Path, server: dict[str, str]) -> None:
    with line(int(server["port"]), bytes_per_s=300_000) as slow:
        room = through(card, server, slow)
        with room.repository() as repository:
            stopped_s: list[float] = []

            def stop() -> None:
                while slow.up_bytes < SIZE_BYTES:
                    time.sleep(0.02)
                stopped_s.append(time.monotonic())
                repository.remote.stop()

            threading.Thread(target=stop).start()
            with pytest.raises(BackupError, match="stopped"):
                room.take(repository, card.clock)
            assert time.monotonic() - stopped_s[0] < 10  # 5 on a machine that has nothing else to do
    with line(int(server["port"]), bytes_per_s=1_000_000) as slow:
        assert take(through(card, server, slow), card).files == FILES
    assert restored(set_up(card.data_dir, server, "b"), tmp_path / "new") == content_of(card.data_dir)


@pytest.mark.parametrize("kind", ["local", "sftp"])
def test_a_remote_that_is_full_says_so_and_goes_on_when_there_is_room(card: Card, tmp_path: Path, kind: str) -> None:
    """SFTP has no code for it: its server may only say that it failed, which is told as what it may be."""
    with memory_disk(tmp_path / "small", "1m") as small:
        (small / "b").mkdir()
        with served("sftp", small) as options:
            room = set_up(
                card.data_dir, *(({"type": "local"}, str(small / "b")) if kind == "local" else (options, "b"))
            )
            with pytest.raises(BackupError, match="is full") as caught:
                take(room, card)
            assert caught.value.retryable
            subprocess.run(["mount", "-o", "remount,size=20m", small], check=True)
            assert take(room, card).files == FILES
            assert restored(room, tmp_path / "new") == content_of(card.data_dir)


def test_a_server_that_does_not_know_our_key_says_so(card: Card, tmp_path: Path) -> None:
    (tmp_path / "s3" / "b").mkdir(parents=True)
    with served("s3", tmp_path / "s3") as options:
        room = set_up(card.data_dir, {**options, "secret_access_key": "not it at all"}, "b")
        with pytest.raises(BackupError, match="refuses us") as caught:
            take(room, card)
    assert not caught.value.retryable
    assert "not it at all" not in str(caught.value)


@pytest.mark.parametrize("harm", ["flip", "truncate"])
def test_an_encrypted_remote_that_was_damaged_gives_what_is_whole(card: Card, tmp_path: Path, harm: str) -> None:
    """All large files: the pack of the second snapshot is one of them."""
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    take(room, card)
    before = set((tmp_path / "remote").rglob("*"))
    card.add(2, size=SIZE_BYTES, day=1)
    take(room, card)
    pack = max(
        (path for path in (tmp_path / "remote").rglob("*") if path.is_file() and path not in before),
        key=lambda path: path.stat().st_size,
    )
    content = bytearray(pack.read_bytes())
    content[len(content) // 2] ^= 1
    pack.write_bytes(content if harm == "flip" else content[: len(content) // 2])
    with room.repository() as repository:
        name = repository.heads().snapshots[-1]
        manifest = repository.manifest(name)
        restore_database(repository, name, manifest, tmp_path / "new")
        done = restore_files(repository, manifest, tmp_path / "new", Choice())
    assert (done.files, done.damaged) == (FILES, (manifest.packs[1].path,))
    assert files_of(tmp_path / "new").items() < files_of(card.data_dir).items()
    assert restored(room, tmp_path / "older", 0)


def test_a_snapshot_whose_database_is_damaged_is_named_and_the_one_before_serves(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"), encrypted=False)
    take(room, card)
    before = content_of(card.data_dir)
    card.add(1, day=1)
    take(room, card)
    (layer,) = (tmp_path / "remote").rglob("rows/*.gz")
    layer.write_bytes(layer.read_bytes()[:-9])
    with pytest.raises(BackupError, match=layer.name) as caught:
        restored(room, tmp_path / "new")
    assert caught.value.hint
    assert not (tmp_path / "new" / "edge.db").exists()
    assert restored(room, tmp_path / "older", 0) == before


def test_a_card_that_lost_everything_takes_nothing_from_the_remote(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"), encrypted=False)
    take(room, card)
    promised = content_of(card.data_dir)
    there = {path: path.read_bytes() for path in (tmp_path / "remote").rglob("*") if path.is_file()}
    empty = tmp_path / "empty"
    shutil.copytree(card.data_dir / "backup", empty / "backup")
    lost = Card(empty)
    try:
        with pytest.raises(BackupError, match="knows nothing of") as caught:
            take(Room.of(empty), lost)
        assert "restore" in caught.value.hint
    finally:
        lost.close()
    assert {path: path.read_bytes() for path in (tmp_path / "remote").rglob("*") if path.is_file()} == there
    assert restored(room, tmp_path / "new") == promised


def test_a_card_that_lost_its_pictures_says_how_many_and_keeps_what_is_up(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    take(room, card)
    promised = files_of(card.data_dir)
    card.add(3, day=1)
    shutil.rmtree(card.data_dir / "pictures")
    taken = take(room, card)
    assert (taken.files, taken.damaged) == (0, 3)
    restored(room, tmp_path / "new")
    assert files_of(tmp_path / "new") == promised


def test_the_rate_follows_the_timetable_while_something_moves(card: Card, tmp_path: Path) -> None:
    """At 20 kB/s it would take two minutes."""
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    moved: list[Transfer] = []
    folder = card.data_dir / "backup"
    remote = Remote(
        folder / "rclone.conf", folder / "scratch", limit=lambda: 0 if moved else 20, lowest_kb_per_s=20, progress=moved.append
    )  # fmt: skip
    begun_s = time.monotonic()
    with remote:
        assert room.take(Repository(remote, "edge-1"), card.clock).files == FILES
    assert moved[0].done_bytes < FILES * SIZE_BYTES
    assert time.monotonic() - begun_s < 100


def test_an_empty_device_is_backed_up_and_comes_back(tmp_path: Path) -> None:
    empty = Card(tmp_path / "data")
    try:
        room = set_up(empty.data_dir, {"type": "local"}, str(tmp_path / "remote"))
        assert take(room, empty).files == 0
        assert restored(room, tmp_path / "new") == content_of(empty.data_dir)
    finally:
        empty.close()


def test_a_clock_far_ahead_and_back_again_keeps_the_order_of_snapshots(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    names = [take(room, card).name]
    for wall_s in (4_000_000_000.0, 1_500_000_000.0, 1_800_000_000.0):
        card.clock.set_wall(wall_s)
        card.add(1)
        names.append(take(room, card).name)
    assert names == sorted(names, key=repr)
    assert names[-1] is not None
    assert names[-1].stamp.startswith("20961002")
    with room.repository() as repository:
        assert repository.heads().snapshots == tuple(names)
    assert restored(room, tmp_path / "new") == content_of(card.data_dir)


def test_a_target_that_says_another_repository_than_the_marker_is_refused(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"), encrypted=False)
    take(room, card)
    other = Room(card.data_dir, msgspec.structs.replace(room.target, device="edge-2", repository="repo-2"))
    with pytest.raises(BackupError, match="another repository"):
        take(other, card)
