from pathlib import Path

import pytest

from edge.camera.file import FileCamera
from edge.camera.folder import FolderCamera
from edge.camera.opening import make_camera, silence_limit_s
from edge.camera.pattern import PatternCamera
from edge.camera.stream import StreamCamera
from edge.camera.v4l2 import V4l2Camera
from edge.camera.wrapper import FirstFrames
from edge.clock import SystemClock
from edge.config import Camera
from edge.store.stills import StillLedger


@pytest.mark.parametrize(
    ("source", "kind", "kind_once"),
    [
        ("file:/v.mp4", FileCamera, FileCamera),
        ("folder:/p", FolderCamera, FolderCamera),
        ("test:", PatternCamera, PatternCamera),
        ("v4l2:/dev/video0", V4l2Camera, FirstFrames),
        ("v4l2:C920", V4l2Camera, FirstFrames),
        *[(f"{scheme}://h/x", StreamCamera, FirstFrames) for scheme in ("rtsp", "rtsps", "http", "https")],
    ],
)
def test_each_address_has_its_driver_and_one_pass_has_an_end(
    tmp_path: Path, source: str, kind: type, kind_once: type
) -> None:
    ledger, section = StillLedger(tmp_path), Camera(name="a", source=source)
    assert type(make_camera(section, SystemClock(), ledger)) is kind
    assert type(make_camera(section, SystemClock(), ledger, once=True)) is kind_once


def test_a_slow_camera_may_take_its_time() -> None:
    assert silence_limit_s(Camera(name="a", source="rtsp://h/x")) == 10
    assert silence_limit_s(Camera(name="a", source="test:", fps=0.1)) == pytest.approx(30)
