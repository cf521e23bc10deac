"""`PicameraCamera` on the real picamera2 and the real libcamera. Runs inside the root file system: tests/integration/test_picamera.py."""

import gc
import os
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import COLOURS
from PIL import Image

from edge.camera.picamera import BUFFERS, PicameraCamera
from edge.camera.port import Frame, Pixels
from edge.clock import SystemClock
from edge.errors import CameraError

CLOCK = SystemClock()
Open = Callable[..., PicameraCamera]


@pytest.fixture
def opened() -> Iterator[Open]:
    """Opens cameras; those that are left open are closed."""
    made: list[PicameraCamera] = []

    def open_camera(address: str = "colours", **settings: Any) -> PicameraCamera:
        camera = PicameraCamera("cam", address, CLOCK, **settings)
        made.append(camera)
        camera.open()
        return camera

    yield open_camera
    for camera in made:
        camera.close()


def next_frame(camera: PicameraCamera) -> Frame:
    frame = camera.read(10)
    assert frame is not None
    return frame


def corners(pixels: Pixels) -> list[tuple[int, ...]]:
    """Colours of the four quarters' middles."""
    height, width, _ = pixels.shape
    return [tuple(pixels[height * y // 4, width * x // 4].tolist()) for y in (1, 3) for x in (1, 3)]


def close_to(expected: tuple[tuple[int, ...], ...], found: list[tuple[int, ...]]) -> bool:
    return bool(np.abs(np.array(expected) - np.array(found)).max() <= 4)


def test_frames_keep_the_contract(opened: Open) -> None:
    camera = opened()
    frames = [next_frame(camera) for _ in range(5)]
    assert not camera.ended
    assert [frame.sequence for frame in frames] == [0, 1, 2, 3, 4]
    taken = [frame.taken.boot_s for frame in frames]
    assert taken == sorted(set(taken))
    for frame in frames:
        for pixels, shape in ((frame.pixels, (720, 1280, 3)), (frame.small, (360, 640, 3))):
            assert pixels is not None
            assert (pixels.shape, pixels.dtype, pixels.flags.c_contiguous) == (shape, np.uint8, True)


def test_frames_carry_their_metadata_and_the_sensors_time(opened: Open) -> None:
    before = CLOCK.now()
    frame, after = next_frame(opened()), CLOCK.now()
    assert frame.taken.boot_s == pytest.approx(frame.metadata["SensorTimestamp"] / 1e9)  # type: ignore[operator]
    assert before.boot_s < frame.taken.boot_s < after.boot_s
    assert before.wall_s - 0.1 < frame.taken.wall_s < after.wall_s + 0.1


def test_both_pictures_have_the_right_colours(opened: Open) -> None:
    frame = next_frame(opened())
    assert frame.small is not None
    assert close_to(COLOURS, corners(frame.pixels))
    assert close_to(COLOURS, corners(frame.small))


def test_the_small_picture_is_the_same_view(opened: Open) -> None:
    frame = next_frame(opened("cat"))
    assert frame.small is not None
    scaled = np.asarray(Image.fromarray(frame.pixels).resize((640, 360), Image.Resampling.BOX))
    assert np.abs(scaled.astype(int) - frame.small).mean() < 3


def test_upside_down(opened: Open) -> None:
    frame = next_frame(opened(rotation=180))
    assert frame.small is not None
    assert close_to(COLOURS[::-1], corners(frame.pixels))
    assert close_to(COLOURS[::-1], corners(frame.small))


def test_a_size_that_the_camera_changes_is_taken_as_it_is_given(opened: Open) -> None:
    frame = next_frame(opened(size=(1000, 562)))
    assert frame.size in ((1280, 720), (640, 360))
    assert close_to(COLOURS, corners(frame.pixels))


def test_a_small_picture_that_is_not_smaller_is_not_used(opened: Open) -> None:
    frame = next_frame(opened("one size"))
    assert frame.size == (1280, 720)
    assert frame.small is None


def test_pictures_follow_each_other(opened: Open) -> None:
    camera = opened("album")
    kinds = {next_frame(camera).pixels[360, 640].tobytes() for _ in range(12)}
    assert len(kinds) == 2


@pytest.mark.parametrize(("address", "model"), [("twin", None), ("Virtual4", "cat"), ("CAT", "cat")])
def test_cameras_are_chosen_by_id_or_model(opened: Open, address: str, model: str | None) -> None:
    if model is None:
        with pytest.raises(CameraError, match=r"'twin' are 2 cameras \(name one by its id: .*twin \(Virtual3\)"):
            opened(address)
    else:
        assert opened(address)._device.camera_properties["Model"] == model


def test_without_an_address_it_is_some_camera(opened: Open) -> None:
    next_frame(opened(""))


def test_an_unknown_camera_names_the_known(opened: Open) -> None:
    with pytest.raises(CameraError, match=r"no camera is 'imx708' \(connected: .*cat \(Virtual4\)"):
        opened("imx708")


def test_a_busy_camera_says_so_and_costs_nothing(opened: Open) -> None:
    opened("cat")
    files = 0
    for number in range(20):
        with pytest.raises(CameraError, match=r"[Bb]usy \(another program, or another"):
            opened("cat")
        gc.collect()
        files = files or open_files()
        assert open_files() == files, number


def test_a_control_that_the_camera_does_not_have(opened: Open) -> None:
    with pytest.raises(CameraError, match="exposure_us cannot be set on this camera"):
        opened(exposure_us=1000)
    next_frame(opened())  # and it is not held


def test_reading_needs_an_open_camera() -> None:
    with pytest.raises(CameraError, match="is not open"):
        PicameraCamera("cam", "cat", CLOCK).read(0.1)


def test_two_cameras_at_once(opened: Open) -> None:
    first, second = opened("colours"), opened("cat")
    assert [(next_frame(first).sequence, next_frame(second).sequence) for _ in range(20)][-1] == (19, 19)


def test_a_camera_closes_while_another_opens(opened: Open) -> None:
    for step in range(10):
        leaving = opened("cat")
        closing = threading.Thread(target=leaving.close, daemon=True)
        closing.start()
        time.sleep(step * 0.04)  # closing has several parts
        staying = opened("cup")
        closing.join(10)
        assert not closing.is_alive()
        next_frame(staying)
        staying.close()


def starve(camera: PicameraCamera) -> list[Any]:
    """Hold every capture, as a program that forgets to release them does; those that are held."""
    held: list[Any] = []

    def hold(request: Any) -> None:
        request.acquire()
        held.append(request)

    camera._device.pre_callback = hold
    for _ in range(BUFFERS * 2):
        if camera.read(0.3) is None:
            return held
    raise AssertionError("the camera goes on")


def test_a_camera_that_gives_nothing_blocks_nobody(opened: Open) -> None:
    camera = opened()
    starve(camera)
    begin_s = time.monotonic()
    assert [camera.read(0.2) for _ in range(5)] == [None] * 5
    assert 0.9 < time.monotonic() - begin_s < 3


def test_a_camera_that_gives_nothing_works_again_when_it_is_opened_again(opened: Open) -> None:
    camera = opened()
    starve(camera)
    assert camera.read(0.2) is None
    camera.close()
    camera.open()
    assert [next_frame(camera).sequence for _ in range(20)] == list(range(20))


def test_a_late_capture_is_not_lost(opened: Open) -> None:
    camera = opened()
    held = starve(camera)
    assert [camera.read(0.05) for _ in range(3 * BUFFERS)] == [None] * (3 * BUFFERS)
    camera._device.pre_callback = None
    for request in held:
        request.release()
    for _ in range(10 * BUFFERS):  # would stop if each time-out had cost a buffer
        next_frame(camera)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_picamera2s_own_thread_dies(opened: Open) -> None:
    camera = opened()
    next_frame(camera)

    def fail(request: Any) -> None:
        raise RuntimeError("on purpose")

    camera._device.pre_callback = fail
    for _ in range(3):
        if (frame := camera.read(0.5)) is None:
            break
    assert frame is None
    camera.close()
    camera.open()
    next_frame(camera)


def test_close_may_come_at_any_time(opened: Open) -> None:
    camera = PicameraCamera("cam", "cat", CLOCK)
    camera.close()
    camera.open()
    camera.close()
    camera.close()
    camera.open()
    assert next_frame(camera).sequence == 0
    camera.close()


def test_ten_starts_and_stops_leave_nothing_behind() -> None:
    camera = PicameraCamera("cam", "cat", CLOCK)
    left = set()
    for _ in range(10):
        camera.open()
        assert [next_frame(camera).sequence for _ in range(5)] == list(range(5))
        camera.close()
        gc.collect()
        left.add((open_files(), threading.active_count()))
    assert len(left) == 1


def test_600_frames_without_growth_in_memory(opened: Open) -> None:
    camera, resident = opened("album"), []
    for number in range(700):
        next_frame(camera)
        if number >= 100 and number % 10 == 0:
            resident.append(resident_bytes())
    slope_bytes = float(np.polyfit(np.arange(len(resident)) * 10, resident, 1)[0])
    print(f"600 frames: resident {resident[0]} to {resident[-1]} bytes, slope {slope_bytes:.0f} bytes a frame")
    # One kept NV12 picture of the small stream in a hundred frames would be 3,456 bytes a frame.
    assert slope_bytes < 2000


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_the_main_picture_is_encoded_beside_for_clips(opened: Open) -> None:
    from picamera2.encoders import LibavH264Encoder

    from edge.clips.copying import CopyTap
    from edge.clips.ring import Ring

    ring = Ring(600, 1 << 26)
    tap = CopyTap("cam", ring.put)
    camera = opened(tap=tap, make_encoder=lambda fps: LibavH264Encoder(bitrate=2_000_000, iperiod=5))
    frames = [next_frame(camera) for _ in range(20)]
    camera.close()
    _, packets = ring.after(0)
    assert tap.copying
    assert packets[0].key
    assert packets[0].format.size == frames[0].size
    assert len(packets) >= 10
    assert frames[0].taken.boot_s - 2 < packets[0].boot_s < packets[-1].boot_s < frames[-1].taken.boot_s + 5


def test_a_camera_whose_hardware_encoder_is_missing_gives_frames_all_the_same(opened: Open) -> None:
    from edge.clips.copying import CopyTap
    from edge.clips.ring import Ring

    tap = CopyTap("cam", Ring(60, 1 << 20).put)
    camera = opened(tap=tap)
    assert next_frame(camera).sequence == 0
    assert not tap.copying
