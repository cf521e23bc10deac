"""Stand-ins for accelerators that are not here: they answer with outputs in the shapes that picamera2 documents.

No such device was at hand: the values are made up, their layout is the vendor's (picamera2 0.3.38, `devices/hailo` and `devices/imx500`).
"""

import ctypes
from types import SimpleNamespace
from typing import Any

import numpy as np

LABELS = ("person", "bicycle", "-", "car")
FULL_SENSOR = (0, 0, 4056, 3040)


class RecordedHailo:
    """picamera2's `Hailo` with a YOLO that was compiled with its non-maximum suppression: for each class an array (n, 5) of top,
    left, bottom, right, score."""

    def __init__(self, outputs: Any = None, shape: tuple[int, ...] = (640, 640, 3)) -> None:
        rows = {0: [[0.25, 0.1, 0.75, 0.3, 0.7], [0.4, 0.5, 0.6, 0.6, 0.35]], 3: [[0.3, 0.4, 0.6, 0.9, 0.9]]}
        self.outputs = (
            outputs if outputs is not None else [np.array(rows.get(n, []), np.float32).reshape(-1, 5) for n in range(4)]
        )
        self.shape = shape
        self.given: Any = None
        self.closed = 0

    def get_input_shape(self) -> tuple[int, ...]:
        return self.shape

    def run(self, frame: Any) -> Any:
        if isinstance(self.outputs, Exception):
            raise self.outputs
        self.given = frame
        return self.outputs

    def close(self) -> None:
        self.closed += 1


class TensorInfo(ctypes.LittleEndianStructure):
    _fields_ = (
        ("tensor_data_num", ctypes.c_uint32),
        ("num_dimensions", ctypes.c_uint32),
        ("size", ctypes.c_uint16 * 16),
    )


class TensorInfos(ctypes.LittleEndianStructure):
    _fields_ = (
        ("network_name", ctypes.c_char * 64), ("num_tensors", ctypes.c_uint32), ("info", TensorInfo * 16), ("frameCount", ctypes.c_uint8),
    )  # fmt: skip


def imx500_metadata(
    boxes: Any = ((0.25, 0.1, 0.75, 0.3), (0.3, 0.4, 0.6, 0.9), (0.4, 0.5, 0.6, 0.6)),
    scores: Any = (0.7, 0.9, 0.35),
    classes: Any = (0, 3, 0),
    crop: tuple[int, int, int, int] = FULL_SENSOR,
) -> dict[str, object]:
    """Of one request of a network with post-processing: its tensors one behind the other, each column by column."""
    tensors = [np.array(boxes, np.float32), np.array(scores, np.float32), np.array(classes, np.float32)]
    infos = TensorInfos(network_name=b"ssd_mobilenetv2_pp", num_tensors=len(tensors))
    for info, tensor in zip(infos.info, tensors, strict=False):
        info.tensor_data_num, info.num_dimensions = tensor.size, tensor.ndim
        info.size[: tensor.ndim] = list(tensor.shape)
    return {
        "SensorTimestamp": 1_234_567_890,
        "ScalerCrop": crop,
        "CnnOutputTensor": [float(value) for tensor in tensors for value in tensor.ravel(order="F")],
        "CnnOutputTensorInfo": bytes(infos),
    }


class RecordedImx500:
    """picamera2's `IMX500`, which takes the outputs apart that a request's metadata carries."""

    camera_num = 1

    def __init__(self, **intrinsics: object) -> None:
        defaults = {
            "task": "object detection",
            "labels": None,
            "bbox_normalization": None,
            "bbox_order": None,
            "postprocess": None,
        }
        self.network_intrinsics: Any = SimpleNamespace(**{**defaults, **intrinsics})

    def get_input_size(self) -> tuple[int, int]:
        return 320, 320

    def get_outputs(self, metadata: dict[str, Any], add_batch: bool = False) -> list[Any] | None:
        if not metadata.get("CnnOutputTensor"):
            return None
        values, begin, outputs = np.array(metadata["CnnOutputTensor"], np.float32), 0, []
        infos = TensorInfos.from_buffer_copy(metadata["CnnOutputTensorInfo"])
        for info in infos.info[: infos.num_tensors]:
            shape = info.size[: info.num_dimensions]
            output = values[begin : begin + info.tensor_data_num].reshape(shape, order="F")
            outputs.append(output[np.newaxis] if add_batch else output)
            begin += info.tensor_data_num
        return outputs
