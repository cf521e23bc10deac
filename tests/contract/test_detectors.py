"""Every detector keeps the contract of `edge.recognition.port.Detector`.

The accelerators' drivers run over recorded outputs (tests/recorded.py): they have not been run on hardware.
"""

from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from edge.camera.port import Frame
from edge.clock import Instant
from edge.errors import ConfigError, DetectorError
from edge.geometry import Box
from edge.pictures import read_picture
from edge.recognition import tflite
from edge.recognition.hailo import HailoDetector, open_hailo
from edge.recognition.imx500 import Imx500Detector, open_imx500
from edge.recognition.port import Detection, Detector, detect
from tests.recorded import FULL_SENSOR, LABELS, RecordedHailo, RecordedImx500, imx500_metadata

Make = Callable[..., Detector]
NETWORK = Path("/networks/yolov8s.hef")


def hailo(device: Any = None, **options: Any) -> HailoDetector:
    return HailoDetector(NETWORK, LABELS, open_device=lambda path: device or RecordedHailo(), **options)


def imx500(device: Any = None, **options: Any) -> Imx500Detector:
    return Imx500Detector(NETWORK, LABELS, open_device=lambda path: device or RecordedImx500(), **options)


@pytest.fixture(params=["tflite", "hailo", "imx500"])
def make(request: pytest.FixtureRequest, models_dir: Path) -> Make:
    makers: dict[str, Make] = {
        "tflite": lambda **options: tflite.load("ssd_mobilenet_v2_oid", models_dir, **options),
        "hailo": hailo,
        "imx500": imx500,
    }
    return makers[request.param]


def frame_of(pixels: np.ndarray, number: int = 0, metadata: dict[str, object] | None = None) -> Frame:
    return Frame("cam", number, pixels, Instant(0, 0), metadata=MappingProxyType(metadata or imx500_metadata()))


@pytest.fixture
def frame(samples: Path) -> Frame:
    """A real picture, with the metadata that an IMX500's frame would have."""
    return frame_of(read_picture(samples / "pictures" / "chelsea.png"))


def infer(detector: Detector, frame: Frame) -> list[Detection]:
    found = detector.infer(detector.prepare(frame))
    assert found is not None
    return found


def test_it_has_a_name_and_labels(make: Make) -> None:
    detector = make()
    assert detector.name
    assert len(set(detector.labels)) > 2


def test_findings_are_best_first_above_their_floor_and_inside_the_frame(make: Make, frame: Frame) -> None:
    detector = make(keep_score=0.5)
    found = infer(detector, frame)
    assert found
    scores = [item.score for item in found]
    assert scores == sorted(scores, reverse=True)
    for label, score, box in found:
        assert label in detector.labels
        assert score >= detector.threshold_of(label) * 0.5
        assert 0 <= box.left < box.right <= 1
        assert 0 <= box.top < box.bottom <= 1


def test_what_counts_reaches_the_threshold(make: Make, frame: Frame) -> None:
    detector = make(keep_score=0.1)
    counted = detect(detector, frame)
    assert all(found.score >= detector.threshold_of(found.label) for found in counted)
    assert len(counted) < len(infer(detector, frame))


def test_thresholds_and_labels_of_ones_own(make: Make, frame: Frame) -> None:
    first = infer(make(), frame)[0].label
    assert make(thresholds={first: 0.97}).threshold_of(first) == 0.97
    assert first not in [found.label for found in infer(make(thresholds={first: 0.97}), frame)]
    assert {found.label for found in infer(make(only=[first]), frame)} == {first}
    other = next(label for label in make().labels if label not in (first, "-", "???"))
    assert first not in [found.label for found in infer(make(only=[other]), frame)]


@pytest.mark.parametrize("options", [{"only": ["no such thing"]}, {"thresholds": {"no such thing": 0.5}}])
def test_a_label_that_it_does_not_have(make: Make, options: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="has no label 'no such thing'"):
        make(**options)


def test_frames_of_any_size(make: Make, frame: Frame) -> None:
    detector = make()
    for pixels in (frame.pixels[:, 60:420], frame.pixels[:200], frame.pixels[:1, :1]):
        infer(detector, frame_of(np.ascontiguousarray(pixels)))


def test_a_prepared_frame_is_good_while_two_more_are_prepared(make: Make, frame: Frame) -> None:
    detector = make()
    expected = infer(detector, frame)
    first = detector.prepare(frame)
    for shade in (0, 255):
        detector.prepare(frame_of(np.full((300, 300, 3), shade, np.uint8), metadata={}))
    assert detector.infer(first) == expected
    assert first.frame is frame


def test_the_same_frame_gives_the_same(make: Make, frame: Frame) -> None:
    detector = make()
    assert infer(detector, frame) == infer(detector, frame)


def test_close_may_come_twice(make: Make) -> None:
    detector = make()
    detector.close()
    detector.close()


# Hailo


