"""What is new in a folder, look by look."""

import errno
import os
import time
from pathlib import Path

import pytest

from edge.camera.inbox import DOUBT_S, MOST_DOUBTED, Inbox
from edge.camera.still import Still


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    return Inbox("gallery", tmp_path, settle=True)


def put(path: Path, content: bytes = b"picture", *, mtime_s: float = 1000) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    os.utime(path, (mtime_s, mtime_s))


def names(stills: list[Still]) -> list[str]:
    return [Path(still.path).name for still in stills]


def age(folder: Path, mtime_s: float) -> None:
    """As if it had changed at that time: what has just changed is listed again in any case."""
    os.utime(folder, (mtime_s, mtime_s))


def test_each_picture_once_and_again_when_it_has_changed(inbox: Inbox, tmp_path: Path) -> None:
    for name in ("b/2.jpg", "b/c/3.jpg", "1.jpg", "a/0.jpg", "a/notes.txt", ".hidden/4.jpg", "a/.5.jpg"):
        put(tmp_path / name) if "/c/" not in name else (tmp_path / "b/c").mkdir()
    put(tmp_path / "b/c/3.jpg")
    assert names(inbox.look()) == ["1.jpg", "0.jpg", "2.jpg", "3.jpg"]
    assert inbox.look() == []
    put(tmp_path / "b/c/3.jpg", b"another picture")
    put(tmp_path / "b/c/6.jpg")
    assert names(inbox.look()) == ["3.jpg", "6.jpg"]


def test_what_is_written_with_a_clock_that_is_ahead_waits_until_it_stays_as_it_is(inbox: Inbox, tmp_path: Path) -> None:
    ahead_s = time.time() + 300
    put(tmp_path / "a.jpg", b"ha", mtime_s=ahead_s)
    assert inbox.look() == []
    put(tmp_path / "a.jpg", b"half", mtime_s=ahead_s)
    assert inbox.look() == []
    assert names(inbox.look()) == ["a.jpg"]
    assert inbox.look() == []


def test_an_upload_that_paused_is_given_again_when_it_is_whole(inbox: Inbox, tmp_path: Path) -> None:
    put(tmp_path / "a.jpg", b"half")
    age(tmp_path, 2000)
    (half,) = inbox.look()
    put(tmp_path / "b.jpg", b"not doubted")
    age(tmp_path, 3000)
    inbox.doubt(half)
    assert names(inbox.look()) == ["b.jpg"]
    put(tmp_path / "a.jpg", b"half and half")
    put(tmp_path / "b.jpg", b"changed, and nobody looks: the folder has not changed")
    age(tmp_path, 3000)
    assert names(inbox.look()) == ["a.jpg"]


def test_doubt_has_an_end_and_a_bound(inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "a.jpg", b"half")
    age(tmp_path, 2000)
    (half,) = inbox.look()
    inbox.doubt(half)
    for number in range(MOST_DOUBTED):
        inbox.doubt(Still(str(tmp_path / f"{number}.jpg"), 0, 0))
    put(tmp_path / "a.jpg", b"half and half")
    assert inbox.look() == []
    inbox.doubt(half)
    late_s = time.monotonic() + DOUBT_S + 1
    with monkeypatch.context() as patch:
        patch.setattr(time, "monotonic", lambda: late_s)
        assert inbox.look() == []


def test_what_was_taken_away_is_forgotten(inbox: Inbox, tmp_path: Path) -> None:
    put(tmp_path / "a.jpg")
    put(tmp_path / "sub/b.jpg")
    age(tmp_path / "sub", 2000)
    assert names(inbox.look()) == ["a.jpg", "b.jpg"]
    for name in ("a.jpg", "sub/b.jpg"):
        (tmp_path / name).unlink()
    (tmp_path / "sub").rmdir()
    assert inbox.look() == []
    put(tmp_path / "a.jpg")
    put(tmp_path / "sub/b.jpg")
    age(tmp_path / "sub", 2000)
    assert names(inbox.look()) == ["a.jpg", "b.jpg"], (
        "the same files as before: only who forgot them takes them for new"
    )


def test_what_cannot_be_looked_at_is_left_out_and_told_once(
    inbox: Inbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path / "z.jpg")
    put(Path(os.fsdecode(bytes(tmp_path) + b"/caf\xe9.jpg")))
    (tmp_path / "x.jpg").symlink_to("x.jpg")
    (tmp_path / "gone.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    assert names(inbox.look()) == ["z.jpg"]
    assert inbox.look() == []
    assert "left out" in caplog.text
    assert r"caf\udce9.jpg' error=its name is not UTF-8 others=1" in caplog.text
    assert len(caplog.records) == 1


def test_a_folder_in_it_that_cannot_be_read_is_gone_on_with_later(
    inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("a.jpg", "sub/b.jpg"):
        put(tmp_path / name)
    scandir = os.scandir

    def fail(path: str) -> object:
        if path == str(tmp_path / "sub"):
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE))
        return scandir(path)

    with monkeypatch.context() as patch:
        patch.setattr(os, "scandir", fail)
        assert names(inbox.look()) == ["a.jpg"]
        assert inbox.look() == []
    assert len(caplog.records) == 1
    assert names(inbox.look()) == ["b.jpg"]


def test_a_drive_that_is_away_is_an_error_of_the_folder_and_of_no_file(
    inbox: Inbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    put(tmp_path / "a.jpg")
    stat, calls = Path.stat, []

    def fail(path: Path) -> os.stat_result:
        calls.append(path)
        if len(calls) > 1:  # when it has just been listed
            raise OSError(errno.EHOSTDOWN, os.strerror(errno.EHOSTDOWN))
        return stat(path)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "stat", fail)
        with pytest.raises(OSError, match="Host is down"):
            inbox.look()
    assert not caplog.records
