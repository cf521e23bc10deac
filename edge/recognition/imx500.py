"""The detector inside the sensor: Sony's IMX500 through picamera2. The network runs in the camera, its result comes in the metadata.

Written against picamera2's documented interface and tested over metadata of the documented shape; not yet run on hardware.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from edge.camera.port import Frame
from edge.errors import DetectorError
from edge.geometry import Box
from edge.recognition.interest import Interest, best_first
from edge.recognition.port import Detection, Prepared

THRESHOLD = 0.55
"""The vendor's example's."""
SENSOR_PX = (4056, 3040)
"""Of the IMX500: what ScalerCrop is measured in."""


class Intrinsics(NamedTuple):
    """What the network's file says of itself."""

    labels: tuple[str, ...] = ()
    in_pixels: bool = False
    """Boxes are in pixels of the network's input; the vendor's word for it is that they need normalisation."""
    x_first: bool = False


def open_imx500(network: Path) -> Any:
    """The vendor's device with a network on it. It must be made before the camera is opened; loading can take minutes the first time.

    Raises:
        DetectorError: picamera2 is not installed, there is no such camera, or it refuses the network.
    """
    try:
        from picamera2.devices import IMX500
    except ImportError as error:
        hint = "on Raspberry Pi OS: apt install python3-picamera2 imx500-all"
        raise DetectorError(f"IMX500: picamera2 cannot be imported: {error}", hint=hint) from error
    try:
        return IMX500(str(network))
    except (
        RuntimeError,
        OSError,
        ValueError,
        KeyError,
        StopIteration,
    ) as error:  # StopIteration: the camera is not listed
        hint = "see `rpicam-hello --list-cameras`; the network must be an .rpk file for this sensor"
        raise DetectorError(f"IMX500: {network}: cannot be used: {error}", hint=hint) from error


class Imx500Detector:
    """`edge.recognition.port.Detector` over results that the frames carry: nothing is scaled, nothing is computed here.

    Make it before the camera of the same sensor is opened, as `camera_num`; its frames must carry the request's metadata.

    Args:
        network: an .rpk file whose outputs are boxes, scores, classes (as the vendor's SSD and EfficientDet with post-processing).
        labels: by class number; empty: those that the network carries.
        keep_score, thresholds, only: as `edge.recognition.tflite.TfliteDetector`.
        open_device: gives what has the interface of picamera2's `IMX500`.

    Raises:
        ConfigError: `thresholds` or `only` names a label that the network does not have.
        DetectorError: no such camera, or a network whose outputs need decoding that is not here.
    """

    def __init__(
        self,
        network: Path,
        labels: Sequence[str] = (),
        *,
        threshold: float = THRESHOLD,
        keep_score: float = 1.0,
        thresholds: Mapping[str, float] | None = None,
        only: Collection[str] = (),
        open_device: Callable[[Path], Any] = open_imx500,
    ) -> None:
        self._device: Any = open_device(network)
        self._intrinsics = read_intrinsics(network, self._device.network_intrinsics)
        self.labels = tuple(labels) or self._intrinsics.labels
        if not self.labels:
            raise DetectorError(f"IMX500: {network}: carries no labels", hint="name them in the configuration")
        self.name = f"{network.stem} in the IMX500"
        self._input_px = tuple(int(length) for length in self._device.get_input_size())
        self._interest = Interest(
            network.stem, self.labels, threshold=threshold, keep_score=keep_score, thresholds=thresholds, only=only
        )

    @property
    def camera_num(self) -> int:
        """Which camera to open: `Picamera2(camera_num)`."""
        return int(self._device.camera_num)

    def threshold_of(self, label: str) -> float:
        return self._interest.threshold_of(label)

    def prepare(self, frame: Frame) -> Prepared:
        return Prepared(frame, None)

    def infer(self, prepared: Prepared) -> list[Detection] | None:
        """None: the sensor gave no result with this frame."""
        metadata = dict(prepared.frame.metadata)
        try:
            outputs = self._device.get_outputs(metadata, add_batch=True)
        except (ValueError, KeyError, TypeError) as error:
            raise DetectorError(
                f"IMX500: result cannot be read: {error}", hint="the firmware may not fit picamera2"
            ) from error
        return None if outputs is None else self._read(outputs, metadata)

    def close(self) -> None:
        """The device goes with the camera that was opened after it."""

    def _read(self, outputs: Sequence[Any], metadata: Mapping[str, object]) -> list[Detection]:
        if len(outputs) < 3:
            raise DetectorError(f"IMX500: {len(outputs)} outputs; boxes, scores and classes were expected")
        boxes, scores, classes = (np.asarray(output)[0] for output in outputs[:3])
        if self._intrinsics.in_pixels:
            boxes = boxes / self._input_px[1]
        crop = crop_of(metadata)
        found = []
        for place, score, number in zip(boxes.tolist(), scores.tolist(), classes.tolist(), strict=True):
            if self._interest.has(int(number), score):
                box = in_crop(self._box(place), crop)
                if box.area > 0:  # what the picture does not show is not in it
                    found.append(Detection(self.labels[int(number)], score, box))
        return best_first(found)

    def _box(self, place: Sequence[float]) -> Box:
        first, second, third, fourth = place
        return Box(first, second, third, fourth) if self._intrinsics.x_first else Box(second, first, fourth, third)


def read_intrinsics(network: Path, intrinsics: Any) -> Intrinsics:
    """Raises:
    DetectorError: it is no detector, or its outputs need decoding that is not here.
    """
    if intrinsics is None:
        return Intrinsics()
    if intrinsics.task not in (None, "object detection"):
        raise DetectorError(
            f"IMX500: {network}: is for {intrinsics.task}", hint="choose a network for object detection"
        )
    if intrinsics.postprocess:
        hint = "choose a network whose post-processing runs in the sensor (_pp in its name)"
        raise DetectorError(f"IMX500: {network}: needs post-processing {intrinsics.postprocess!r}", hint=hint)
    return Intrinsics(
        tuple(intrinsics.labels or ()), bool(intrinsics.bbox_normalization), intrinsics.bbox_order == "xy"
    )


def crop_of(metadata: Mapping[str, object]) -> Box:
    """Which part of the sensor the picture shows, normalised to the sensor: the network always sees all of it."""
    crop = metadata.get("ScalerCrop")
    if not isinstance(crop, (tuple, list)) or len(crop) != 4 or not crop[2] or not crop[3]:
        return Box(0.0, 0.0, 1.0, 1.0)
    left, top, width, height = crop
    across, down = SENSOR_PX
    return Box(left / across, top / down, (left + width) / across, (top + height) / down)


def in_crop(box: Box, crop: Box) -> Box:
    return Box(
        (box.left - crop.left) / crop.width,
        (box.top - crop.top) / crop.height,
        (box.right - crop.left) / crop.width,
        (box.bottom - crop.top) / crop.height,
    ).clipped()
