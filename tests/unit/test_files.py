"""Files that are whole or not there, whoever else writes them."""

import fcntl
import os
import tempfile
import threading
from pathlib import Path

import pytest

from edge.files import write_durably

WRITERS, TIMES = 4, 12
SIZES = (1, 70_000)
NOBODY = 65534


def whole(content: bytes) -> bool:
    return len(content) in SIZES and len(set(content)) == 1


def test_many_who_write_one_file_leave_it_whole(tmp_path: Path) -> None:
    path = tmp_path / "note"
    failed: list[BaseException] = []
    done = threading.Event()

    def write(number: int) -> None:
        try:
            for turn in range(TIMES):
                write_durably(path, bytes([number]) * SIZES[turn % 2])
        except OSError as error:
            failed.append(error)

    def read() -> None:
        while not done.wait(0.001):
            if path.exists() and not whole(path.read_bytes()):
                failed.append(AssertionError("half a file"))

    reader = threading.Thread(target=read)
    writers = [threading.Thread(target=write, args=(number,)) for number in range(WRITERS)]
    for thread in (reader, *writers):
        thread.start()
    for thread in writers:
        thread.join()
    done.set()
    reader.join()
    assert failed == []
    assert [each.name for each in tmp_path.iterdir()] == ["note"]


def test_what_a_power_cut_left_is_written_over(tmp_path: Path) -> None:
    (tmp_path / ".note.tmp").write_bytes(b"half of something longer")
    write_durably(tmp_path / "note", b"whole", mode=0o600)
    assert (tmp_path / "note").read_bytes() == b"whole"
    assert (tmp_path / "note").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["note"]


def test_who_writes_there_is_waited_for_whoever_it_is(tmp_path: Path) -> None:
    folder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(folder, fcntl.LOCK_EX)
    theirs = tmp_path / ".note.tmp"
    theirs.write_bytes(b"half")
    ours = threading.Thread(target=write_durably, args=(tmp_path / "note", b"ours"))
    ours.start()
    ours.join(0.2)
    assert ours.is_alive()
    assert theirs.read_bytes() == b"half"
    theirs.replace(tmp_path / "note")
    os.close(folder)
    ours.join(5)
    assert (tmp_path / "note").read_bytes() == b"ours"
    assert [each.name for each in tmp_path.iterdir()] == ["note"]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be another user")
def test_what_another_user_left_is_in_nobody_s_way() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.chown(folder, NOBODY, -1)
        (folder / ".note.tmp").write_bytes(b"half")
        (folder / "roots").mkdir()
        os.seteuid(NOBODY)
        try:
            write_durably(folder / "note", b"whole")
            with pytest.raises(PermissionError):
                write_durably(folder / "roots" / "note", b"nowhere")
        finally:
            os.seteuid(0)
        assert (folder / "note").read_bytes() == b"whole"
        assert sorted(each.name for each in folder.rglob("*")) == ["note", "roots"]


def test_what_cannot_be_written_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_durably(tmp_path / "note", b"old")

    def full(descriptor: int) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_durably(tmp_path / "note", b"new")
    assert (tmp_path / "note").read_bytes() == b"old"
    assert [each.name for each in tmp_path.iterdir()] == ["note"]
