"""Tiny real TFLite models, built with the schema, for families whose published models cannot be fetched everywhere."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import flatbuffers
import numpy as np
import tflite as schema
from flatbuffers import flexbuffers

TYPES = {np.float32: schema.TensorType.FLOAT32, np.uint8: schema.TensorType.UINT8, np.int8: schema.TensorType.INT8}
INT32 = schema.TensorType.INT32
POSTPROCESS_OUTPUTS = ("boxes", "classes", "scores", "count")
ANCHORS = 3


class Quantisation(NamedTuple):
    scale: float
    zero_point: int


def build_postprocess_model(order: Sequence[str] = POSTPROCESS_OUTPUTS) -> bytes:
    """A picture of 2x2 whose 12 values are the scores of 3 anchors times 4 classes; outputs listed in `order`."""
    anchors = np.array([[0.25, 0.25, 0.2, 0.2], [0.5, 0.75, 0.4, 0.2], [0.8, 0.5, 0.2, 0.6]], np.float32)
    b = Builder([np.zeros((1, ANCHORS, 4), np.float32), anchors, np.array([1, ANCHORS, 4], np.int32)])
    float32 = schema.TensorType.FLOAT32
    tensors = [
        b.tensor("image", [1, 2, 2, 3], float32, 0),
        b.tensor("encodings", [1, ANCHORS, 4], float32, 1),
        b.tensor("anchors", [ANCHORS, 4], float32, 2),
        b.tensor("shape", [3], INT32, 3),
        b.tensor("predictions", [1, ANCHORS, 4], float32, 0),
        *(b.tensor(name, [], float32, 0) for name in POSTPROCESS_OUTPUTS),
    ]
    operators = [b.operator(0, [0, 3], [4]), b.operator(1, [1, 4, 2], [5, 6, 7, 8], _postprocess_options())]
    codes = [b.builtin(schema.BuiltinOperator.RESHAPE), b.custom("TFLite_Detection_PostProcess")]
    return b.finish(tensors, operators, codes, [5 + POSTPROCESS_OUTPUTS.index(name) for name in order])


def build_copying_model(
    side_px: int,
    shapes: Sequence[Sequence[int]],
    dtype: type = np.float32,
    quantisation: Quantisation | None = None,
    factors: Any = 1.0,
) -> bytes:
    """A square picture whose first values, row by row, are the model's outputs; each of `shapes` takes the values behind the last.

    Args:
        factors: what float outputs are multiplied by; broadcast to each of `shapes`.
    """
    sizes = [int(np.prod(shape)) for shape in shapes]
    values, kind = side_px * side_px * 3, TYPES[dtype]
    constants = [np.array([values], np.int32), np.asarray(factors, np.float32)]
    for begin, size, shape in zip(np.cumsum([0, *sizes[:-1]]), sizes, shapes, strict=True):
        constants += [np.array([begin], np.int32), np.array([size], np.int32), np.array(shape, np.int32)]
    b = Builder(constants)
    tensors = [
        b.tensor("image", [1, side_px, side_px, 3], kind, 0, quantisation),
        b.tensor("all", [1], INT32, 1),
        b.tensor("values", [values], kind, 0, quantisation),
        b.tensor("factors", list(np.shape(factors)), schema.TensorType.FLOAT32, 2),
    ]
    operators, outputs = [b.operator(0, [0, 1], [2])], []
    for number, (size, shape) in enumerate(zip(sizes, shapes, strict=True)):
        at, constant = len(tensors), 3 + 3 * number
        tensors += [
            b.tensor(f"begin{number}", [1], INT32, constant),
            b.tensor(f"size{number}", [1], INT32, constant + 1),
            b.tensor(f"shape{number}", [len(shape)], INT32, constant + 2),
            b.tensor(f"slice{number}", [size], kind, 0, quantisation),
            b.tensor(f"reshaped{number}", shape, kind, 0, quantisation),
        ]
        operators += [b.operator(1, [2, at, at + 1], [at + 3]), b.operator(0, [at + 3, at + 2], [at + 4])]
        outputs.append(at + 4)
        if dtype is np.float32:
            tensors.append(b.tensor(f"out{number}", shape, kind, 0))
            operators.append(b.operator(2, [at + 4, 3], [at + 5]))
            outputs[-1] = at + 5
    builtins = (schema.BuiltinOperator.RESHAPE, schema.BuiltinOperator.SLICE, schema.BuiltinOperator.MUL)
    return b.finish(tensors, operators, [b.builtin(code) for code in builtins], outputs)


class Builder:
    """A flatbuffer in the making. Buffer 0 is the empty one; `constants` follow it."""

    def __init__(self, constants: Sequence[Any]) -> None:
        self._b: Any = flatbuffers.Builder(4096)
        self._buffers = [self._buffer(b"")] + [self._buffer(value.tobytes()) for value in constants]

    def tensor(
        self, name: str, shape: Sequence[int], kind: int, buffer: int, quantisation: Quantisation | None = None
    ) -> Any:
        title, dims = self._b.CreateString(name), self._ints(shape)
        fields = [
            (schema.TensorAddShape, dims), (schema.TensorAddType, kind), (schema.TensorAddBuffer, buffer), (schema.TensorAddName, title),
        ]  # fmt: skip
        if quantisation is not None:
            scales = self._b.CreateNumpyVector(np.array([quantisation.scale], np.float32))
            zeros = self._b.CreateNumpyVector(np.array([quantisation.zero_point], np.int64))
            parameters = self._table(schema.QuantizationParametersStart, schema.QuantizationParametersEnd, [
                (schema.QuantizationParametersAddScale, scales), (schema.QuantizationParametersAddZeroPoint, zeros)])  # fmt: skip
            fields.append((schema.TensorAddQuantization, parameters))
        return self._table(schema.TensorStart, schema.TensorEnd, fields)

    def operator(self, code: int, inputs: Sequence[int], outputs: Sequence[int], options: bytes | None = None) -> Any:
        ins, outs = self._ints(inputs), self._ints(outputs)
        fields = [
            (schema.OperatorAddOpcodeIndex, code),
            (schema.OperatorAddInputs, ins),
            (schema.OperatorAddOutputs, outs),
        ]
        if options is not None:
            fields.append((schema.OperatorAddCustomOptions, self._b.CreateByteVector(options)))
        return self._table(schema.OperatorStart, schema.OperatorEnd, fields)

    def builtin(self, code: int) -> Any:
        return self._table(schema.OperatorCodeStart, schema.OperatorCodeEnd, [
            (schema.OperatorCodeAddDeprecatedBuiltinCode, code), (schema.OperatorCodeAddBuiltinCode, code),
            (schema.OperatorCodeAddVersion, 1)])  # fmt: skip

    def custom(self, name: str) -> Any:
        code, title = schema.BuiltinOperator.CUSTOM, self._b.CreateString(name)
        return self._table(schema.OperatorCodeStart, schema.OperatorCodeEnd, [
            (schema.OperatorCodeAddDeprecatedBuiltinCode, code), (schema.OperatorCodeAddBuiltinCode, code),
            (schema.OperatorCodeAddCustomCode, title), (schema.OperatorCodeAddVersion, 1)])  # fmt: skip

    def finish(
        self, tensors: Sequence[Any], operators: Sequence[Any], codes: Sequence[Any], outputs: Sequence[int]
    ) -> bytes:
        """The model; its input is tensor 0."""
        fields = [
            (schema.SubGraphAddTensors, self._vector(tensors)), (schema.SubGraphAddInputs, self._ints([0])),
            (schema.SubGraphAddOutputs, self._ints(outputs)), (schema.SubGraphAddOperators, self._vector(operators)),
        ]  # fmt: skip
        graph = self._table(schema.SubGraphStart, schema.SubGraphEnd, fields)
        graphs, all_codes, buffers = self._vector([graph]), self._vector(codes), self._vector(self._buffers)
        model = self._table(schema.ModelStart, schema.ModelEnd, [
            (schema.ModelAddVersion, 3), (schema.ModelAddOperatorCodes, all_codes),
            (schema.ModelAddSubgraphs, graphs), (schema.ModelAddBuffers, buffers)])  # fmt: skip
        self._b.Finish(model, b"TFL3")
        return bytes(self._b.Output())

    def _buffer(self, content: bytes) -> Any:
        data = self._b.CreateByteVector(content) if content else None
        return self._table(schema.BufferStart, schema.BufferEnd, [(schema.BufferAddData, data)] if data else [])

    def _table(self, start: Any, end: Any, fields: Sequence[tuple[Any, Any]]) -> Any:
        start(self._b)
        for add, value in fields:
            add(self._b, value)
        return end(self._b)

    def _vector(self, offsets: Sequence[Any]) -> Any:
        self._b.StartVector(4, len(offsets), 4)
        for offset in reversed(offsets):
            self._b.PrependUOffsetTRelative(offset)
        return self._b.EndVector()

    def _ints(self, values: Sequence[int]) -> Any:
        return self._b.CreateNumpyVector(np.array(values, np.int32))


def _postprocess_options() -> bytes:
    options = flexbuffers.Builder()
    with options.Map():
        for name, number in (("max_detections", 5), ("max_classes_per_detection", 1), ("num_classes", 3),
                             ("detections_per_class", 5)):  # fmt: skip
            options.Int(name, number)
        for name, value in (("y_scale", 10.0), ("x_scale", 10.0), ("h_scale", 5.0), ("w_scale", 5.0),
                            ("nms_score_threshold", 0.05), ("nms_iou_threshold", 0.5)):  # fmt: skip
            options.Float(name, value)
        options.Bool("use_regular_nms", False)
    return bytes(options.Finish())
