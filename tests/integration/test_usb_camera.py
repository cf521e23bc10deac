"""A USB camera through the real linuxpy; the kernel's answers are a stand-in's, but for the test marked `hardware`."""

import io
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from edge.camera.v4l2 import V4l2Camera
from edge.clock import SystemClock
from edge.errors import CameraError
from tests.fake_v4l2 import FakeUsbCamera

MODES = [("YUYV", 64, 48, 30), ("MJPG", 640, 480, 30), ("MJPG", 1280, 720, 30)]


def jpeg(number: int, size: tuple[int, int] = (1280, 720)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (number * 40, 100, 50)).save(out, "JPEG")
    return out.getvalue()


def yuyv(number: int) -> bytes:
    frame = av.VideoFrame.from_ndarray(np.full((48, 64, 3), (0, 0, 255), np.uint8), format="rgb24")
    return frame.reformat(format="yuyv422").to_ndarray().tobytes()


@pytest.fixture
def plug(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], bytes]], FakeUsbCamera]:
    def plug_in(pictures: Callable[[int], bytes]) -> FakeUsbCamera:
        (tmp_path / "dev").mkdir(exist_ok=True)
        device = FakeUsbCamera(tmp_path / "dev/video0", MODES, pictures)
        device.install(monkeypatch)
        return device

    return plug_in


def camera(tmp_path: Path, size: tuple[int, int] = (1280, 720)) -> V4l2Camera:
    return V4l2Camera("desk", "/dev/video0", SystemClock(), size=size, fps=15, root=tmp_path)


def test_mjpeg_with_the_time_of_the_sensor(tmp_path: Path, plug: Callable[..., FakeUsbCamera]) -> None:
    device = plug(jpeg)
    cam = camera(tmp_path)
    cam.open()
    assert (device.format, device.fps, device.streaming) == (("MJPG", 1280, 720), 15, True)
    frames = [frame for _ in range(3) if (frame := cam.read(1))]
    assert [frame.sequence for frame in frames] == [0, 1, 2]
    assert np.abs(frames[2].pixels[0, 0].astype(int) - (80, 100, 50)).max() < 4
    age_s = SystemClock().now().boot_s - frames[-1].taken.boot_s
    assert 0.05 <= age_s < 0.5, "the driver said that the picture was 50 ms old"
    cam.close()
    assert not device.streaming


def test_yuyv(tmp_path: Path, plug: Callable[..., FakeUsbCamera]) -> None:
    plug(yuyv)
    cam = camera(tmp_path, (64, 48))
    cam.open()
    frame = cam.read(1)
    assert frame is not None
    assert frame.size == (64, 48)
    assert np.abs(frame.pixels[0, 0].astype(int) - (0, 0, 255)).max() <= 4
    cam.close()


def test_damaged_pictures_are_passed_over_counted_and_told_once(
    tmp_path: Path, plug: Callable[..., FakeUsbCamera], caplog: pytest.LogCaptureFixture
) -> None:
    device = plug(lambda number: jpeg(number)[: 900 if number in (1, 2) else None])
    device.flagged = {4}
    cam = camera(tmp_path)
    cam.open()
    given = [frame.sequence if (frame := cam.read(0.2)) else None for _ in range(6)]
    assert given == [0, None, None, 3, None, 5]
    assert cam.damaged == 3
    assert caplog.text.count("picture damaged") == 1
    cam.close()


def test_a_silent_camera_keeps_to_the_time_out(tmp_path: Path, plug: Callable[..., FakeUsbCamera]) -> None:
    plug(jpeg).silent = True
    cam = camera(tmp_path)
    cam.open()
    begin_s = time.monotonic()
    assert cam.read(0.3) is None
    assert 0.25 < time.monotonic() - begin_s < 1
    cam.close()


def test_pulled_out_and_put_back(tmp_path: Path, plug: Callable[..., FakeUsbCamera]) -> None:
    device = plug(jpeg)
    cam = camera(tmp_path)
    cam.open()
    assert cam.read(1)
    device.unplugged = True
    with pytest.raises(CameraError, match=r"camera desk: /dev/video0: failed: it was unplugged \(plug it in"):
        cam.read(1)
    cam.close()
    with pytest.raises(CameraError, match="cannot be opened: it was unplugged"):
        cam.open()
    cam.close()
    device.path.unlink()
    with pytest.raises(CameraError, match="no such camera"):
        cam.open()
    plug(jpeg)
    cam.open()
    frame = cam.read(1)
    assert frame is not None
    assert frame.sequence == 0
    cam.close()


def test_a_device_that_is_no_camera(tmp_path: Path) -> None:
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev/video0").touch()
    cam = camera(tmp_path)
    with pytest.raises(CameraError, match="cannot be opened: Inappropriate ioctl"):  # the real kernel's answer
        cam.open()
    cam.close()


@pytest.mark.hardware
def test_the_first_real_camera() -> None:
    devices = sorted(Path("/dev").glob("video*"))
    if not devices:
        pytest.skip("needs a V4L2 camera: there is no /dev/video*")
    cam = V4l2Camera("real", str(devices[0]), SystemClock())
    cam.open()
    frames = [frame for _ in range(20) if (frame := cam.read(2))]
    cam.close()
    assert len(frames) > 10
    assert frames[0].pixels.std() > 0
