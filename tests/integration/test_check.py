"""Database and files made to disagree, and mended."""

import os
import random
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from edge.bench.filled_store import fill
from edge.clock import Instant
from edge.errors import StoreError
from edge.geometry import Box
from edge.identity import CUT_FILE, LOCK_FILE, cut_since, locked, put_in_order
from edge.store.check import Checker, Finding
from edge.store.clips import ClipFolder
from edge.store.database import FILE_NAME, open_database
from edge.store.events import EventStore
from edge.store.pictures import PictureFolder
from edge.store.port import Clip, Event, Picture, Record
from edge.store.removal import Remover


def keep(data_dir: Path, id_: str, *, end_reason: str | None = "left", write: bool = True) -> Picture:
    content = random.Random(id_).randbytes(200)
    put = PictureFolder(data_dir).put(content, (4, 3))
    now = Instant(time.time(), 10)
    event = Event(
        id=id_, camera="door", label="Car", score=0.5, box=Box(0, 0, 1, 1), started=now, seen=now, boot_id="boot",
        end_reason=end_reason, picture=put.picture,  # type: ignore[arg-type]
    )  # fmt: skip
    store = EventStore(data_dir)
    if write:
        store.commit([Record((event,), new_pictures=frozenset({put.picture.sha256}))])
    store.close()
    return put.picture


def execute(data_dir: Path, statement: str) -> None:
    with closing(open_database(data_dir)) as connection:
        connection.execute(statement)


def kinds(findings: list[Finding]) -> list[tuple[str, bool]]:
    return [(finding.what, finding.explained) for finding in findings]


@pytest.fixture
def store(data_dir: Path) -> Iterator[Path]:
    """Three events; whatever a test does, a repair makes it agree again."""
    for id_ in "abc":
        keep(data_dir, id_)
    yield data_dir
    Checker(data_dir, repair=True).check(hashes=True)
    assert [finding for finding in Checker(data_dir).check(hashes=True) if not finding.explained] == []


def test_nothing_is_found_where_nothing_is_wrong(store: Path) -> None:
    assert Checker(store).check(hashes=True) == []
    assert Checker(store, cut_since_s=0.0).check_after_cut() == []


def test_a_missing_a_short_and_a_damaged_picture(store: Path) -> None:
    folder, pictures = PictureFolder(store), [keep(store, id_) for id_ in "def"]
    folder.path_of(pictures[0]).unlink()
    folder.path_of(pictures[1]).write_bytes(b"short")
    folder.path_of(pictures[2]).write_bytes(bytes(200))
    texts = " ".join(finding.text for finding in Checker(store).check())
    assert "event d: pictures/" in texts
    assert "is missing" in texts
    assert "has 5 bytes, not 200" in texts
    assert "event f" not in texts
    assert "is damaged" in " ".join(finding.text for finding in Checker(store).check(hashes=True))
    Checker(store, repair=True).check(hashes=True)
    kept = {event.id: event.picture is not None for event in EventStore(store).newest(10)}
    assert kept == {"a": True, "b": True, "c": True, "d": False, "e": False, "f": False}


def test_a_file_that_no_row_names(store: Path) -> None:
    stray = PictureFolder(store).path_of(keep(store, "stray", write=False))
    assert kinds(Checker(store).check()) == [("unknown", False)]
    assert Checker(store, running=True).check() == [], "its row may be about to be committed"
    assert kinds(Checker(store, cut_since_s=time.time() - 5).check()) == [("unknown", True)]
    os.utime(stray, (1000, 1000))
    assert kinds(Checker(store, running=True).check()) == [("unknown", False)]
    assert kinds(Checker(store, cut_since_s=time.time() - 5).check()) == [("unknown", False)]


