"""Nothing of a masked region reaches the model's input, a second look, the disk or the broker. The tests read the pixels."""

import base64
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from edge import config
from edge.bench.rig import Rig
from edge.camera.opening import make_camera
from edge.camera.port import Camera, Frame, Pixels
from edge.camera.privacy import GREY
from edge.clock import SystemClock
from edge.demo.broker import Broker
from edge.events.lifecycle import LifeCycle
from edge.events.looks import LookThread
from edge.events.tracks import TrackSettings
from edge.geometry import Box
from edge.health import Health
from edge.pictures import read_picture
from edge.pipeline import Pipeline
from edge.recognition import tflite
from edge.recognition.port import NOTHING, Detection, Insight, Prepared
from edge.recognition.tflite import TfliteDetector
from edge.store.stills import StillLedger
from tests.support import until

SHARE = 0.2
"""The left fifth of the picture is masked; there stands what must not get out."""
INNER = 0.9
"""Of its width: beside the border the JPEG's blocks mix what stands on both sides, and what comes in from outside is no secret."""
NEAR = 10
SECRET = np.indices((600, 600)).sum(axis=0)[..., np.newaxis] // 8 % 2 * np.array([255, 40, 255])


def masked_part(pixels: Pixels) -> Pixels:
    return pixels[:, : int(pixels.shape[1] * SHARE * INNER)]


def is_grey(pixels: Pixels) -> bool:
    return bool((np.abs(masked_part(pixels).astype(int) - GREY) <= NEAR).all())


@pytest.fixture
def camera(tmp_path: Path, samples: Path, data_dir: Path) -> Camera:
    """A cat, with a secret beside it."""
    pixels = read_picture(samples / "pictures" / "chelsea.png").copy()
    height, width = pixels.shape[:2]
    pixels[:, : int(width * SHARE)] = SECRET[:height, : int(width * SHARE)]
    (tmp_path / "pictures").mkdir()
    Image.fromarray(pixels).save(tmp_path / "pictures" / "cat.png")
    assert not is_grey(pixels)
    corners = ((0.0, 0.0), (SHARE, 0.0), (SHARE, 1.0), (0.0, 1.0))
    section = config.Camera(name="cam", source=f"folder:{tmp_path / 'pictures'}", privacy=(corners,))
    return make_camera(section, SystemClock(), StillLedger(data_dir), once=True)


class Noting:
    """Keeps what the detector's model and the second look are given; finds what the detector finds."""

    def __init__(self, detector: TfliteDetector) -> None:
        self._detector = detector
        self.name, self.labels = detector.name, detector.labels
        self.threshold_of, self.close = detector.threshold_of, detector.close
        self.tensors: list[Any] = []
        self.looked_at: list[Pixels] = []

    def prepare(self, frame: Frame) -> Prepared:
        return self._detector.prepare(frame)

    def infer(self, prepared: Prepared) -> list[Detection]:
        self.tensors.append(prepared.work.tensor.copy())
        return self._detector.infer(prepared)

    def wants(self, label: str) -> bool:
        return True

    def look(self, pixels: Pixels, label: str, box: Box) -> Insight:
        self.looked_at.append(pixels)
        return NOTHING


@pytest.fixture
def noting(models_dir: Path) -> Noting:
    return Noting(tflite.load("ssd_mobilenet_v2_oid", models_dir))


def test_model_and_second_look_see_grey(camera: Camera, noting: Noting) -> None:
    errors: list[BaseException] = []
    looks = LookThread(noting, errors.append)  # type: ignore[arg-type]
    pipeline = Pipeline(
        [camera],
        noting,
        lambda name: LifeCycle(name, "boot", TrackSettings(), noting.threshold_of, lambda: "id", looks),
        lambda outcome: None,
        errors.append,
        Health(SystemClock()),
        retry=False,
        looks=looks,
    )
    pipeline.start()
    until(lambda: not pipeline.running, 60, "the end")
    pipeline.stop()
    assert not errors
    (tensor,) = noting.tensors
    assert is_grey(((tensor[0] + 1) * 127.5).round())
    assert [is_grey(pixels) for pixels in noting.looked_at] == [True]


def test_card_and_broker_get_grey(camera: Camera, noting: Noting, data_dir: Path, broker: Broker) -> None:
    with Rig(camera, noting, data_dir, broker, TrackSettings()) as rig:
        rig.wait()
    kept = [path for path in data_dir.rglob("*") if path.is_file()]
    shown = [picture for path in kept for picture in pictures_in(path.read_bytes())]
    assert shown, "the event's picture"
    assert all(map(is_grey, shown))
    sent = [payload for _, payload in rig.received]
    assert len(sent) == 2, "the cat has come and gone"
    assert all(is_grey(picture) for payload in sent for picture in pictures_in(payload))


def pictures_in(content: bytes) -> Iterator[Pixels]:
    """Every JPEG that begins in it, as it is or in base64."""
    encoded = re.findall(rb"/9j/[A-Za-z0-9+/]+", content)
    contents = [content, *(base64.b64decode(each[: len(each) // 4 * 4]) for each in encoded)]
    for each in contents:
        for begin in re.finditer(rb"\xff\xd8\xff", each):
            yield np.asarray(Image.open(io.BytesIO(each[begin.start() :])).convert("RGB"))
