"""What only a video file does."""

import contextlib
from pathlib import Path

import pytest

from edge.camera.file import FileCamera
from edge.clock import SystemClock
from edge.errors import CameraError
from tests.support import write_video


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "No such file"), (b"", "Invalid data"), (b"no video" * 100, "Invalid data")]
)
def test_an_unreadable_video(tmp_path: Path, content: bytes | None, reason: str) -> None:
    path = tmp_path / "v.mp4"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(CameraError, match=rf"camera street: .*v\.mp4: cannot be read as video: .*{reason}") as caught:
        FileCamera("street", path, SystemClock()).open()
    assert caught.value.hint


def test_a_file_without_a_video_stream(tmp_path: Path) -> None:
    import wave

    with wave.open(str(tmp_path / "a.wav"), "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", "none"))
        sound.writeframes(b"\0\0" * 800)
    with pytest.raises(CameraError, match="holds no video"):
        FileCamera("street", tmp_path / "a.wav", SystemClock()).open()


def test_a_codec_that_nobody_knows(tmp_path: Path) -> None:
    path = tmp_path / "v.avi"
    write_video(path, 3)
    known = path.read_bytes()
    assert b"FMP4" in known
    path.write_bytes(known.replace(b"FMP4", b"QQQQ"))
    with pytest.raises(CameraError, match="no decoder for its video codec"):
        FileCamera("street", path, SystemClock()).open()


def test_a_video_cut_off_in_the_middle_gives_what_it_has(tmp_path: Path) -> None:
    write_video(tmp_path / "whole.mkv", 100)
    whole = (tmp_path / "whole.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) * 3 // 4])
    camera = FileCamera("street", tmp_path / "cut.mkv", SystemClock(), realtime=False)
    camera.open()
    frames = []
    with contextlib.suppress(CameraError):  # whether the cut is an error or an end is the container's matter
        while (frame := camera.read(1)) is not None:
            frames.append(frame.sequence)
    camera.close()
    assert 10 < len(frames) < 100


def test_the_sample_video(samples: Path) -> None:
    camera = FileCamera("street", samples / "bikes.mp4", SystemClock(), realtime=False)
    camera.open()
    frames = []
    while (frame := camera.read(1)) is not None:
        frames.append(frame)
    assert len(frames) == 250
    assert frames[0].size == (640, 272)
    assert frames[-1].taken.boot_s - frames[0].taken.boot_s == pytest.approx(249 / 25)
