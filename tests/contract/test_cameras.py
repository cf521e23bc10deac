"""Every camera keeps the contract of `edge.camera.port.Camera`."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.camera.file import FileCamera
from edge.camera.folder import FolderCamera
from edge.camera.pattern import PatternCamera
from edge.camera.port import Camera, Frame
from edge.camera.privacy import MaskedCamera
from edge.camera.restarts import GuardedCamera, Restarts
from edge.camera.stream import StreamCamera
from edge.camera.v4l2 import V4l2Camera
from edge.camera.wrapper import FirstFrames
from edge.clock import Instant, SystemClock
from edge.polygons import Polygon
from edge.testing.camera import MemoryCamera
from edge.testing.clock import SimulatedClock
from tests.fake_v4l2 import FakeUsbCamera
from tests.streams import MjpegServer, jpeg
from tests.support import write_pictures, write_video

Make = Callable[[], Camera]


@pytest.fixture(params=["memory", "pattern", "folder", "file", "file-realtime", "http", "v4l2", "guarded", "masked"])
def make(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Make]:
    write_pictures(tmp_path / "pictures", 5)
    write_video(tmp_path / "video.mp4", 5)
    clock = SystemClock()
    usb = FakeUsbCamera(tmp_path / "video0", [("MJPG", 64, 48, 50)], jpeg)
    restarts = Restarts(tmp_path / "data", clock)
    address = ""
    makers: dict[str, Make] = {
        "memory": lambda: MemoryCamera("cam", [np.zeros((48, 64, 3), np.uint8)] * 5, start=Instant(0, 0)),
        "pattern": lambda: PatternCamera("cam", clock, fps=50, size=(64, 48), frames=5),
        "folder": lambda: FolderCamera("cam", tmp_path / "pictures", clock, watch=False),
        "file": lambda: FileCamera("cam", tmp_path / "video.mp4", clock, realtime=False),
        "file-realtime": lambda: FileCamera("cam", tmp_path / "video.mp4", clock, realtime=True),
        "http": lambda: FirstFrames(StreamCamera("cam", address, clock), 5),
        "v4l2": lambda: FirstFrames(V4l2Camera("cam", str(usb.path), clock), 5),
        "guarded": lambda: GuardedCamera(PatternCamera("cam", clock, fps=50, size=(64, 48), frames=5), restarts),
    }
    everything = Polygon(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))
    makers["masked"] = lambda: MaskedCamera(makers["file"](), [everything])
    with ExitStack() as running:
        if request.param == "http":
            address = running.enter_context(MjpegServer(jpeg, fps=50)).address
        if request.param == "v4l2":
            usb.install(monkeypatch)
        yield makers[request.param]


def read_all(camera: Camera) -> list[Frame]:
    frames = []
    for _ in range(200):
        frame = camera.read(0.5)
        if frame is not None:
            frames.append(frame)
        elif camera.ended:
            return frames
    raise AssertionError("the camera does not end")


def test_frames_are_rgb_and_counted_from_zero(make: Make) -> None:
    camera = make()
    camera.open()
    frames = read_all(camera)
    camera.close()
    assert [frame.sequence for frame in frames] == [0, 1, 2, 3, 4]
    for frame in frames:
        assert frame.camera == camera.name
        assert frame.pixels.dtype == np.uint8
        assert frame.pixels.shape == (48, 64, 3)
        assert frame.pixels.flags.c_contiguous
        assert frame.size == (64, 48)


def test_time_goes_on(make: Make) -> None:
    camera = make()
    camera.open()
    taken = [frame.taken.boot_s for frame in read_all(camera)]
    camera.close()
    assert taken == sorted(taken)


def test_an_ended_camera_stays_ended_until_it_is_opened_again(make: Make) -> None:
    camera = make()
    camera.open()
    first = len(read_all(camera))
    assert camera.read(0.01) is None
    assert camera.ended
    camera.close()
    camera.open()
    assert not camera.ended
    assert len(read_all(camera)) == first
    camera.close()


def test_close_may_come_at_any_time(make: Make) -> None:
    camera = make()
    camera.close()
    camera.open()
    camera.read(1)
    camera.close()
    camera.close()


def test_video_time_is_recorded_time_however_fast_it_is_read(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", 20, fps=20)
    camera = FileCamera("cam", tmp_path / "v.mp4", SimulatedClock(wall_s=1000, boot_s=10), realtime=False)
    camera.open()
    frames = read_all(camera)
    assert frames[0].taken == Instant(1000, 10)
    assert frames[-1].taken.wall_s == pytest.approx(1000 + 19 / 20)


def test_a_looped_video_goes_on_in_time(tmp_path: Path) -> None:
    write_video(tmp_path / "v.mp4", 4, fps=20)
    camera = FileCamera("cam", tmp_path / "v.mp4", SimulatedClock(wall_s=0, boot_s=0), realtime=False, loop=True)
    camera.open()
    frames = [camera.read(1) for _ in range(11)]
    taken = [frame.taken.boot_s for frame in frames if frame is not None]
    assert taken == pytest.approx([n / 20 for n in range(11)])
    camera.close()


def test_the_right_colours(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    Image.new("RGB", (8, 8), (255, 0, 0)).save(tmp_path / "p" / "red.png")
    camera = FolderCamera("cam", tmp_path / "p", SystemClock(), watch=False)
    camera.open()
    frame = camera.read(1)
    assert frame is not None
    assert frame.pixels[0, 0].tolist() == [255, 0, 0]
