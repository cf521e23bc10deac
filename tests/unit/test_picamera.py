"""The parts of the picamera2 camera that need neither camera nor picamera2; the rest is tests/integration/test_picamera.py."""

import importlib.util
from typing import Any

import pytest

from edge.camera.picamera import PicameraCamera
from edge.camera.planes import BufferLayout
from edge.camera.streams import choose, controls_for, is_reduced, layout_of, stream_plans, taken_at
from edge.clock import Instant, SystemClock
from edge.errors import CameraError

USB = {"Model": "C270", "Id": "/base/scb/pcie@7d500000/pci@0,0/usb@0,0-1:1.0-046d:0825"}
WIDE = {"Model": "imx708_wide", "Id": "/base/soc/i2c0mux/i2c@1/imx708@1a"}
OLD = {"Model": "ov5647", "Id": "/base/soc/i2c0mux/i2c@0/ov5647@36"}
OTHER_OLD = {"Model": "ov5647", "Id": "/base/soc/i2c0mux/i2c@1/ov5647@36"}


@pytest.mark.parametrize(
    ("infos", "wanted", "position"),
    [
        ([WIDE, OLD], "", 0),
        ([USB, WIDE], "", 1),
        ([USB], "", 0),
        ([WIDE, OLD], "ov5647", 1),
        ([WIDE, OLD], "OV5647", 1),
        ([OLD, OTHER_OLD], OTHER_OLD["Id"], 1),
        ([OTHER_OLD, OLD], OTHER_OLD["Id"], 0),
    ],
)
def test_a_camera_is_chosen_by_what_it_is(infos: list[dict[str, str]], wanted: str, position: int) -> None:
    assert choose(infos, wanted, "door") == position


@pytest.mark.parametrize(
    ("infos", "wanted", "message"),
    [
        ([], "", "camera door: no camera is connected"),
        ([], "imx708", "no camera is connected"),
        ([OLD], "imx708", r"no camera is 'imx708' \(connected: ov5647 \(/base/soc/i2c0mux/i2c@0/ov5647@36\)\)"),
        ([OLD, OTHER_OLD], "ov5647", r"'ov5647' are 2 cameras \(name one by its id: .*i2c@0.*i2c@1"),
        ([OLD], "0", "no camera is '0'"),
    ],
)
def test_a_camera_that_cannot_be_chosen(infos: list[dict[str, str]], wanted: str, message: str) -> None:
    with pytest.raises(CameraError, match=message):
        choose(infos, wanted, "door")


def test_an_old_pi_is_asked_for_a_small_picture_in_yuv() -> None:
    first, last = stream_plans((1280, 720), "VC4")
    assert first["main"] == {"format": "BGR888", "size": (1280, 720)}
    assert first["lores"] == {"format": "YUV420", "size": (640, 360)}
    assert last == {"main": first["main"], "lores": None}


def test_a_pi_5_is_asked_for_a_small_picture_in_rgb_first() -> None:
    formats = [plan["lores"] and plan["lores"]["format"] for plan in stream_plans((1280, 720), "PISP")]
    assert formats == ["BGR888", "YUV420", None]


@pytest.mark.parametrize(
    ("size", "small"),
    [((1640, 1232), (480, 360)), ((1920, 1080), (640, 360)), ((720, 1280), (360, 640)), ((4608, 2592), (640, 360))],
)
def test_the_small_picture_keeps_the_proportions(size: tuple[int, int], small: tuple[int, int]) -> None:
    assert stream_plans(size, "VC4")[0]["lores"]["size"] == small
    assert is_reduced(size, small)


def test_a_small_camera_has_no_smaller_picture() -> None:
    assert [plan["lores"] for plan in stream_plans((480, 360), "PISP")] == [None]


@pytest.mark.parametrize("small", [(1280, 720), (640, 480), (360, 640)])
def test_another_view_is_no_small_picture(small: tuple[int, int]) -> None:
    assert not is_reduced((1280, 720), small)


def test_the_layout_is_what_the_camera_says() -> None:
    given = {"format": "YUV420", "size": (640, 360), "stride": 768, "framesize": 414720, "preserve_ar": False}
    assert layout_of(given) == BufferLayout("YUV420", (640, 360), 768)


PI: dict[str, Any] = {"FrameDurationLimits": (1, 2, 3), "ExposureTime": (0, 1, 2), "AnalogueGain": (1.0, 16.0, 1.0)}


@pytest.mark.parametrize(
    ("exposure_us", "gain", "controls"),
    [
        (0, 0.0, {"FrameDurationLimits": (100_000, 100_000)}),
        (5000, 2.0, {"FrameDurationLimits": (100_000, 100_000), "ExposureTime": 5000, "AnalogueGain": 2.0}),
        (250_000, 0.0, {"FrameDurationLimits": (250_000, 250_000), "ExposureTime": 250_000}),
    ],
)
def test_controls(exposure_us: int, gain: float, controls: dict[str, Any]) -> None:
    assert controls_for(PI, 10.0, exposure_us, gain, "door") == controls


def test_controls_that_the_camera_does_not_have() -> None:
    assert controls_for({}, 10.0, 0, 0.0, "door") == {}
    with pytest.raises(CameraError, match=r"camera door: gain cannot be set on this camera \(remove gain\)"):
        controls_for({"ExposureTime": (0, 1, 2)}, 10.0, 100, 2.0, "door")


@pytest.mark.parametrize(
    ("metadata", "taken"),
    [
        ({"SensorTimestamp": 99_900_000_000}, Instant(999.9, 99.9)),
        ({}, Instant(1000, 100)),
        ({"SensorTimestamp": 100_100_000_000}, Instant(1000, 100)),  # not yet
        ({"SensorTimestamp": 1}, Instant(1000, 100)),  # another clock
    ],
)
def test_the_sensor_knows_when_a_frame_was_taken(metadata: dict[str, Any], taken: Instant) -> None:
    assert taken_at(Instant(1000, 100), metadata) == pytest.approx(taken)


@pytest.mark.skipif(importlib.util.find_spec("picamera2") is not None, reason="picamera2 is installed here")
def test_without_picamera2_the_remedy_is_named() -> None:
    camera = PicameraCamera("door", "", SystemClock())
    with pytest.raises(CameraError, match=r"camera door: picamera2 cannot be imported.*apt install python3-picamera2"):
        camera.open()
    camera.close()