def test_what_the_next_start_puts_in_order_is_explained(store: Path) -> None:
    keep(store, "open", end_reason=None)
    remover = Remover(store)
    remover.remove(remover.oldest(1))
    remover.close()
    (store / "pictures" / "aa").mkdir(exist_ok=True)
    (store / "pictures" / "aa" / ".x.jpg.tmp").write_bytes(b"x")
    assert kinds(Checker(store).check()) == [("waiting", True), ("open", True), ("temporary", True)]


def test_rows_that_point_nowhere_and_wrong_numbers(store: Path) -> None:
    execute(store, "INSERT INTO event_pictures VALUES ('nobody', 'ff', 1, 1, 1, 0)")
    execute(store, "UPDATE events SET picture = 'ee' WHERE id = 'a'")
    execute(store, "UPDATE day_counts SET events = 7")
    found = Checker(store).check()
    assert {finding.what for finding in found} == {"dangling", "numbers"}
    assert "counts by day: 1 wrong" in {finding.text for finding in found}


def test_a_damaged_database_is_named(data_dir: Path) -> None:
    fill(data_dir, 500)
    path = data_dir / FILE_NAME
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(random.Random(1).randbytes(8192))
    (finding,) = Checker(data_dir).check()
    assert (finding.what, finding.explained) == ("database", False)


def test_after_a_cut_the_newest_are_looked_at_and_left_over_files_removed(store: Path) -> None:
    lost, stray = keep(store, "lost"), keep(store, "stray", write=False)
    PictureFolder(store).path_of(lost).unlink()
    found = Checker(store, cut_since_s=time.time() - 100, repair=True).check_after_cut()
    assert next(finding.what for finding in found if not finding.explained) == "missing"
    assert ("unknown", True) in kinds(found)
    assert not PictureFolder(store).path_of(stray).exists()
    assert Checker(store).check() == []


def test_after_a_cut_a_picture_that_a_restored_card_still_waits_for_stays_wanted(data_dir: Path) -> None:
    picture = keep(data_dir, "a")
    PictureFolder(data_dir).path_of(picture).unlink()
    execute(data_dir, "UPDATE event_pictures SET secured = 1")
    assert Checker(data_dir, cut_since_s=time.time() - 100, repair=True).check_after_cut() == []
    assert EventStore(data_dir).newest(1)[0].picture == picture


def test_a_run_that_did_not_end_in_order_is_known_by_its_lock(data_dir: Path) -> None:
    assert cut_since(data_dir) is None
    with pytest.raises(KeyError), locked(data_dir):
        raise KeyError
    began_s = cut_since(data_dir)
    assert began_s is not None
    with locked(data_dir, for_work=False):
        assert cut_since(data_dir) == began_s, "who only looks changes nothing"
    with locked(data_dir):
        assert cut_since(data_dir, before=True) == began_s
        put_in_order(data_dir)
        assert cut_since(data_dir, before=True) is None
    assert cut_since(data_dir) is None
    assert not (data_dir / CUT_FILE).exists()


def test_clips_that_are_missing_and_clips_that_the_next_start_takes_in(store: Path) -> None:
    folder, ids = ClipFolder(store), ("01a1fc80-0f56-7000-9f4a-808097882ed7", "01a1fc80-0f57-7000-9f4a-908097882ed7")
    clip = Clip(
        id=ids[0], camera="door", trigger="track", started=Instant(1000, 10), boot_id="boot", duration_s=1.0, size_bytes=9,
        sha256="", events=("a",),
    )  # fmt: skip
    events = EventStore(store)
    events.commit([Record(clip=clip)])
    events.close()
    other = folder.path_of(ids[1])
    other.parent.mkdir(parents=True)
    other.write_bytes(b"123")
    assert kinds(Checker(store).check()) == [("missing", False), ("unknown", True)]
    Checker(store, repair=True).check()
    assert kinds(Checker(store).check()) == [("unknown", True)]
    assert other.exists()


def test_a_folder_that_cannot_be_locked_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / LOCK_FILE).mkdir()
    with pytest.raises(StoreError, match="check the card and the rights"), locked(tmp_path):
        pass
