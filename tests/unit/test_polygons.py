"""Polygons: what is inside, in the picture and in its pixels."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.geometry import Box
from edge.masks import rasterise
from edge.polygons import Points, Polygon, flaw_of

SQUARE = ((0.25, 0.25), (0.75, 0.25), (0.75, 0.75), (0.25, 0.75))
NOTCHED = ((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5), (0.0, 1.0))
BOW = ((0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0))
places = st.floats(0, 1)


@pytest.mark.parametrize(
    ("points", "x", "y", "inside"),
    [
        (SQUARE, 0.5, 0.5, True),
        (SQUARE, 0.2, 0.5, False),
        (SQUARE, 0.5, 0.8, False),
        (tuple(reversed(SQUARE)), 0.5, 0.5, True),
        (NOTCHED, 0.5, 0.4, True),
        (NOTCHED, 0.5, 0.6, False),
        (NOTCHED, 0.1, 0.8, True),
        (BOW, 0.1, 0.5, True),
        (BOW, 0.5, 0.2, False),
    ],
)
def test_contains(points: Points, x: float, y: float, inside: bool) -> None:
    assert Polygon(points).contains(x, y) is inside


def test_the_box_holds_it() -> None:
    assert Polygon(((0.1, 0.5), (0.4, 0.2), (0.3, 0.9))).box == Box(0.1, 0.2, 0.4, 0.9)


def test_raster_of_a_square_is_exact() -> None:
    mask = rasterise([Polygon(SQUARE)], (8, 4))
    expected = np.zeros((4, 8), np.bool_)
    expected[1:3, 2:6] = True
    assert np.array_equal(mask, expected)


def test_the_whole_picture_is_covered_to_its_border() -> None:
    assert rasterise([Polygon(((0.0, 0.0), (1.0, 0.0), (1.0, 1.0), (0.0, 1.0)))], (7, 5)).all()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(places, places), min_size=3, max_size=9))
def test_pixels_and_points_agree(points: list[tuple[float, float]]) -> None:
    polygon, (width, height) = Polygon(tuple(points)), (16, 12)
    mask = rasterise([polygon], (width, height))
    # A centre that lies on an edge may fall to either side.
    near = rasterise([Polygon(tuple((x + 1e-9, y + 1e-9) for x, y in points))], (width, height))
    for row, column in np.argwhere(mask == near):
        assert mask[row, column] == polygon.contains((column + 0.5) / width, (row + 0.5) / height)


def test_several_are_joined() -> None:
    left = Polygon(((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0)))
    right = Polygon(((0.5, 0.0), (1.0, 0.0), (1.0, 1.0), (0.5, 1.0)))
    assert rasterise([left, right], (10, 10)).all()
    assert not rasterise([], (10, 10)).any()


@pytest.mark.parametrize(
    ("points", "flaw"),
    [
        (SQUARE, ""),
        (BOW, ""),
        (((0.0, 0.0), (0.002, 0.0), (0.0, 0.002)), ""),
        (((0.1, 0.1), (0.5, 0.5), (0.9, 0.9)), "the points lie on one line"),
        (((0.1, 0.1), (0.1, 0.1), (0.1, 0.1)), "the points lie on one line"),
    ],
)
def test_points_that_are_no_area(points: Points, flaw: str) -> None:
    assert flaw_of(points) == flaw


@pytest.mark.parametrize(
    ("points", "reason"),
    [
        ([[0.1, 0.1], [0.2, 0.2]], "length >= 3"),
        ([[0.1, 0.1], [0.2, 0.2], [0.3, 1.2]], "<= 1.0"),
        ([[0.1, 0.1], [0.2, 0.2], [0.3]], "length 2"),
        ([[0.5, 0.5]] * 65, "length <= 64"),
    ],
)
def test_what_the_configuration_refuses(points: list[list[float]], reason: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=reason):
        msgspec.convert(points, Points)
