"""The family with a post-processing op, on a tiny real model built here and run in the real runtime.

The published models of this family cannot be fetched everywhere; the op inside is the same.
"""

from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import pytest
import tflite as schema
from flatbuffers import flexbuffers

from edge.assets import Asset
from edge.camera.port import Frame
from edge.clock import Instant
from edge.recognition.catalogue import Model
from edge.recognition.port import detect
from edge.recognition.tflite import TfliteDetector

BOXES = 3
OUTPUTS = ("boxes", "classes", "scores", "count")


def build_model(order: tuple[str, ...]) -> bytes:
    """A picture of 2x2 whose 12 values are the scores of 3 anchors times 4 classes; outputs listed in `order`."""
    anchors = np.array([[0.25, 0.25, 0.2, 0.2], [0.5, 0.75, 0.4, 0.2], [0.8, 0.5, 0.2, 0.6]], np.float32)
    b = flatbuffers.Builder(4096)
    contents = [
        b"",
        np.zeros((1, BOXES, 4), np.float32).tobytes(),
        anchors.tobytes(),
        np.array([1, BOXES, 4], np.int32).tobytes(),
    ]
    buffers = vector(b, [buffer(b, content) for content in contents])
    float32, int32 = schema.TensorType.FLOAT32, schema.TensorType.INT32
    tensors = [
        tensor(b, "image", [1, 2, 2, 3], float32, 0),
        tensor(b, "encodings", [1, BOXES, 4], float32, 1),
        tensor(b, "anchors", [BOXES, 4], float32, 2),
        tensor(b, "shape", [3], int32, 3),
        tensor(b, "predictions", [1, BOXES, 4], float32, 0),
        *(tensor(b, name, [], float32, 0) for name in OUTPUTS),
    ]
    operators = [operator(b, 0, [0, 3], [4], None), operator(b, 1, [1, 4, 2], [5, 6, 7, 8], custom_options())]
    listed = ints(b, [5 + OUTPUTS.index(name) for name in order])
    graph = table(b, schema.SubGraphStart, schema.SubGraphEnd, [
        (schema.SubGraphAddTensors, vector(b, tensors)),
        (schema.SubGraphAddInputs, ints(b, [0])),
        (schema.SubGraphAddOutputs, listed),
        (schema.SubGraphAddOperators, vector(b, operators)),
    ])  # fmt: skip
    custom_name = b.CreateString("TFLite_Detection_PostProcess")
    reshape = table(b, schema.OperatorCodeStart, schema.OperatorCodeEnd, [
        (schema.OperatorCodeAddDeprecatedBuiltinCode, schema.BuiltinOperator.RESHAPE),
        (schema.OperatorCodeAddBuiltinCode, schema.BuiltinOperator.RESHAPE), (schema.OperatorCodeAddVersion, 1)])  # fmt: skip
    custom = table(b, schema.OperatorCodeStart, schema.OperatorCodeEnd, [
        (schema.OperatorCodeAddDeprecatedBuiltinCode, schema.BuiltinOperator.CUSTOM),
        (schema.OperatorCodeAddBuiltinCode, schema.BuiltinOperator.CUSTOM),
        (schema.OperatorCodeAddCustomCode, custom_name), (schema.OperatorCodeAddVersion, 1)])  # fmt: skip
    codes, graphs = vector(b, [reshape, custom]), vector(b, [graph])
    model = table(b, schema.ModelStart, schema.ModelEnd, [
        (schema.ModelAddVersion, 3), (schema.ModelAddOperatorCodes, codes),
        (schema.ModelAddSubgraphs, graphs), (schema.ModelAddBuffers, buffers)])  # fmt: skip
    b.Finish(model, b"TFL3")
    return bytes(b.Output())


def custom_options() -> bytes:
    options = flexbuffers.Builder()
    with options.Map():
        for name, number in (
            ("max_detections", 5),
            ("max_classes_per_detection", 1),
            ("num_classes", 3),
            ("detections_per_class", 5),
        ):
            options.Int(name, number)
        for name, value in (("y_scale", 10.0), ("x_scale", 10.0), ("h_scale", 5.0), ("w_scale", 5.0),
                            ("nms_score_threshold", 0.05), ("nms_iou_threshold", 0.5)):  # fmt: skip
            options.Float(name, value)
        options.Bool("use_regular_nms", False)
    return bytes(options.Finish())


def table(b: Any, start: Any, end: Any, fields: list[tuple[Any, Any]]) -> Any:
    start(b)
    for add, value in fields:
        add(b, value)
    return end(b)


def vector(b: Any, offsets: list[Any]) -> Any:
    b.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        b.PrependUOffsetTRelative(offset)
    return b.EndVector()


def ints(b: Any, values: list[int]) -> Any:
    return b.CreateNumpyVector(np.array(values, np.int32))


def buffer(b: Any, content: bytes) -> Any:
    data = b.CreateByteVector(content) if content else None
    return table(b, schema.BufferStart, schema.BufferEnd, [(schema.BufferAddData, data)] if data else [])


def tensor(b: Any, name: str, shape: list[int], kind: int, buffer_index: int) -> Any:
    title, dims = b.CreateString(name), ints(b, shape)
    return table(b, schema.TensorStart, schema.TensorEnd, [
        (schema.TensorAddShape, dims), (schema.TensorAddType, kind),
        (schema.TensorAddBuffer, buffer_index), (schema.TensorAddName, title)])  # fmt: skip


def operator(b: Any, code: int, inputs: list[int], outputs: list[int], options: bytes | None) -> Any:
    ins, outs = ints(b, inputs), ints(b, outputs)
    data = b.CreateByteVector(options) if options else None
    fields = [(schema.OperatorAddOpcodeIndex, code), (schema.OperatorAddInputs, ins), (schema.OperatorAddOutputs, outs)]
    return table(
        b,
        schema.OperatorStart,
        schema.OperatorEnd,
        fields + ([(schema.OperatorAddCustomOptions, data)] if data else []),
    )


@pytest.mark.parametrize("order", [OUTPUTS, ("scores", "boxes", "count", "classes")], ids=["as SSD", "as EfficientDet"])
def test_outputs_are_found_by_their_role_whatever_their_order(tmp_path: Path, order: tuple[str, ...]) -> None:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(build_model(order))
    asset = Asset(file="tiny.tflite", licence="Apache-2.0", sources=(), sha256="0" * 64)
    model = Model(
        summary="",
        task="detection",
        family="ssd_postprocess",
        file=asset,
        mean=0.0,
        scale=255.0,
        threshold=0.4,
        labels=("a", "b", "c"),
    )
    detector = TfliteDetector("tiny", model, path, model.labels)
    # Per anchor: background, a, b, c.
    scores = [[0, 230, 10, 0], [0, 0, 20, 180], [0, 60, 0, 0]]
    pixels = np.array(scores, np.uint8).reshape(2, 2, 3)
    found = detect(detector, Frame("test", 0, pixels, Instant(0, 0)))
    assert [(d.label, round(d.score, 2)) for d in found] == [("a", 0.9), ("c", 0.71)]
    assert found[0].box == pytest.approx((0.15, 0.15, 0.35, 0.35), abs=1e-5)
    assert found[1].box == pytest.approx((0.65, 0.3, 0.85, 0.7), abs=1e-5)
