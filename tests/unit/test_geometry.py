import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.geometry import Box, iou

shares = st.floats(0, 1)
boxes = st.builds(lambda x, y, w, h: Box(x, y, x + w, y + h), shares, shares, st.floats(0.001, 1), st.floats(0.001, 1))


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (Box(0, 0, 1, 1), Box(0, 0, 1, 1), 1.0),
        (Box(0, 0, 0.5, 1), Box(0.5, 0, 1, 1), 0.0),
        (Box(0, 0, 0.5, 0.5), Box(0.25, 0, 0.75, 0.5), 1 / 3),
        (Box(0.4, 0.4, 0.6, 0.6), Box(0, 0, 1, 1), 0.04),
    ],
)
def test_iou(a: Box, b: Box, expected: float) -> None:
    assert iou(a, b) == pytest.approx(expected)


@given(boxes, boxes)
def test_iou_is_symmetric_and_bounded(a: Box, b: Box) -> None:
    assert 0 <= iou(a, b) <= 1 + 1e-9
    assert iou(a, b) == pytest.approx(iou(b, a))


@given(boxes)
def test_a_clipped_box_lies_in_the_picture(box: Box) -> None:
    clipped = box.clipped()
    assert all(0 <= value <= 1 for value in clipped)
    assert clipped.clipped() == clipped


def test_pixels() -> None:
    assert Box(0.25, 0.5, 0.75, 1.0).to_pixels((640, 480)) == (160, 240, 480, 480)
