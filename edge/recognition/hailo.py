"""The detector on a Hailo accelerator, through picamera2's `Hailo`.

Written against picamera2's documented interface and tested over outputs of the documented shape; not yet run on hardware.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from edge.camera.port import Frame
from edge.errors import DetectorError
from edge.geometry import Box
from edge.recognition.interest import Interest, best_first
from edge.recognition.port import Detection, Prepared
from edge.recognition.scaling import InputBuffer, Scaler

THRESHOLD = 0.5


def open_hailo(network: Path) -> Any:
    """The vendor's device with a compiled network on it.

    Raises:
        DetectorError: picamera2 or HailoRT is not installed, there is no device, or it refuses the network.
    """
    try:
        from picamera2.devices import Hailo
    except ImportError as error:
        hint = "on Raspberry Pi OS: apt install python3-picamera2 hailo-all"
        raise DetectorError(f"Hailo: picamera2 or HailoRT cannot be imported: {error}", hint=hint) from error
    try:
        return Hailo(str(network))
    except Exception as error:  # HailoRT's errors have no base but this one
        hint = "see `hailortcli fw-control identify`; the network must be compiled for this device"
        raise DetectorError(f"Hailo: {network}: cannot be used: {error}", hint=hint) from error


class HailoDetector:
    """`edge.recognition.port.Detector` over a network that was compiled with its non-maximum suppression (as the vendor's YOLOs are).

    Args:
        network: a .hef file.
        labels: by class number.
        keep_score, thresholds, only: as `edge.recognition.tflite.TfliteDetector`.
        open_device: gives what has the interface of picamera2's `Hailo`.

    Raises:
        ConfigError: `thresholds` or `only` names a label that is not in `labels`.
        DetectorError: no device, or a network that does not look at RGB pictures.
    """

    def __init__(
        self,
        network: Path,
        labels: Sequence[str],
        *,
        threshold: float = THRESHOLD,
        keep_score: float = 1.0,
        thresholds: Mapping[str, float] | None = None,
        only: Collection[str] = (),
        open_device: Callable[[Path], Any] = open_hailo,
    ) -> None:
        self.labels = tuple(labels)
        self.name = f"{network.stem} on Hailo"
        self._interest = Interest(
            network.stem, labels, threshold=threshold, keep_score=keep_score, thresholds=thresholds, only=only
        )
        self._device: Any = open_device(network)
        shape = tuple(self._device.get_input_shape())
        if len(shape) != 3 or shape[2] != 3:
            self.close()
            raise DetectorError(f"Hailo: {network}: its input has shape {shape}; (height, width, 3) was expected")
        self._scaler = Scaler((shape[1], shape[0]), np.uint8, "letterbox", mean=0.0, scale=1.0)

    def threshold_of(self, label: str) -> float:
        return self._interest.threshold_of(label)

    def prepare(self, frame: Frame) -> Prepared:
        return Prepared(frame, self._scaler.fill(frame.pixels))

    def infer(self, prepared: Prepared) -> list[Detection]:
        buffer: InputBuffer = prepared.work
        try:
            outputs = self._device.run(buffer.tensor[0])
        except Exception as error:  # HailoRT's errors have no base but this one
            raise DetectorError(
                f"Hailo: inference failed: {error}", hint="see dmesg; is the device still there?"
            ) from error
        found = self._read(outputs, buffer)
        self._scaler.give_back(buffer)
        return found

    def close(self) -> None:
        if self._device is not None:
            self._device.close()
            self._device = None

    def _read(self, outputs: Any, buffer: InputBuffer) -> list[Detection]:
        """One list or array a class, each row top, left, bottom, right, score; normalised to the input."""
        if not isinstance(outputs, (list, tuple)):
            hint = "compile it with the non-maximum suppression of HailoRT (hailort-pp or nms_postprocess)"
            raise DetectorError("Hailo: the network gives raw tensors, not detections", hint=hint)
        found = []
        for number, rows in enumerate(outputs):
            for top, left, bottom, right, score in np.asarray(rows, np.float32).reshape(-1, 5).tolist():
                if self._interest.has(number, score):
                    found.append(
                        Detection(self.labels[number], score, buffer.view.to_frame(Box(left, top, right, bottom)))
                    )
        return best_first(found)
