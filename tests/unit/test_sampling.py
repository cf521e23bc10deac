import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.recognition.sampling import shrink

sizes = st.integers(1, 12)


@given(
    st.integers(3, 9), st.integers(2, 9), sizes, sizes, st.integers(0, 8), st.integers(0, 8), st.integers(0, 2**32 - 1)
)
def test_each_pixel_is_a_mean_of_its_block(
    across: int, down: int, wide: int, high: int, left: int, top: int, seed: int
) -> None:
    shape = (top + high * down, left + wide * across, 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    small = shrink(pixels, (left, top, shape[1], shape[0]), across, down)
    assert small.shape == (high, wide, 4)
    blocks = pixels[top:, left:].reshape(high, down, wide, across, 3)
    assert (small[..., :3] >= blocks.min(axis=(1, 3))).all()
    assert (small[..., :3] <= blocks.max(axis=(1, 3))).all()


@pytest.mark.parametrize(
    ("across", "down", "places"),
    [
        (3, 2, [(0, 0), (1, 1)]),
        (4, 4, [(0, 0), (2, 2)]),
        (4, 7, [(1, 0), (4, 2)]),
        (10, 10, [(1, 1), (3, 3), (6, 6), (8, 8)]),
    ],
)
def test_the_mean_is_that_of_places_along_the_diagonal(across: int, down: int, places: list[tuple[int, int]]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (down, across, 3), dtype=np.uint8)
    expected = sum(pixels[place].astype(int) for place in places) // len(places)
    assert (shrink(pixels, (0, 0, across, down), across, down)[0, 0, :3] == expected).all()


@pytest.mark.parametrize("factor", [3, 4, 10])
def test_a_plain_colour_stays_itself(factor: int) -> None:
    pixels = np.full((40, 60, 3), (200, 100, 50), np.uint8)
    assert (shrink(pixels, (0, 0, 60, 40), factor, factor)[..., :3] == (200, 100, 50)).all()


def test_a_fine_pattern_becomes_grey_and_not_a_false_pattern() -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[::4] = pixels[1::4] = 255  # two rows white, two rows black
    assert (shrink(pixels, (0, 0, 64, 64), 4, 4)[..., :3] == 127).all()
