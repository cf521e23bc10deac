"""Key points of one body: MoveNet's output."""

import numpy as np

from edge.geometry import Box, KeyPoint
from edge.recognition.scaling import View
from edge.recognition.ssd import Floats, Found

OUTPUT = (1, 1, 17, 3)
NAMES = (
    "nose", "left eye", "right eye", "left ear", "right ear", "left shoulder", "right shoulder", "left elbow", "right elbow",
    "left wrist", "right wrist", "left hip", "right hip", "left knee", "right knee", "left ankle", "right ankle",
)  # fmt: skip
"""In the order of the output; left and right are the person's own."""


def decode_points(output: Floats, view: View, threshold: float) -> tuple[KeyPoint, ...]:
    """Points that score at least `threshold`, in the frame that `view` leads back to.

    Args:
        output: (1, 17, 3) or (17, 3): y, x, score; normalised to the model's view.
    """
    points = []
    for name, (y, x, score) in zip(NAMES, output.reshape(-1, 3).tolist(), strict=True):
        if score >= threshold:
            place = view.to_frame(Box(x, y, x, y))
            points.append(KeyPoint(name, place.left, place.top, score))
    return tuple(points)


def decode_body(output: Floats, floor: Floats) -> list[Found]:
    """The body as one finding of class 0: the mean score of all points, and the box around those that score at least as much."""
    y, x, score = output.reshape(-1, 3).T
    mean = float(np.mean(score))
    if mean < floor[0]:
        return []
    sure = score >= mean
    box = Box(float(x[sure].min()), float(y[sure].min()), float(x[sure].max()), float(y[sure].max()))
    return [(0, mean, box)]