def test_hailo_boxes_lead_back_through_the_letterbox() -> None:
    device = RecordedHailo()
    found = infer(hailo(device), frame_of(np.zeros((360, 640, 3), np.uint8)))
    assert [(item.label, round(item.score, 2)) for item in found] == [("car", 0.9), ("person", 0.7)]
    # 640×360 lies in the middle of 640×640: 140 grey rows above.
    assert found[0].box == pytest.approx((0.4, (0.3 * 640 - 140) / 360, 0.9, (0.6 * 640 - 140) / 360))
    assert device.given.shape == (640, 640, 3)
    assert device.given.dtype == np.uint8
    assert device.given.flags.c_contiguous
    assert device.given[0, 0].tolist() == [127] * 3


def test_hailo_errors_are_translated() -> None:
    with pytest.raises(DetectorError, match="Hailo: inference failed: device lost") as caught:
        infer(hailo(RecordedHailo(RuntimeError("device lost"))), frame_of(np.zeros((8, 8, 3), np.uint8)))
    assert caught.value.retryable
    with pytest.raises(DetectorError, match="raw tensors, not detections"):
        infer(hailo(RecordedHailo(np.zeros((1, 84, 8400), np.float32))), frame_of(np.zeros((8, 8, 3), np.uint8)))


def test_hailo_is_let_go_of() -> None:
    device = RecordedHailo()
    detector = hailo(device)
    detector.close()
    detector.close()
    assert device.closed == 1
    grey = RecordedHailo(shape=(640, 640, 1))
    with pytest.raises(DetectorError, match=r"\(640, 640, 1\); \(height, width, 3\) was expected"):
        hailo(grey)
    assert grey.closed == 1


# IMX500


def test_no_result_for_a_frame_is_none_and_not_nothing() -> None:
    black = np.zeros((8, 8, 3), np.uint8)
    detector = imx500()
    assert detector.infer(detector.prepare(frame_of(black, metadata={"ScalerCrop": FULL_SENSOR}))) is None
    assert detector.infer(detector.prepare(frame_of(black, metadata=imx500_metadata(scores=(0.0,) * 3)))) == []
    assert detect(detector, frame_of(black, metadata={"SensorTimestamp": 1})) == []


def test_imx500_boxes_lead_from_the_sensor_to_the_picture() -> None:
    black = np.zeros((8, 8, 3), np.uint8)
    whole = infer(imx500(), frame_of(black))
    assert [(item.label, round(item.score, 2)) for item in whole] == [("car", 0.9), ("person", 0.7)]
    assert whole[0].box == pytest.approx((0.4, 0.3, 0.9, 0.6))
    # The picture shows the right half of the sensor: the person on the left is not in it.
    right = infer(imx500(), frame_of(black, metadata=imx500_metadata(crop=(2028, 0, 2028, 3040))))
    assert [item.label for item in right] == ["car"]
    assert right[0].box == pytest.approx((0.0, 0.3, 0.8, 0.6))


def test_imx500_boxes_as_the_network_says_that_they_are() -> None:
    metadata = imx500_metadata(boxes=((128, 96, 288, 192),), scores=(0.9,), classes=(3,))
    device = RecordedImx500(bbox_normalization=True, bbox_order="xy")
    (found,) = infer(imx500(device), frame_of(np.zeros((8, 8, 3), np.uint8), metadata=metadata))
    assert found.box == pytest.approx((0.4, 0.3, 0.9, 0.6))


def test_imx500_labels_come_with_the_network() -> None:
    device = RecordedImx500(labels=["a", "b", "c", "d"])
    detector = Imx500Detector(NETWORK, open_device=lambda path: device)
    assert detector.labels == ("a", "b", "c", "d")
    assert detector.camera_num == 1
    with pytest.raises(DetectorError, match="carries no labels"):
        Imx500Detector(NETWORK, open_device=lambda path: RecordedImx500())


@pytest.mark.parametrize(
    ("intrinsics", "message"),
    [
        ({"postprocess": "nanodet"}, "needs post-processing 'nanodet'"),
        ({"task": "classification"}, "is for classification"),
    ],
)
def test_imx500_networks_that_cannot_be_read(intrinsics: dict[str, object], message: str) -> None:
    with pytest.raises(DetectorError, match=message):
        imx500(RecordedImx500(**intrinsics))


def test_imx500_metadata_that_does_not_fit() -> None:
    metadata = {**imx500_metadata(), "CnnOutputTensorInfo": b"short"}
    with pytest.raises(DetectorError, match="result cannot be read"):
        infer(imx500(), frame_of(np.zeros((8, 8, 3), np.uint8), metadata=metadata))


@pytest.mark.parametrize("open_device", [open_hailo, open_imx500])
def test_without_the_vendor_package_it_says_what_to_install(open_device: Callable[[Path], Any]) -> None:
    import importlib.util

    if importlib.util.find_spec("picamera2") is not None:
        pytest.skip("picamera2 is here")
    with pytest.raises(DetectorError, match=r"cannot be imported: .*apt install python3-picamera2"):
        open_device(NETWORK)


def test_boxes_of_a_picture_without_a_crop() -> None:
    metadata = imx500_metadata()
    del metadata["ScalerCrop"]
    (car, _) = infer(imx500(), frame_of(np.zeros((8, 8, 3), np.uint8), metadata=metadata))
    assert car.box == pytest.approx(Box(0.4, 0.3, 0.9, 0.6))
