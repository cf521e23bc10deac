"""The pure half of USB cameras: choosing, decoding, finding."""

import io
import struct
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from edge.camera.decoding import DecodingError, yuyv_to_rgb
from edge.camera.v4l2 import choose_mode, find_device, mjpeg_to_rgb
from edge.camera.v4l2_device import Mode, nearest

HD, VGA, FULL = (1280, 720), (640, 480), (1920, 1080)


@pytest.mark.parametrize(
    ("modes", "chosen"),
    [
        ([("YUYV", *HD, 10), ("MJPG", *HD, 30), ("MJPG", *FULL, 30)], ("MJPG", *HD)),
        ([("YUYV", *HD, 10), ("MJPG", *FULL, 30)], ("YUYV", *HD)),
        ([("YUYV", *HD, 5), ("MJPG", *FULL, 30)], ("MJPG", *FULL)),  # large enough, but too slow
        ([("YUYV", *VGA, 30), ("MJPG", *VGA, 30)], ("YUYV", *VGA)),
        ([("YUYV", *VGA, 30), ("MJPG", 320, 240, 30)], ("YUYV", *VGA)),  # none is large enough: the largest
        ([("MJPG", *HD, 0), ("MJPG", *FULL, 30)], ("MJPG", *HD)),  # a rate that is not told is no obstacle
        ([("MJPG", 1024, 768, 30), ("MJPG", 960, 720, 30)], ("MJPG", 1024, 768)),
    ],
)
def test_the_mode_that_is_taken(modes: list[tuple[str, int, int, float]], chosen: tuple[str, int, int]) -> None:
    mode = choose_mode([Mode(*each) for each in modes], HD, 10)
    assert mode is not None
    assert mode[:3] == chosen


def test_without_a_mode_there_is_none() -> None:
    assert choose_mode([], HD, 10) is None


@pytest.mark.parametrize(("wanted", "got"), [(1280, 1280), (1281, 1288), (10, 16), (9000, 4096)])
def test_the_nearest_in_a_range_of_sizes(wanted: int, got: int) -> None:
    assert nearest(wanted, 16, 4096, 8) == got


def yuyv_of(pixels: np.ndarray) -> bytes:
    frame = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format="yuyv422")
    return frame.to_ndarray().tobytes()


@pytest.mark.parametrize("colour", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0)])
def test_yuyv_has_the_right_colours_and_the_stride_is_honoured(colour: tuple[int, int, int]) -> None:
    data = yuyv_of(np.full((48, 64, 3), colour, np.uint8))
    pixels = yuyv_to_rgb(data, 64, 48, 128)
    assert (pixels.shape, pixels.dtype, pixels.flags.c_contiguous) == ((48, 64, 3), np.uint8, True)
    assert np.abs(pixels.astype(int) - colour).max() <= 4
    padded = b"".join(data[row * 128 : (row + 1) * 128] + b"\xee" * 32 for row in range(48))
    assert np.array_equal(yuyv_to_rgb(padded, 64, 48, 160), pixels)


def test_cut_off_yuyv_is_refused() -> None:
    with pytest.raises(DecodingError, match="100 bytes are too few for 64x48"):
        yuyv_to_rgb(bytes(100), 64, 48, 128)


def jpeg(size: tuple[int, int] = HD) -> bytes:
    gradient = np.add.outer(np.arange(size[1]), np.arange(size[0])) % 256
    out = io.BytesIO()
    Image.fromarray(np.stack([gradient, gradient // 2, 255 - gradient], axis=2).astype(np.uint8)).save(out, "JPEG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("wanted", "shape"), [(HD, (720, 1280, 3)), ((640, 360), (360, 640, 3)), ((300, 300), (360, 640, 3))]
)
def test_a_jpeg_is_decoded_no_larger_than_it_need_be(wanted: tuple[int, int], shape: tuple[int, int, int]) -> None:
    pixels = mjpeg_to_rgb(jpeg(), HD, wanted)
    assert (pixels.shape, pixels.dtype, pixels.flags.c_contiguous) == (shape, np.uint8, True)


def test_a_jpeg_without_huffman_tables_as_many_cameras_send_it() -> None:
    whole, bare = jpeg(), b""
    rest = whole[2:]
    while rest[:2] != b"\xff\xda":
        length = 2 + int.from_bytes(rest[2:4])
        bare += rest[:length] if rest[:2] != b"\xff\xc4" else b""
        rest = rest[length:]
    assert np.array_equal(mjpeg_to_rgb(b"\xff\xd8" + bare + rest, HD, HD), mjpeg_to_rgb(whole, HD, HD))


@pytest.mark.parametrize("cut", [0, 1, 100, 0.5, 0.95])
def test_a_cut_off_jpeg_is_refused(cut: float) -> None:
    whole = jpeg()
    with pytest.raises(DecodingError):
        mjpeg_to_rgb(whole[: int(cut * len(whole)) if isinstance(cut, float) else cut], HD, HD)


@pytest.mark.parametrize("size", [(1280 + 17, 720), (1280, 720 + 17), (32832, 32816)])
def test_a_jpeg_whose_size_came_damaged_is_refused_before_it_is_decoded(size: tuple[int, int]) -> None:
    whole = jpeg()
    place = whole.index(b"\xff\xc0") + 5
    damaged = whole[:place] + struct.pack(">HH", size[1], size[0]) + whole[place + 4 :]
    with pytest.raises(DecodingError, match=r"1280x720|exceeds limit"):
        mjpeg_to_rgb(damaged, HD, HD)


def test_a_jpeg_with_padding_is_taken() -> None:
    assert mjpeg_to_rgb(jpeg((1280, 736)), HD, HD).shape == (736, 1280, 3)


def node(root: Path, number: int, name: str, index: int) -> None:
    folder = root / "sys/class/video4linux" / f"video{number}"
    folder.mkdir(parents=True)
    (folder / "name").write_text(name + "\n")
    (folder / "index").write_text(f"{index}\n")


def test_a_device_is_found_by_path_and_by_name(tmp_path: Path) -> None:
    by_id = tmp_path / "dev/v4l/by-id"
    by_id.mkdir(parents=True)
    (tmp_path / "dev/video0").touch()
    (by_id / "usb-046d_HD_Pro_Webcam_C920_ABC-video-index0").touch()
    (by_id / "usb-046d_HD_Pro_Webcam_C920_ABC-video-index1").touch()
    node(tmp_path, 2, "Trust Webcam", 1)
    node(tmp_path, 10, "Trust Webcam", 0)
    assert find_device("/dev/video0", tmp_path) == str(tmp_path / "dev/video0")
    assert find_device("/dev/video1", tmp_path) is None
    assert find_device("c920", tmp_path) == str(by_id / "usb-046d_HD_Pro_Webcam_C920_ABC-video-index0")
    assert find_device("trust", tmp_path) == str(tmp_path / "dev/video10"), "video2 is its metadata"
    assert find_device("other", tmp_path) is None
