"""The three YOLO layouts, on constructed tensors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.recognition.ssd import Found
from edge.recognition.yolo import LAYOUTS, guess, read_candidates

FLOOR = np.array([0.5, 0.5, np.inf], np.float32)
"""The third class is of no interest."""
ONE = np.ones(4, np.float32)

# Two boxes of one thing of class 1, one of another place and class 0, one that is too weak, one of no interest.
# Centre x, centre y, width, height; class; score.
THINGS = [
    ((0.5, 0.5, 0.2, 0.4), 1, 0.9),
    ((0.51, 0.5, 0.2, 0.4), 1, 0.8),
    ((0.2, 0.3, 0.1, 0.1), 0, 0.7),
    ((0.8, 0.8, 0.1, 0.1), 0, 0.4),
    ((0.8, 0.2, 0.1, 0.1), 2, 0.99),
]
EXPECTED = [(1, 0.9, (0.4, 0.3, 0.6, 0.7)), (0, 0.7, (0.15, 0.25, 0.25, 0.35))]


def rows_v5(scale: float = 1.0) -> np.ndarray:
    rows = np.zeros((len(THINGS), 8), np.float32)
    for row, (box, label, score) in zip(rows, THINGS, strict=True):
        row[:4], row[4], row[5 + label] = np.array(box) * scale, 0.95, score / 0.95
    return rows


def rows_v8(scale: float = 1.0) -> np.ndarray:
    rows = np.zeros((len(THINGS), 7), np.float32)
    for row, (box, label, score) in zip(rows, THINGS, strict=True):
        row[:4], row[4 + label] = np.array(box) * scale, score
    return np.ascontiguousarray(rows.T)


def rows_v10(scale: float = 1.0) -> np.ndarray:
    """Without the overlapping box: the network has removed it."""
    return np.array(
        [
            [(x - w / 2) * scale, (y - h / 2) * scale, (x + w / 2) * scale, (y + h / 2) * scale, score, label]
            for (x, y, w, h), label, score in (THINGS[0], *THINGS[2:])
        ],
        np.float32,
    )


def check(found: list[Found]) -> None:
    assert [(label, round(score, 4)) for label, score, _ in found] == [(label, score) for label, score, _ in EXPECTED]
    for (_, _, box), (_, _, expected) in zip(found, EXPECTED, strict=True):
        assert box == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("family", "rows"), [("yolov5", rows_v5), ("yolov8", rows_v8), ("yolov10", rows_v10)], ids=["v5", "v8", "v10"]
)
def test_a_layout_in_pixels_and_normalised(family: str, rows) -> None:  # type: ignore[no-untyped-def]
    check(read_candidates(LAYOUTS[family].split(rows()), ONE, FLOOR))
    check(read_candidates(LAYOUTS[family].split(rows(640.0)), ONE * 640, FLOOR))


def test_the_pixels_of_an_input_that_is_not_square() -> None:
    (found,) = read_candidates(
        LAYOUTS["yolov10"].split(np.array([[64, 36, 128, 72, 0.9, 0]], np.float32)),
        np.array([640, 360, 640, 360], np.float32),
        FLOOR,
    )
    assert found[2] == pytest.approx((0.1, 0.1, 0.2, 0.2))


def test_a_class_that_has_no_label_is_left_out() -> None:
    rows = np.array([[0, 0, 1, 1, 0.9, 7], [0, 0, 1, 1, 0.9, -1], [0, 0, 1, 1, 0.8, 1]], np.float32)
    assert [found[0] for found in read_candidates(LAYOUTS["yolov10"].split(rows), ONE, FLOOR)] == [1]


def test_nothing_found() -> None:
    for family, shape in (("yolov5", (9, 8)), ("yolov8", (7, 9)), ("yolov10", (9, 6))):
        assert read_candidates(LAYOUTS[family].split(np.zeros(shape, np.float32)), ONE, FLOOR) == []


@pytest.mark.parametrize(
    ("shape", "side", "expected"),
    [
        ((1, 25200, 85), 640, ("yolov5", 80)),
        ((1, 6300, 6), 320, ("yolov5", 1)),
        ((1, 84, 8400), 640, ("yolov8", 80)),
        ((1, 5, 2100), 320, ("yolov8", 1)),
        ((1, 300, 6), 640, ("yolov10", None)),
        ((1, 1917, 4), 300, None),
        ((1, 1001), 224, None),
        ((1, 84, 8401), 640, None),
    ],
)
def test_the_layout_is_told_by_the_number_of_boxes(
    shape: tuple[int, ...], side: int, expected: tuple[str, int | None] | None
) -> None:
    assert guess(shape, (side, side)) == expected


@given(st.integers(0, 2**32 - 1), st.integers(1, 300))
def test_v5_and_v8_of_the_same_boxes_agree(seed: int, count: int) -> None:
    rng = np.random.default_rng(seed)
    boxes, scores = rng.random((count, 4), np.float32), rng.random((count, 3), np.float32)
    v5 = np.concatenate([boxes, np.ones((count, 1), np.float32), scores], axis=1)
    v8 = np.concatenate([boxes, scores], axis=1).T
    found = read_candidates(LAYOUTS["yolov5"].split(v5), ONE, FLOOR)
    assert found == read_candidates(LAYOUTS["yolov8"].split(v8), ONE, FLOOR)
    assert [score for _, score, _ in found] == sorted((score for _, score, _ in found), reverse=True)
