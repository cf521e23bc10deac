import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.geometry import Box
from edge.recognition.catalogue import Fit
from edge.recognition.scaling import GREY, Scaler, lay_out

sizes = st.tuples(st.integers(8, 4000), st.integers(8, 4000))


def two_halves(width: int, height: int) -> np.ndarray:
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[:, width // 2 :] = 255
    return pixels


@given(sizes)
def test_letterbox_keeps_the_aspect_and_maps_back(size: tuple[int, int]) -> None:
    layout = lay_out(size, (300, 300), "letterbox")
    (left, top), (width, height) = layout.place, layout.size
    assert max(width, height) == 300
    assert abs(width / height - size[0] / size[1]) <= 1.5 * max(1 / height, 1) * max(1, size[0] / size[1]) / min(
        width, height
    )
    inside = Box(left / 300, top / 300, (left + width) / 300, (top + height) / 300)
    assert layout.view.to_frame(inside) == pytest.approx((0, 0, 1, 1), abs=1e-6)


@given(sizes)
def test_crop_shows_the_middle(size: tuple[int, int]) -> None:
    layout = lay_out(size, (224, 224), "crop")
    left, top, right, bottom = layout.source
    assert right - left == pytest.approx(bottom - top)
    assert layout.view.to_frame(Box(0.5, 0.5, 0.5, 0.5)) == pytest.approx((0.5, 0.5, 0.5, 0.5))


def test_stretch_is_the_whole_frame() -> None:
    assert lay_out((640, 480), (300, 300), "stretch").view.to_frame(Box(0.1, 0.2, 0.3, 0.4)) == Box(0.1, 0.2, 0.3, 0.4)


def test_letterboxed_pixels_lie_between_grey_bars() -> None:
    scaler = Scaler((100, 100), np.uint8, "letterbox", mean=0, scale=1)
    tensor = scaler.fill(two_halves(200, 100)).tensor
    assert tensor.shape == (1, 100, 100, 3)
    assert (tensor[0, :25] == GREY).all()
    assert (tensor[0, 75:] == GREY).all()
    assert (tensor[0, 30:70, :45] == 0).all()
    assert (tensor[0, 30:70, 55:] == 255).all()


def test_another_frame_size_leaves_nothing_of_the_last_one_beside_it() -> None:
    scaler = Scaler((100, 100), np.uint8, "letterbox", mean=0, scale=1)
    scaler.give_back(scaler.fill(np.zeros((100, 100, 3), np.uint8)))
    assert (scaler.fill(np.zeros((50, 100, 3), np.uint8)).tensor[0, :20] == GREY).all()


@pytest.mark.parametrize(
    ("dtype", "black", "white"), [(np.float32, -1.0, 1.0), (np.uint8, 0, 255), (np.int8, -128, 127)]
)
def test_black_and_white_in_each_type(dtype: type, black: float, white: float) -> None:
    tensor = Scaler((64, 64), dtype, "stretch", mean=127.5, scale=127.5).fill(two_halves(640, 360)).tensor
    assert tensor.dtype == dtype
    assert tensor[0, 32, 5, 0] == pytest.approx(black, abs=1e-6)
    assert tensor[0, 32, 60, 0] == pytest.approx(white, abs=1e-6)


def test_a_buffer_is_filled_again_only_when_it_was_given_back() -> None:
    scaler = Scaler((8, 8), np.uint8, "stretch", mean=0, scale=1)
    first = scaler.fill(np.full((8, 8, 3), 1, np.uint8))
    others = [scaler.fill(np.full((8, 8, 3), value, np.uint8)) for value in range(2, 20)]
    assert (first.tensor == 1).all()
    scaler.give_back(others[0])
    assert scaler.fill(np.full((8, 8, 3), 77, np.uint8)) is others[0]
    assert [int(each.tensor.max()) for each in others] == [77, *range(3, 20)]


@pytest.mark.parametrize(
    ("size", "fit", "fed"),
    [
        ((640, 360), "letterbox", True),
        ((320, 180), "letterbox", True),
        ((300, 169), "letterbox", True),
        ((299, 169), "letterbox", False),
        ((640, 360), "stretch", True),
        ((640, 299), "stretch", False),
        ((640, 360), "crop", True),
        ((1000, 299), "crop", False),
    ],
)
def test_a_picture_feeds_an_input_that_it_need_not_be_enlarged_for(size: tuple[int, int], fit: Fit, fed: bool) -> None:
    assert Scaler((300, 300), np.uint8, fit, mean=0, scale=1).is_fed_by(size) is fed
