"""What only a folder camera does."""

import errno
import os
import time
from pathlib import Path

import pytest
from PIL import Image

from edge.camera.folder import FolderCamera
from edge.camera.still import Still
from edge.clock import SystemClock
from edge.errors import CameraError
from edge.store.database import open_database
from edge.store.stills import StillLedger
from tests.support import until


def picture(path: Path, *, old: bool = True) -> None:
    Image.new("RGB", (16, 16), (1, 2, 3)).save(path)
    if old:
        os.utime(path, (1000, 1000))


def names(camera: FolderCamera, timeout_s: float = 0.5) -> list[str]:
    found = []
    while frame := camera.read(timeout_s):
        assert frame.still is not None
        found.append(Path(frame.still.path).name)
    return found


def opened(folder: Path, *, watch: bool = False, ledger: StillLedger | None = None) -> FolderCamera:
    camera = FolderCamera("gallery", folder, SystemClock(), watch=watch, ledger=ledger)
    camera.open()
    return camera


def test_folders_in_the_folder_are_looked_into_and_hidden_ones_not(tmp_path: Path) -> None:
    for name in ("b/2.jpg", "a.jpg", ".hidden/3.jpg", "b/.4.jpg", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        picture(tmp_path / name) if name.endswith("jpg") else (tmp_path / name).write_text("no picture")
    assert names(opened(tmp_path)) == ["a.jpg", "2.jpg"]


def test_a_new_picture_is_given_when_it_has_settled(tmp_path: Path) -> None:
    picture(tmp_path / "old.jpg")
    camera = opened(tmp_path, watch=True)
    assert names(camera) == ["old.jpg"]
    picture(tmp_path / "new.jpg", old=False)
    begin_s = time.monotonic()
    assert until(lambda: names(camera, 0.2), 10, "the new picture") == ["new.jpg"]
    assert time.monotonic() - begin_s > 0.5, "a file that has just changed may still be being written"
    assert not camera.ended


def test_what_is_done_is_remembered_over_restarts_and_a_changed_file_is_new(tmp_path: Path, data_dir: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    picture(folder / "a.jpg")
    picture(folder / "b.jpg")
    ledger = StillLedger(data_dir)
    stat = (folder / "a.jpg").stat()
    ledger.mark_unreadable("gallery", Still(str(folder / "a.jpg"), stat.st_size, stat.st_mtime_ns), "test")
    assert names(opened(folder, ledger=StillLedger(data_dir))) == ["b.jpg"]
    os.utime(folder / "a.jpg", (2000, 2000))
    assert names(opened(folder, ledger=StillLedger(data_dir))) == ["a.jpg", "b.jpg"]


def with_one_that_is_none(tmp_path: Path) -> Path:
    """A folder of a.jpg, which is no picture, and b.jpg, which is one."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(b"this is no picture")
    picture(folder / "b.jpg")
    return folder


def test_a_file_that_is_no_picture_is_passed_over_once(
    tmp_path: Path, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = with_one_that_is_none(tmp_path)
    ledger = StillLedger(data_dir)
    assert names(opened(folder, ledger=ledger)) == ["b.jpg"]
    assert "a.jpg: not a picture" in caplog.text
    assert ledger.unreadable == 1
    caplog.clear()
    assert names(opened(folder, ledger=ledger)) == ["b.jpg"]
    assert not caplog.text


def test_a_cut_off_picture_is_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    picture(tmp_path / "a.png")
    whole = (tmp_path / "a.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    assert names(opened(tmp_path)) == []
    assert "damaged picture" in caplog.text


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match=r"camera gallery: .*none: no such folder \(make the folder"):
        opened(tmp_path / "none")


def test_a_folder_that_cannot_be_looked_at(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match=r"camera gallery: .*: File name too long \(it is looked for again"):
        opened(tmp_path / ("n" * 300))


def test_a_drive_that_goes_away_is_an_error_to_come_back_from(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    camera = opened(tmp_path, watch=True)

    def fail(path: Path) -> None:
        raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))

    monkeypatch.setattr(Path, "stat", fail)
    with pytest.raises(CameraError, match="Transport endpoint is not connected"):
        camera.read(0.05)


def test_a_picture_that_cannot_be_reached_is_not_taken_for_damaged(
    tmp_path: Path, data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    picture(folder / "a.jpg")
    ledger = StillLedger(data_dir)

    def fail(path: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    with monkeypatch.context() as patch:
        patch.setattr(Image, "open", fail)
        assert names(opened(folder, ledger=ledger)) == []
    assert names(opened(folder, ledger=ledger)) == ["a.jpg"]


def test_a_ledger_that_cannot_be_read_is_an_error_to_come_back_from(tmp_path: Path, data_dir: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    picture(folder / "a.jpg")
    ledger = StillLedger(data_dir)
    open_database(data_dir).execute("ALTER TABLE stills RENAME TO away")
    with pytest.raises(CameraError, match=r"camera gallery: .*edge\.db: no such table"):
        names(opened(folder, ledger=ledger))
    open_database(data_dir).execute("ALTER TABLE away RENAME TO stills")
    assert names(opened(folder, ledger=ledger)) == ["a.jpg"]


def test_a_ledger_that_cannot_be_written_holds_nothing_up(
    tmp_path: Path, data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = with_one_that_is_none(tmp_path)
    open_database(data_dir).execute(
        "CREATE TRIGGER full BEFORE INSERT ON stills BEGIN SELECT RAISE(FAIL, 'disk is full'); END"
    )
    assert names(opened(folder, ledger=StillLedger(data_dir))) == ["b.jpg"]
    assert "disk is full" in caplog.text


def test_many_unreadable_files_do_not_keep_the_camera_from_coming_back(tmp_path: Path) -> None:
    for number in range(9):
        (tmp_path / f"{number}.jpg").write_bytes(b"this is no picture")
    picture(tmp_path / "a.jpg")
    camera = opened(tmp_path)
    assert [camera.read(0) for _ in range(3)] == [None] * 3
    assert not camera.ended
    assert names(camera) == ["a.jpg"]


def test_half_a_picture_is_recognised_when_the_rest_has_come(tmp_path: Path, data_dir: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    picture(folder / "a.jpg")
    whole = (folder / "a.jpg").read_bytes()
    (folder / "a.jpg").write_bytes(whole[: len(whole) // 2])
    for path in (folder / "a.jpg", folder):
        os.utime(path, (1000, 1000))
    ledger = StillLedger(data_dir)
    camera = opened(folder, watch=True, ledger=ledger)
    assert names(camera) == []
    assert ledger.unreadable == 1
    with (folder / "a.jpg").open("r+b") as file:
        file.write(whole)
    assert until(lambda: names(camera, 0.2), 10, "the whole picture") == ["a.jpg"]


def test_a_folder_that_goes_away_is_an_error_to_come_back_from(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    camera = opened(folder, watch=True)
    folder.rmdir()
    with pytest.raises(CameraError, match="the folder is gone"):
        names(camera, 2)
    folder.mkdir()
    picture(folder / "a.jpg")
    camera.close()
    camera.open()
    assert names(camera) == ["a.jpg"]
