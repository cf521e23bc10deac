"""One reader for each output family: what a network's outputs say, in class numbers and boxes of the model's view."""

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from edge.errors import DetectorError
from edge.geometry import WHOLE, Size
from edge.recognition.catalogue import Model
from edge.recognition.pose import OUTPUT as POSE_OUTPUT
from edge.recognition.pose import decode_body
from edge.recognition.runtime import Tensor
from edge.recognition.ssd import Floats, Found, decode_postprocessed, decode_raw, make_anchors
from edge.recognition.yolo import LAYOUTS, read_candidates

Reader = Callable[[Floats], list[Found]]
"""Called after each inference with the lowest score of interest for each class."""


class Outputs(Protocol):
    """What a reader needs of whatever runs the network: an interpreter here, or one in another process."""

    @property
    def input(self) -> dict[str, Any]:
        """The one input's details as TFLite gives them: `shape`, `dtype`, `quantization` …"""
        ...

    @property
    def outputs(self) -> list[dict[str, Any]]:
        """The details of each output, `index` and `name` among them."""
        ...

    def output(self, position: int) -> Tensor:
        """A copy of one output of the last inference, without its batch dimension, turned to float32 where it is quantised."""
        ...

    def postprocess_outputs(self) -> list[int]:
        """Indices of boxes, classes, scores and count, as the graph's detection op names them.

        Raises:
            DetectorError: the graph has no such op.
        """
        ...


def make_reader(model: Model, interpreter: Outputs, classes: int) -> Reader:
    """Bind a family's decoding to an interpreter's outputs, found by role and shape.

    Raises:
        DetectorError: the outputs do not fit the family.
    """
    makers: dict[str, Callable[[Model, Outputs, int], Reader]] = {
        "ssd_raw": _ssd_raw,
        "ssd_postprocess": _ssd_postprocess,
        "classification": _classification,
        "pose": _pose,
        "yolov5": _yolo,
        "yolov8": _yolo,
        "yolov10": _yolo,
    }
    return makers[model.family](model, interpreter, classes)


def input_size(interpreter: Outputs) -> Size:
    shape = [int(length) for length in interpreter.input["shape"]]
    if len(shape) != 4 or shape[0] != 1 or shape[3] != 3:
        raise DetectorError(f"the model's input has shape {shape}; [1, height, width, 3] was expected")
    return shape[2], shape[1]


def _ssd_raw(model: Model, interpreter: Outputs, classes: int) -> Reader:
    if model.anchors is None:
        raise DetectorError("family ssd_raw needs anchors in its catalogue entry")
    anchors = make_anchors(model.anchors, input_size(interpreter))
    boxes = _position(interpreter, (1, len(anchors), 4))
    logits = _position(interpreter, (1, len(anchors), classes))
    box_scale = model.anchors.box_scale
    return lambda floor: decode_raw(interpreter.output(boxes), interpreter.output(logits), anchors, box_scale, floor)


def _position(interpreter: Outputs, shape: tuple[int, ...]) -> int:
    for position, detail in enumerate(interpreter.outputs):
        if tuple(int(length) for length in detail["shape"]) == shape:
            return position
    found = [tuple(int(length) for length in detail["shape"]) for detail in interpreter.outputs]
    raise DetectorError(
        f"the model has no output of shape {shape}, only {found}", hint="its catalogue entry does not fit the file"
    )


def _ssd_postprocess(model: Model, interpreter: Outputs, classes: int) -> Reader:
    by_index = {int(detail["index"]): position for position, detail in enumerate(interpreter.outputs)}
    boxes, labels, scores, count = (by_index[index] for index in interpreter.postprocess_outputs())

    def read(floor: Floats) -> list[Found]:
        number = int(np.ravel(interpreter.output(count))[0])
        return decode_postprocessed(
            interpreter.output(boxes), interpreter.output(labels), interpreter.output(scores), number, floor
        )

    return read


def _classification(model: Model, interpreter: Outputs, classes: int) -> Reader:
    position = _position(interpreter, (1, classes))

    def read(floor: Floats) -> list[Found]:
        scores = interpreter.output(position)
        best = int(np.argmax(scores))
        return [(best, float(scores[best]), WHOLE)] if scores[best] >= floor[best] else []

    return read


def _pose(model: Model, interpreter: Outputs, classes: int) -> Reader:
    position = _position(interpreter, POSE_OUTPUT)
    return lambda floor: decode_body(interpreter.output(position), floor)


def _yolo(model: Model, interpreter: Outputs, classes: int) -> Reader:
    layout = LAYOUTS[model.family]
    shapes = [tuple(int(length) for length in detail["shape"]) for detail in interpreter.outputs]
    if len(shapes) != 1 or not layout.fits(shapes[0], classes):
        raise DetectorError(
            f"outputs {shapes} are not those of {model.family} with {classes} labels: {layout.shape_for(classes)} was expected",
            hint="give as many labels as the model has classes, or another family",
        )
    width, height = input_size(interpreter) if model.box_unit == "pixels" else (1, 1)
    scale = np.array([width, height, width, height], np.float32)
    return lambda floor: read_candidates(layout.split(interpreter.output(0)), scale, floor)
