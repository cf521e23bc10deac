import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.recognition.sampling import Sampler, _mean

lengths = st.integers(1, 12)
scales = st.integers(2, 9)


def shrunk(
    pixels: np.ndarray, size: tuple[int, int], part: tuple[float, float, float, float] | None = None
) -> np.ndarray:
    frame = (pixels.shape[1], pixels.shape[0])
    return Sampler(frame, part or (0, 0, *frame), size).sample(pixels)[..., :3]


@given(scales, scales, lengths, lengths, st.integers(0, 8), st.integers(0, 8), st.integers(0, 2**32 - 1))
def test_each_pixel_is_a_mean_of_its_block(
    across: int, down: int, wide: int, high: int, left: int, top: int, seed: int
) -> None:
    shape = (top + high * down, left + wide * across, 3)
    pixels = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    small = shrunk(pixels, (wide, high), (left, top, shape[1], shape[0]))
    assert small.shape == (high, wide, 3)
    blocks = pixels[top:, left:].reshape(high, down, wide, across, 3)
    assert (small >= blocks.min(axis=(1, 3))).all()
    assert (small <= blocks.max(axis=(1, 3))).all()


@pytest.mark.parametrize(
    ("across", "down", "places"),
    [
        (2, 2, [(0, 0), (1, 1)]),
        (4, 4, [(1, 1), (3, 3)]),
        (4, 7, [(1, 1), (5, 3)]),
        (8, 8, [(1, 1), (3, 3), (5, 5), (7, 7)]),
    ],
)
def test_the_mean_is_that_of_places_along_the_diagonal(across: int, down: int, places: list[tuple[int, int]]) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (down, across, 3), dtype=np.uint8)
    expected = sum(pixels[place].astype(int) for place in places) / len(places)
    assert shrunk(pixels, (1, 1))[0, 0] == pytest.approx(expected, abs=len(places) / 2)


@given(st.integers(20, 400), st.integers(20, 400), st.floats(1.5, 12))
def test_any_scale_reaches_the_whole_picture_and_nothing_beside_it(width: int, height: int, scale: float) -> None:
    rows, columns = np.arange(height) * 255 // height, np.arange(width) * 255 // width
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = rows[:, np.newaxis], columns
    size = (max(1, int(width / scale)), max(1, int(height / scale)))
    small = shrunk(pixels, size).astype(float)
    middle = (np.arange(size[1]) + 0.5) * 255 / size[1], (np.arange(size[0]) + 0.5) * 255 / size[0]
    assert np.abs(small[..., 0] - middle[0][:, np.newaxis]).max() <= 2 + 255 / height * 1.5
    assert np.abs(small[..., 1] - middle[1]).max() <= 2 + 255 / width * 1.5


@pytest.mark.parametrize("scale", [1.6, 2, 3.7, 10])
def test_a_plain_colour_stays_itself(scale: float) -> None:
    pixels = np.full((80, 120, 3), (200, 100, 50), np.uint8)
    assert (shrunk(pixels, (int(120 / scale), int(80 / scale))) == (200, 100, 50)).all()


def test_a_fine_pattern_becomes_grey_and_not_a_false_pattern() -> None:
    pixels = np.zeros((64, 64, 3), np.uint8)
    pixels[::4] = pixels[1::4] = 255  # two rows white, two rows black
    assert (shrunk(pixels, (16, 16)) == 127).all()


def test_a_sampler_can_be_used_again() -> None:
    sampler = Sampler((40, 40), (0, 0, 40, 40), (10, 10))
    first = sampler.sample(np.full((40, 40, 3), 10, np.uint8))
    second = sampler.sample(np.full((40, 40, 3), 20, np.uint8))
    assert (first[..., :3] == 10).all()
    assert (second[..., :3] == 20).all()


@given(st.lists(st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)), min_size=1, max_size=20))
def test_the_mean_within_a_word_is_the_mean_of_its_bytes(pairs: list[tuple[int, int]]) -> None:
    a, b = (np.array(values, np.uint32) for values in zip(*pairs, strict=True))
    expected = (a.view(np.uint8).astype(int) + b.view(np.uint8)) // 2
    assert (_mean(a.copy(), b.copy()).view(np.uint8) == expected).all()
