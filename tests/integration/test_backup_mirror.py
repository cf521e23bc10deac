"""The plain mirror: pictures by day, for people who look at the remote."""

import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import msgspec
import pytest

from edge.backup import mirror as mirrors
from edge.backup.journal import Journal, Secured
from edge.backup.mirror import MIRRORED, name_of, sweep_mirror
from edge.backup.remote import Remote
from edge.backup.room import Room
from edge.backup.target import save
from edge.errors import BackupError
from edge.files import write_durably
from tests.backup_rig import NOW_S, Card, files_of, served, set_up, take

HOSTILE = (
    "$(touch PWNED)",
    "`touch PWNED`",
    "a;touch PWNED",
    "../../up",
    "/etc",
    "-rf",
    "x\ny",
    "ä ö",
    "%n",
    "edge:x",
    "",
)


@pytest.fixture
def card(data_dir: Path) -> Iterator[Card]:
    made = Card(data_dir)
    yield made
    made.close()


def with_mirror(card: Card, options: dict[str, str], path: str, mirror: str) -> Room:
    room = set_up(card.data_dir, options, path)
    save(card.data_dir, msgspec.structs.replace(room.target, mirror=mirror))
    return Room.of(card.data_dir)


def seen(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", ["local", "webdav"])
def test_pictures_are_there_by_day_for_whoever_looks(card: Card, tmp_path: Path, kind: str) -> None:
    remote = tmp_path / "remote"
    (remote / "b").mkdir(parents=True)
    base = str(remote / "b") if kind == "local" else "b"
    with served("webdav", remote) as options:
        room = with_mirror(card, {"type": "local"} if kind == "local" else options, f"{base}/packs", f"{base}/a look")
        events = card.add(3) + card.add(2, label="Cat", day=1)
        card.clip(events[0])
        taken = take(room, card)
        assert (taken.files, taken.mirrored) == (6, 6)
        look = seen(remote / "b" / "a look")
        assert sorted(look.values()) == sorted(files_of(card.data_dir).values())
        first, second = (f"{datetime.fromtimestamp(NOW_S + at):%Y-%m-%d}" for at in (0, 86_400))
        assert {name[:10] for name in look} == {first, second}
        assert (
            sum(bool(re.fullmatch(rf"{second}/\d\d-\d\d-\d\d_door_cat_[0-9a-f]{{8}}\.jpg", name)) for name in look) == 2
        )
        before = {path: path.stat().st_mtime_ns for path in (remote / "b" / "a look").rglob("*.jpg")}
        card.add(1, day=2)
        assert take(room, card).mirrored == 1
        assert take(room, card).mirrored == 0
        assert {path: path.stat().st_mtime_ns for path in before} == before


def test_what_people_and_models_named_reaches_no_path(
    card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for label in HOSTILE:
        assert re.fullmatch(
            r"[0-9-]{10}/[0-9-]{8}_[a-z0-9-]+_[a-z0-9-]+_[0-9a-f]{8}\.jpg",
            name_of(Secured("pictures/ab/x.jpg", "a" * 64, NOW_S, label, label)),
        )
        card.add(1, label=label or "none")
    room = with_mirror(card, {"type": "local"}, str(tmp_path / "packs"), str(tmp_path / "$(touch PWNED) look"))
    assert take(room, card).mirrored == len(HOSTILE)
    assert len(seen(tmp_path / "$(touch PWNED) look")) == len(HOSTILE)
    assert not list(tmp_path.rglob("PWNED"))


def test_one_that_is_wanted_later_gets_everything_and_goes_on_where_it_was_cut(
    card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "packs"))
    card.add(3)
    take(room, card)
    card.add(3, day=1)
    take(room, card)
    room = with_mirror(card, {"type": "local"}, str(tmp_path / "packs"), str(tmp_path / "look"))
    monkeypatch.setattr(mirrors, "BATCH", 2)
    put, left = Remote.put_in_mirror, iter((True, True, True, False))

    def cut(self: Remote, source: str) -> None:
        if not next(left, True):
            raise BackupError("the remote cannot be reached", retryable=True)
        put(self, source)

    monkeypatch.setattr(Remote, "put_in_mirror", cut)
    with pytest.raises(BackupError, match="reached"):
        take(room, card)
    journal = Journal(card.data_dir)
    assert journal.state(MIRRORED) == "1"
    journal.close()
    assert take(room, card).mirrored == 3
    assert len(seen(tmp_path / "look")) == 6


def test_a_mirror_that_fails_does_not_cost_the_snapshot(card: Card, tmp_path: Path) -> None:
    (tmp_path / "look").write_text("a file where a folder should be")
    room = with_mirror(card, {"type": "local"}, str(tmp_path / "packs"), str(tmp_path / "look"))
    card.add(2)
    with pytest.raises(BackupError):
        take(room, card)
    with room.repository() as repository:
        assert len(repository.heads().snapshots) == 1


def test_old_days_go_and_what_is_not_ours_stays(card: Card, tmp_path: Path) -> None:
    room = with_mirror(card, {"type": "local"}, str(tmp_path / "packs"), str(tmp_path / "look"))
    card.add(2)
    card.add(1, day=10)
    take(room, card)
    write_durably(tmp_path / "look" / "holiday.jpg", b"somebody's own")
    (tmp_path / "look" / "2001-01-01").mkdir(parents=True)
    write_durably(tmp_path / "look" / "2001-01-01" / "mine.jpg", b"somebody's own")
    today = date.fromtimestamp(NOW_S + 12 * 86_400)
    with room.repository() as repository:
        assert sweep_mirror(repository.remote, today, 0) == 0
        assert sweep_mirror(repository.remote, today, 5, dry_run=True) == 2
        assert sweep_mirror(repository.remote, today, 5) == 2
    assert len(seen(tmp_path / "look")) == 3
