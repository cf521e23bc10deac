import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.geometry import Box
from edge.recognition.catalogue import Anchors, find
from edge.recognition.ssd import decode_postprocessed, decode_raw, logit, make_anchors, suppress

OID = find("ssd_mobilenet_v2_oid").anchors
assert OID is not None
BOX_SCALE = (10.0, 10.0, 5.0, 5.0)


def test_the_default_detector_has_1917_anchors_in_the_order_of_its_training() -> None:
    assert OID is not None
    anchors = make_anchors(OID, (300, 300))
    assert anchors.shape == (1917, 4)
    assert anchors[0] == pytest.approx([0.5 / 19, 0.5 / 19, 0.1, 0.1])
    assert anchors[1] == pytest.approx([0.5 / 19, 0.5 / 19, 0.2 / 2**0.5, 0.2 * 2**0.5])
    assert anchors[-1] == pytest.approx([0.5, 0.5, 0.95**0.5, 0.95**0.5])


def test_an_encoding_of_zeros_is_the_anchor_itself() -> None:
    anchors = np.array([[0.5, 0.4, 0.2, 0.1]], np.float32)
    logits = np.array([[9.0, 2.0]], np.float32)
    floor = np.array([np.inf, 0.5], np.float32)
    ((label, score, box),) = decode_raw(np.zeros((1, 4), np.float32), logits, anchors, BOX_SCALE, floor)
    assert label == 1
    assert score == pytest.approx(1 / (1 + np.exp(-2.0)))
    assert box == pytest.approx((0.35, 0.4, 0.45, 0.6))


def test_encodings_move_and_grow_their_anchor() -> None:
    anchors = np.array([[0.5, 0.5, 0.2, 0.2]], np.float32)
    encoded = np.array([[10.0 * 0.5, 0.0, 5.0 * np.log(2), 0.0]], np.float32)
    found = decode_raw(
        encoded, np.array([[0.0, 5.0]], np.float32), anchors, BOX_SCALE, np.array([np.inf, 0.5], np.float32)
    )
    assert found[0][2] == pytest.approx((0.4, 0.4, 0.6, 0.8))


def test_of_overlapping_boxes_of_a_class_the_best_is_kept() -> None:
    anchors = np.array([[0.5, 0.5, 0.2, 0.2], [0.5, 0.51, 0.2, 0.2], [0.1, 0.1, 0.1, 0.1]], np.float32)
    logits = np.array([[0, 2.0, 0], [0, 3.0, 2.5], [0, 1.0, 0]], np.float32)
    floor = np.array([np.inf, 0.6, 0.6], np.float32)
    found = decode_raw(np.zeros((3, 4), np.float32), logits, anchors, BOX_SCALE, floor)
    assert [label for label, _, _ in found] == [1, 2, 1]
    assert [score for _, score, _ in found] == sorted((score for _, score, _ in found), reverse=True)
    assert found[0][2] == pytest.approx((0.41, 0.4, 0.61, 0.6))


def test_nothing_above_the_floor_is_nothing() -> None:
    anchors = make_anchors(Anchors(strides=(16,), min_scale=0.2, max_scale=0.9), (64, 64))
    logits = np.full((len(anchors), 3), -5.0, np.float32)
    assert (
        decode_raw(np.zeros((len(anchors), 4), np.float32), logits, anchors, BOX_SCALE, np.full(3, 0.5, np.float32))
        == []
    )


@given(st.floats(0.001, 0.999))
def test_logit_is_the_inverse_of_the_sigmoid(score: float) -> None:
    value = float(logit(np.array([score], np.float32))[0])
    assert 1 / (1 + np.exp(-value)) == pytest.approx(score, rel=1e-3)


def test_logit_of_what_can_never_be_reached() -> None:
    assert np.isinf(logit(np.array([1.0, np.inf], np.float32))).all()


corners = st.tuples(st.floats(0, 0.9), st.floats(0, 0.9), st.floats(0.01, 0.5), st.floats(0.01, 0.5)).map(
    lambda v: (v[0], v[1], v[0] + v[2], v[1] + v[3])
)


@given(st.lists(st.tuples(corners, st.integers(0, 2)), min_size=1, max_size=20))
def test_suppression_agrees_with_the_plain_definition(
    items: list[tuple[tuple[float, float, float, float], int]],
) -> None:
    from edge.geometry import iou

    boxes = np.array([box for box, _ in items], np.float32)
    labels = np.array([label for _, label in items])
    kept: list[int] = []
    for i in range(len(items)):
        overlaps = [iou(Box(*boxes[i].tolist()), Box(*boxes[k].tolist())) for k in kept if labels[k] == labels[i]]
        if any(abs(value - 0.5) < 1e-3 for value in overlaps):
            return  # a matter of rounding
        if all(value < 0.5 for value in overlaps):
            kept.append(i)
    assert suppress(boxes, labels) == kept


def test_postprocessed_outputs_are_sorted_and_checked() -> None:
    boxes = np.array([[0.1, 0.2, 0.3, 0.4], [0, 0, 1, 1], [0, 0, 1, 1], [0, 0, 1, 1]], np.float32)
    classes, scores = np.array([1.0, 0.0, 7.0, 0.0], np.float32), np.array([0.6, 0.9, 0.9, 0.2], np.float32)
    found = decode_postprocessed(boxes, classes, scores, 4, np.array([0.5, 0.5], np.float32))
    assert [(label, round(score, 2)) for label, score, _ in found] == [(0, 0.9), (1, 0.6)]
    assert found[1][2] == pytest.approx((0.2, 0.1, 0.4, 0.3))
    assert decode_postprocessed(boxes, classes, scores, 0, np.array([0.5, 0.5], np.float32)) == []
