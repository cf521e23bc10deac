"""Reading the outputs of YOLO exports. Three layouts are in use, named after the versions that brought them.

v5   [1, n, 5 + classes]   a row a box: centre x, centre y, width, height, how sure that it is a thing at all, then each class
v8   [1, 4 + classes, n]   a column a box: centre x, centre y, width, height, then each class
v10  [1, n, 6]             a row a box: left, top, right, bottom, score, class; overlaps are removed in the network
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from edge.geometry import Box, Size
from edge.recognition.ssd import MAX_CANDIDATES, Floats, Found, suppress

STRIDES = ((8, 16, 32), (8, 16, 32, 64))
"""Of the grids that a network may have."""
V5_BOXES_A_CELL = 3
V10_MOST = 1000

YoloFamily = Literal["yolov5", "yolov8", "yolov10"]
Shape = tuple[int, ...]


class Candidates(NamedTuple):
    """All boxes of one output.

    `corners` (n, 4): left, top, right, bottom. `scores` (n, classes), or (n,) with `classes` (n,) when each box names its one class:
    then overlaps are removed already.
    """

    corners: Floats
    scores: Floats
    classes: npt.NDArray[np.intp] | None = None


class Layout(NamedTuple):
    split: Callable[[Floats], Candidates]
    """Of the output without its batch dimension."""
    fits: Callable[[Shape, int], bool]
    """Whether an output of this shape is one with so many classes."""
    shape_for: Callable[[int], str]


def split_v5(output: Floats) -> Candidates:
    return Candidates(_corners(output[:, :4]), output[:, 5:] * output[:, 4:5])


def split_v8(output: Floats) -> Candidates:
    rows = output.T
    return Candidates(_corners(rows[:, :4]), rows[:, 4:])


def split_v10(output: Floats) -> Candidates:
    return Candidates(output[:, :4], output[:, 4], np.rint(output[:, 5]).astype(np.intp))


LAYOUTS: dict[str, Layout] = {
    "yolov5": Layout(
        split_v5, lambda shape, classes: len(shape) == 3 and shape[2] == 5 + classes, lambda n: f"(1, boxes, {5 + n})"
    ),
    "yolov8": Layout(
        split_v8, lambda shape, classes: len(shape) == 3 and shape[1] == 4 + classes, lambda n: f"(1, {4 + n}, boxes)"
    ),
    "yolov10": Layout(split_v10, lambda shape, classes: len(shape) == 3 and shape[2] == 6, lambda n: "(1, boxes, 6)"),
}


def guess(shape: Shape, target: Size) -> tuple[YoloFamily, int | None] | None:
    """The layout of an output and its number of classes (None: the shape does not tell), or None when it is none of them.

    Told by the number of boxes, which follows from the size of the input.
    """
    if len(shape) != 3:
        return None
    _, rows, columns = shape
    cells = {sum(-(-target[0] // stride) * -(-target[1] // stride) for stride in strides) for strides in STRIDES}
    if rows in {V5_BOXES_A_CELL * count for count in cells} and columns > 5:
        return "yolov5", columns - 5
    if columns in cells and rows > 4:
        return "yolov8", rows - 4
    if columns == 6 and rows <= V10_MOST:
        return "yolov10", None
    return None


def read_candidates(candidates: Candidates, scale: Floats, floor: Floats) -> list[Found]:
    """What reaches the lowest score of its class, best first; of overlapping boxes of a class the best.

    Args:
        scale: (4,) what the corners are divided by to be normalised.
        floor: (classes,) lowest score of interest; infinite: none.
    """
    corners, scores, classes = candidates
    if classes is None:
        index, label = np.nonzero(scores >= floor)
        sure = scores[index, label]
    else:
        known = (classes >= 0) & (classes < len(floor))
        index = np.nonzero(known & (scores >= floor[np.where(known, classes, 0)]))[0]
        label, sure = classes[index], scores[index]
    order = np.argsort(-sure, kind="stable")[:MAX_CANDIDATES]
    index, label, sure = index[order], label[order], sure[order]
    boxes = corners[index] / scale
    kept = suppress(boxes, label) if classes is None else range(len(boxes))
    return [(int(label[i]), float(sure[i]), Box(*boxes[i].tolist())) for i in kept]


def _corners(centred: Floats) -> Floats:
    centre, half = centred[:, :2], centred[:, 2:] / 2
    return np.concatenate([centre - half, centre + half], axis=1)
