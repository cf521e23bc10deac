"""Reading the outputs of SSD networks: raw (we decode anchors and suppress overlaps) and with a post-processing op."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edge.geometry import Box, Size
from edge.recognition.catalogue import Anchors

Floats = npt.NDArray[np.float32]

MAX_CANDIDATES = 200
SAME_THING_IOU = 0.5

Found = tuple[int, float, Box]
"""Class number, score, box in the model's view."""


def make_anchors(settings: Anchors, target: Size) -> Floats:
    """Default boxes, shape (n, 4): centre y, centre x, height, width; normalised.

    Layer by layer, row by row, as the networks of TensorFlow's detection interface were trained.
    """
    rows: list[tuple[float, float, float, float]] = []
    width, height = target
    for layer, stride in enumerate(settings.strides):
        shapes = _shapes_of_layer(settings, layer)
        down, across = math.ceil(height / stride), math.ceil(width / stride)
        for y in range(down):
            for x in range(across):
                rows.extend(((y + 0.5) / down, (x + 0.5) / across, h, w) for h, w in shapes)
    return np.array(rows, np.float32)


def _shapes_of_layer(settings: Anchors, layer: int) -> list[tuple[float, float]]:
    last = len(settings.strides) - 1
    step = (settings.max_scale - settings.min_scale) / max(1, last)
    scale = settings.min_scale + step * layer
    if layer == 0:  # the finest layer carries fewer boxes
        pairs = [(settings.lowest_layer_scale, 1.0), (scale, 2.0), (scale, 0.5)]
    else:
        following = 1.0 if layer == last else scale + step
        pairs = [(scale, aspect) for aspect in settings.aspects] + [(math.sqrt(scale * following), 1.0)]
    return [(size / math.sqrt(aspect), size * math.sqrt(aspect)) for size, aspect in pairs]


def decode_raw(
    boxes: Floats, logits: Floats, anchors: Floats, box_scale: Sequence[float], floor: Floats
) -> list[Found]:
    """Decode an SSD without a post-processing op.

    Args:
        boxes: (n, 4) encodings: y, x, height, width, relative to their anchors.
        logits: (n, classes).
        floor: (classes,) lowest score that is of interest; infinite for classes that are of none, such as the background.

    Returns:
        Best score first; of overlapping boxes of a class the best.
    """
    # Compared before the sigmoid, so that only the few candidates need one.
    index, label = np.nonzero(logits >= logit(floor))
    if not len(index):
        return []
    scores = 1.0 / (1.0 + np.exp(-logits[index, label]))
    order = np.argsort(-scores, kind="stable")[:MAX_CANDIDATES]
    index, label, scores = index[order], label[order], scores[order]
    corners = _corners(boxes[index], anchors[index], box_scale)
    kept = suppress(corners, label)
    return [(int(label[i]), float(scores[i]), Box(*corners[i].tolist())) for i in kept]


def logit(score: Floats) -> Floats:
    """The inverse of the sigmoid; infinite from 1 on."""
    inside = np.clip(score, 1e-6, 1 - 1e-6)
    return np.where(score < 1, np.log(inside / (1 - inside)), np.inf).astype(np.float32)


def _corners(encoded: Floats, anchors: Floats, box_scale: Sequence[float]) -> Floats:
    """Left, top, right, bottom of each encoded box, shape (n, 4)."""
    y, x, height, width = (encoded / np.asarray(box_scale, np.float32)).T
    centre_y, centre_x, anchor_height, anchor_width = anchors.T
    y, x = y * anchor_height + centre_y, x * anchor_width + centre_x
    half_height, half_width = np.exp(height) * anchor_height / 2, np.exp(width) * anchor_width / 2
    return np.stack([x - half_width, y - half_height, x + half_width, y + half_height], axis=1)


def suppress(corners: Floats, label: npt.NDArray[np.intp]) -> list[int]:
    """Greedy non-maximum suppression within each class; input best first; indices of those kept, best first."""
    # Classes are moved apart, so that boxes of different classes never overlap.
    moved = corners + label[:, np.newaxis].astype(np.float32) * 4.0
    areas = np.prod(np.maximum(0.0, corners[:, 2:] - corners[:, :2]), axis=1)
    alive = np.ones(len(corners), bool)
    kept = []
    for i in range(len(corners)):
        if not alive[i]:
            continue
        kept.append(i)
        overlap = np.maximum(
            0.0, np.minimum(moved[i, 2:], moved[i + 1 :, 2:]) - np.maximum(moved[i, :2], moved[i + 1 :, :2])
        )
        shared = overlap[:, 0] * overlap[:, 1]
        union = np.maximum(areas[i] + areas[i + 1 :] - shared, np.float32(1e-9))
        alive[i + 1 :] &= shared / union < SAME_THING_IOU
    return kept


def decode_postprocessed(boxes: Floats, classes: Floats, scores: Floats, count: int, floor: Floats) -> list[Found]:
    """Read the op's outputs: boxes (n, 4) as top, left, bottom, right; classes count from 0 without a background."""
    found: list[Found] = []
    for i in range(min(count, len(scores))):
        number, score = int(classes[i]), float(scores[i])
        if 0 <= number < len(floor) and score >= floor[number]:
            top, left, bottom, right = boxes[i].tolist()
            found.append((number, score, Box(left, top, right, bottom)))
    found.sort(key=lambda item: -item[1])
    return found
