"""The family with a post-processing op, on a tiny real model built here and run in the real runtime.

The published models of this family cannot be fetched everywhere; the op inside is the same.
"""

from pathlib import Path

import numpy as np
import pytest

from edge.assets import Asset
from edge.camera.port import Frame
from edge.clock import Instant
from edge.recognition.catalogue import Model
from edge.recognition.port import detect
from edge.recognition.tflite import TfliteDetector
from tests.tiny_models import POSTPROCESS_OUTPUTS, build_postprocess_model

SCRAMBLED = ("scores", "boxes", "count", "classes")


@pytest.mark.parametrize("order", [POSTPROCESS_OUTPUTS, SCRAMBLED], ids=["as SSD", "as EfficientDet"])
def test_outputs_are_found_by_their_role_whatever_their_order(tmp_path: Path, order: tuple[str, ...]) -> None:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(build_postprocess_model(order))
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
