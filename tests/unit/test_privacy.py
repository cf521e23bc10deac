"""Privacy masks in the pixels of frames."""

from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge import config
from edge.camera.opening import make_camera
from edge.camera.port import Frame, Ledger, Pixels
from edge.camera.privacy import GREY, MaskedCamera, blocks_of
from edge.camera.still import Still
from edge.clock import Instant
from edge.errors import CameraError, ConfigError
from edge.masks import grown, rasterise
from edge.polygons import Polygon
from edge.testing.camera import MemoryCamera
from edge.testing.clock import SimulatedClock

LEFT_HALF = Polygon(((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
TRIANGLE = Polygon(((0.1, 0.1), (0.9, 0.3), (0.4, 0.9)))


class One(MemoryCamera):
    """Gives one frame as it is."""

    def __init__(self, frame: Frame) -> None:
        super().__init__(frame.camera, [frame.pixels], start=frame.taken)
        self._frame = frame

    def read(self, timeout_s: float) -> Frame | None:
        return self._frame


def frame(pixels: Pixels, **more: object) -> Frame:
    return Frame("cam", 0, pixels, Instant(0, 0), **more)  # type: ignore[arg-type]


def secret(height: int = 48, width: int = 64) -> Pixels:
    return np.random.default_rng(1).integers(200, 255, (height, width, 3), np.uint8)


def masked(source: Frame, *polygons: Polygon) -> Frame:
    found = MaskedCamera(One(source), polygons).read(1)
    assert found is not None
    return found


def test_the_polygon_is_grey_and_the_rest_as_it_was() -> None:
    pixels = secret()
    seen = masked(frame(pixels.copy()), LEFT_HALF).pixels
    assert (seen[:, :33] == GREY).all(), "grown by one pixel"
    assert np.array_equal(seen[:, 33:], pixels[:, 33:])


def test_every_pixel_of_a_slanted_polygon_is_grey_and_none_further_than_one_pixel_beside_it() -> None:
    seen = masked(frame(secret()), TRIANGLE).pixels
    grey = (seen == GREY).all(axis=2)
    inside = rasterise([TRIANGLE], (64, 48))
    assert grey[inside].all()
    assert not grey[~grown(inside)].any()


def test_the_small_picture_is_masked_too() -> None:
    seen = masked(frame(secret(), small=secret(12, 16)), LEFT_HALF)
    assert seen.small is not None
    assert (seen.small[:, :8] == GREY).all()
    assert (seen.small[:, 9:] > GREY).all()


def test_a_picture_that_may_not_be_written_into_is_copied() -> None:
    shown = secret()
    for pixels in (np.broadcast_to(shown, shown.shape), shown[:]):
        assert (masked(frame(pixels), LEFT_HALF).pixels[:, :33] == GREY).all()
    assert (shown > GREY).all()


def test_stills_of_any_sizes_are_masked_and_stay_stills() -> None:
    for width in range(20, 60):
        still = Still("/a.jpg", 1, 1)
        seen = masked(frame(secret(30, width), still=still), LEFT_HALF)
        assert seen.still == still
        assert (seen.pixels[:, : width // 2] == GREY).all()


def test_results_of_a_sensor_that_saw_everything_are_refused() -> None:
    found = frame(secret(), metadata=MappingProxyType({"CnnOutputTensor": [1.0]}))
    with pytest.raises(CameraError, match=r"camera cam: its sensor recognises by itself.*remove camera.privacy"):
        masked(found, LEFT_HALF)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.booleans(), min_size=7, max_size=7), min_size=1, max_size=6))
def test_blocks_cover_exactly_what_is_set(rows: list[list[bool]]) -> None:
    mask = np.array(rows)
    covered = np.zeros(mask.shape, np.int8)
    for top, bottom, left, right in blocks_of(mask):
        covered[top:bottom, left:right] += 1
    assert np.array_equal(covered, mask.astype(np.int8))


class NoLedger(Ledger):
    """Remembers nothing."""


def test_the_configuration_makes_a_masked_camera() -> None:
    text = {"name": "a", "source": "test:", "privacy": [LEFT_HALF.points]}
    section = config.parse({"camera": [text]}, place="edge.toml").camera[0]
    camera = make_camera(section, SimulatedClock(), NoLedger(), once=True)
    camera.open()
    found = camera.read(1)
    assert found is not None
    assert (found.pixels[:, : found.size[0] // 2] == GREY).all()


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([[0, 0], [1, 1]], "camera[0].privacy[0]: Expected array of length >= 3"),
        ([[0, 0], [1, 1], [2, 0]], "camera[0].privacy[0][2][0] is 2: Expected float <= 1.0"),
        ([[0, 0], [0.5, 0.5], [1, 1]], "camera[0].privacy[0]: the points lie on one line (name the corners"),
    ],
)
def test_points_that_are_no_area_are_refused(points: list[list[float]], reason: str) -> None:
    with pytest.raises(ConfigError) as raised:
        config.parse({"camera": [{"name": "a", "source": "test:", "privacy": [points]}]}, place="edge.toml")
    assert reason in str(raised.value)
