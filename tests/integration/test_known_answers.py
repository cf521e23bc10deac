"""Real models on real pictures give the answers that are known of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from edge.camera.port import Frame
from edge.clock import Instant
from edge.errors import AssetError, ConfigError, DetectorError
from edge.pictures import read_picture
from edge.recognition import tflite
from edge.recognition.catalogue import Model, catalogue, find
from edge.recognition.port import Detection, Detector, detect
from edge.recognition.runtime import Interpreter
from edge.recognition.tflite import TfliteDetector


def look(detector: Detector, picture: Path) -> list[Detection]:
    return detect(detector, Frame("test", 0, read_picture(picture), Instant(0, 0)))


@pytest.fixture(scope="module")
def detector(models_dir: Path) -> TfliteDetector:
    return tflite.load("ssd_mobilenet_v2_oid", models_dir)


@pytest.mark.parametrize(
    ("picture", "label", "score", "centre"),
    [
        ("chelsea.png", "Cat", 0.85, (0.45, 0.5)),
        ("astronaut.png", "Person", 0.59, (0.4, 0.5)),
        ("coffee.png", "Coffee cup", 0.56, (0.5, 0.4)),
    ],
)
def test_the_default_detector_on_the_samples(
    detector: TfliteDetector, samples: Path, picture: str, label: str, score: float, centre: tuple[float, float]
) -> None:
    (found,) = look(detector, samples / "pictures" / picture)
    assert found.label == label
    assert found.score == pytest.approx(score, abs=0.06)
    assert found.box.centre == pytest.approx(centre, abs=0.1)


@pytest.mark.parametrize(
    ("picture", "labels"),
    [
        ("pets.jpg", ["Dog", "Dog"]),
        ("cat_720p.jpg", ["Cat"]),
        ("grace_hopper.png", ["Person"]),
        ("kite_and_cold.jpg", ["Person"]),
        ("traffic_0001.png", ["Car", "Car"]),
        ("parrot.jpg", []),
    ],
)
def test_the_default_detector_on_more(detector: TfliteDetector, shared: Path, picture: str, labels: list[str]) -> None:
    assert [found.label for found in look(detector, shared / "pictures" / picture)] == labels


@pytest.mark.parametrize(
    ("model", "picture", "label", "score"),
    [
        ("mobilenet_v2_imagenet", "cat_720p.jpg", "Egyptian cat", 0.71),
        ("mobilenet_v2_imagenet", "parrot.jpg", "macaw", 1.0),
        ("mobilenet_v2_inat_birds", "parrot.jpg", "Ara macao (Scarlet Macaw)", 0.75),
        ("mobilenet_v1_025_imagenet", "parrot.jpg", "macaw", 0.79),
        ("movenet_lightning", "grace_hopper.png", "Person", 0.32),
    ],
)
def test_the_classifiers(shared: Path, model: str, picture: str, label: str, score: float) -> None:
    found = look(tflite.load(model, shared / "models"), shared / "pictures" / picture)
    assert found[0].label == label
    assert found[0].score > score - 0.1, "the known answer came with another scaling filter; surer is not worse"


def test_the_pose_model_finds_nobody_in_a_parrot(shared: Path) -> None:
    assert look(tflite.load("movenet_lightning", shared / "models"), shared / "pictures" / "parrot.jpg") == []


def test_the_bird_model_finds_no_bird_in_a_cat(shared: Path) -> None:
    assert look(tflite.load("mobilenet_v2_inat_birds", shared / "models"), shared / "pictures" / "cat_720p.jpg") == []


def test_a_frame_of_any_size_and_shape(detector: TfliteDetector, samples: Path) -> None:
    pixels = read_picture(samples / "pictures" / "chelsea.png")
    for cut in (pixels[:, 60:420], pixels[:200], pixels.repeat(3, axis=0).repeat(3, axis=1), pixels[:1, :1]):
        for found in detect(detector, Frame("test", 0, cut, Instant(0, 0))):
            assert all(0 <= value <= 1 for value in found.box)


def test_the_cameras_small_picture_is_looked_at_when_it_is_large_enough(
    detector: TfliteDetector, samples: Path
) -> None:
    cat = np.asarray(Image.open(samples / "pictures" / "chelsea.png"))
    nothing = np.full((720, 1280, 3), 127, np.uint8)
    frame = Frame("test", 0, nothing, Instant(0, 0), small=cat)
    assert [found.label for found in detect(detector, frame)] == ["Cat"]
    frame = Frame("test", 0, nothing, Instant(0, 0), small=cat[100:300, 100:300])
    assert detect(detector, frame) == []


def test_only_the_labels_that_are_wanted(models_dir: Path, samples: Path) -> None:
    detector = tflite.load("ssd_mobilenet_v2_oid", models_dir, only=["Dog"])
    assert look(detector, samples / "pictures" / "chelsea.png") == []


def test_a_threshold_of_ones_own(models_dir: Path, samples: Path) -> None:
    detector = tflite.load("ssd_mobilenet_v2_oid", models_dir, thresholds={"Cat": 0.95})
    assert look(detector, samples / "pictures" / "chelsea.png") == []


def test_a_label_that_the_model_does_not_have(models_dir: Path) -> None:
    with pytest.raises(ConfigError, match="no label 'Persn' \\(did you mean 'Person'"):
        tflite.load("ssd_mobilenet_v2_oid", models_dir, only=["Persn"])


def test_a_model_that_is_not_here(tmp_path: Path) -> None:
    with pytest.raises(AssetError, match=r"file is missing \(get it with `edge models pull ssd_mobilenet_v2_oid`\)"):
        tflite.load("ssd_mobilenet_v2_oid", tmp_path)


def test_a_damaged_model_is_refused_by_its_hash(models_dir: Path, tmp_path: Path) -> None:
    name = find("ssd_mobilenet_v2_oid").file.file
    content = bytearray((models_dir / name).read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AssetError, match="file is damaged: its hash is not d0a5255b"):
        tflite.load("ssd_mobilenet_v2_oid", tmp_path)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    path = tmp_path / "x.tflite"
    path.write_bytes(b"no model at all")
    with pytest.raises(DetectorError, match=r"x\.tflite: .* refuses the model"):
        TfliteDetector("x", find("ssd_mobilenet_v2_oid"), path, ("a",))


def test_a_model_that_does_not_fit_its_entry(shared: Path) -> None:
    path = shared / "models" / "mobilenet_v2_1.0_224_quant.tflite"
    with pytest.raises(DetectorError, match=r"no output of shape \(1, .*does not fit"):
        TfliteDetector("x", find("ssd_mobilenet_v2_oid"), path, find("ssd_mobilenet_v2_oid").labels)


def test_a_model_with_an_operation_that_the_runtime_does_not_have(shared: Path) -> None:
    with pytest.raises(DetectorError, match="unresolved custom op: fake-op-double") as caught:
        Interpreter(shared / "models" / "model_invoking_error.tflite")
    assert "\n" not in str(caught.value)


def test_an_inference_that_fails(detector: TfliteDetector) -> None:
    with pytest.raises(DetectorError, match="inference failed") as caught:
        detector.interpreter.run(np.zeros((1, 2, 2, 3), np.float32))
    assert caught.value.retryable


def test_an_unknown_model_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'ssd_mobilenet_v2_oid'"):
        find("ssd_mobilenet_v2_oidd")


def test_every_entry_is_complete() -> None:
    entries: dict[str, Model] = catalogue()
    assert len(entries) >= 7
    for name, model in entries.items():
        assert model.file.sources, name
        assert model.labels or model.label_file, name
        assert (model.family == "ssd_raw") == (model.anchors is not None), name
