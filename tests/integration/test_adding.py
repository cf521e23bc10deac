"""Model files that a user brings: real published ones, and tiny real ones of the YOLO layouts, through the real runtime."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from edge import assets
from edge.camera.port import Frame
from edge.clock import Instant
from edge.errors import AssetError, ConfigError, DetectorError
from edge.pictures import read_picture
from edge.recognition import catalogue, tflite
from edge.recognition.added import keep_model, to_toml
from edge.recognition.adding import Wishes, examine
from edge.recognition.appended import parse_label_lines, read_appended
from edge.recognition.catalogue import Model, known
from edge.recognition.port import Detection, detect
from tests.tiny_models import Quantisation, build_copying_model, build_postprocess_model

SIDE_PX = 32
CELLS = 16 + 4 + 1
UINT8, INT8 = Quantisation(1 / 255, 0), Quantisation(1 / 255, -128)


def appended(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_dot_", "."), content)
    return buffer.getvalue()


def ultralytics(names: list[str]) -> bytes:
    described = {"license": "AGPL-3.0 License", "names": {str(number): name for number, name in enumerate(names)}}
    return appended(metadata_dot_json=json.dumps(described))


def write(path: Path, *contents: bytes) -> Path:
    path.write_bytes(b"".join(contents))
    return path


def look(name: str, model: Model, path: Path, values: np.ndarray) -> list[Detection]:
    """Give the copying model a picture whose first bytes are `values` of 0..1."""
    picture = np.zeros(SIDE_PX * SIDE_PX * 3, np.uint8)
    picture[: values.size] = np.rint(values.ravel() * 255)
    detector = tflite.TfliteDetector(name, model, path, model.labels)
    return detect(detector, Frame("t", 0, picture.reshape(SIDE_PX, SIDE_PX, 3), Instant(0, 0)))


def v5_values() -> np.ndarray:
    rows = np.zeros((3 * CELLS, 7))
    rows[5] = [0.5, 0.4, 0.2, 0.4, 1.0, 0.1, 0.9]
    return rows


def v8_values() -> np.ndarray:
    return np.delete(v5_values()[:CELLS], 4, axis=1).T


def v10_values() -> np.ndarray:
    rows = np.zeros((10, 6))
    rows[5] = [0.4, 0.2, 0.6, 0.6, 0.9, 1 / 255]
    return rows


LAYOUTS = [
    ("yolov5", [1, 3 * CELLS, 7], v5_values()),
    ("yolov8", [1, 6, CELLS], v8_values()),
]


@pytest.mark.parametrize(("family", "shape", "values"), LAYOUTS, ids=["v5", "v8"])
@pytest.mark.parametrize(
    ("dtype", "quantisation"),
    [(np.float32, None), (np.uint8, UINT8), (np.int8, INT8)],
    ids=["float32", "uint8", "int8"],
)
def test_a_yolo_export_is_told_and_decoded(
    tmp_path: Path, family: str, shape: list[int], values: np.ndarray, dtype: type, quantisation: Quantisation | None
) -> None:
    path = write(
        tmp_path / "My-Yolo.tflite",
        build_copying_model(SIDE_PX, [shape], dtype, quantisation),
        ultralytics(["ant", "bee"]),
    )
    name, model = examine(path, Wishes())
    assert (name, model.family, model.labels, model.box_unit) == ("my_yolo", family, ("ant", "bee"), "normalised")
    assert model.file.licence == "AGPL-3.0 License"
    (found,) = look(name, model, path, values)
    assert (found.label, round(found.score, 2)) == ("bee", 0.9)
    assert found.box == pytest.approx((0.4, 0.2, 0.6, 0.6), abs=0.01)


def test_a_yolo_v10_export_in_pixels(tmp_path: Path) -> None:
    factors = np.array([SIDE_PX] * 4 + [1, 255], np.float32)
    path = write(
        tmp_path / "ten.tflite",
        build_copying_model(SIDE_PX, [[1, 10, 6]], factors=factors),
        ultralytics(["ant", "bee"]),
    )
    name, model = examine(path, Wishes())
    assert (model.family, model.box_unit) == ("yolov10", "pixels")
    (found,) = look(name, model, path, v10_values())
    assert (found.label, round(found.score, 2)) == ("bee", 0.9)
    assert found.box == pytest.approx((0.4, 0.2, 0.6, 0.6), abs=0.01)


def test_a_wish_decides_where_the_shape_allows_more_than_one_family(tmp_path: Path) -> None:
    path = write(tmp_path / "m.tflite", build_copying_model(SIDE_PX, [[1, 6, 40]]))
    with pytest.raises(DetectorError, match=r"outputs of shape \(1, 6, 40\) do not fit any family that is known"):
        examine(path, Wishes(labels=("a", "b")))
    _, model = examine(path, Wishes(labels=("a", "b"), family="yolov8"))
    assert model.family == "yolov8"
    with pytest.raises(DetectorError, match="do not fit family pose"):
        examine(path, Wishes(labels=("a", "b"), family="pose"))


@pytest.mark.parametrize(
    ("file", "family", "labels"),
    [
        ("mobilenet_v2_1.0_224_quant.tflite", "classification", 1001),
        ("mobilenet_v2_1.0_224_inat_bird_quant.tflite", "classification", 965),
        ("movenet_single_pose_lightning_ptq.tflite", "pose", 1),
    ],
)
def test_published_models_with_the_labels_that_they_carry(shared: Path, file: str, family: str, labels: int) -> None:
    _, model = examine(shared / "models" / file, Wishes())
    assert (model.family, len(model.labels)) == (family, labels)
    assert model.file.licence == "Apache-2.0", "a copy of a file that the shipped catalogue knows"


def test_a_model_with_a_postprocessing_op(tmp_path: Path) -> None:
    path = write(tmp_path / "ssd.tflite", build_postprocess_model(), appended(labels_dot_txt="0 a\n2 c\n"))
    _, model = examine(path, Wishes())
    assert (model.family, model.labels) == ("ssd_postprocess", ("a", "", "c"))


def test_an_ssd_without_a_postprocessing_op(models_dir: Path) -> None:
    shipped = catalogue.find("ssd_mobilenet_v2_oid")
    _, model = examine(models_dir / shipped.file.file, Wishes(name="mine", labels=shipped.labels))
    assert (model.family, model.anchors) == ("ssd_raw", shipped.anchors)


@pytest.mark.parametrize(
    ("content", "wishes", "message"),
    [
        (b"no model at all", Wishes(), "not a TFLite model"),
        (build_copying_model(SIDE_PX, [[1, 5]]), Wishes(), r"carries no labels \(give 5 labels with --labels"),
        (build_copying_model(SIDE_PX, [[1, 5]]), Wishes(labels=("a",)), "has 5 classes, and there are 1 labels"),
        (build_copying_model(SIDE_PX, [[1, 2], [1, 2], [1, 2]]), Wishes(), "do not fit any family"),
        (build_copying_model(SIDE_PX, [[1, 2]], factors=100.0), Wishes(labels=("a", "b")), "scores reach from 50.00 to 50.00"),
        (build_postprocess_model()[:600], Wishes(), "refuses the model"),
        (build_copying_model(SIDE_PX, [[1, 2]]) + b"edgetpu-custom-op", Wishes(), "compiled for the Edge TPU"),
    ],
)  # fmt: skip
def test_what_cannot_be_decoded_is_refused_with_its_reason(
    tmp_path: Path, content: bytes, wishes: Wishes, message: str
) -> None:
    with pytest.raises(DetectorError, match=message):
        examine(write(tmp_path / "m.tflite", content), wishes)


def test_a_model_that_fails_to_load_is_refused(shared: Path) -> None:
    with pytest.raises(DetectorError, match="unresolved custom op: fake-op-double"):
        examine(shared / "models" / "model_invoking_error.tflite", Wishes())


def test_names(tmp_path: Path) -> None:
    path = write(tmp_path / "Ä 1.tflite", build_copying_model(SIDE_PX, [[1, 2]]))
    assert examine(path, Wishes(labels=("a", "b")))[0] == "1"
    with pytest.raises(ConfigError, match="the catalogue has one of that name"):
        examine(path, Wishes(labels=("a", "b"), name="ssd_mobilenet_v2_oid"))
    with pytest.raises(ConfigError, match="not a model's name"):
        examine(path, Wishes(labels=("a", "b"), name="../x"))


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A models folder with one added model, `mine`."""
    path = write(tmp_path / "m.tflite", build_copying_model(SIDE_PX, [[1, 2]]))
    name, model = examine(path, Wishes(name="mine", labels=('quote " and \\ and ä', "b"), licence="MIT"))
    assert keep_model(name, model, {model.file.file: path}, tmp_path / "models") is False
    return tmp_path / "models"


def test_a_kept_model_is_in_the_catalogue_behind_the_shipped_ones(kept: Path) -> None:
    models = known(kept)
    assert list(models)[-1] == "mine"
    assert next(iter(models)) == "ssd_mobilenet_v2_oid"
    model = models["mine"]
    assert (model.labels, model.file.licence, model.file.sources) == (('quote " and \\ and ä', "b"), "MIT", ())
    assert assets.state_of(model.file, kept) == "ok"
    assert tflite.load("mine", kept).labels == model.labels
    assert not [path for path in kept.rglob("*") if path.name.endswith(".tmp")]


def test_a_kept_model_is_replaced_by_one_of_the_same_name(kept: Path, tmp_path: Path) -> None:
    path = write(tmp_path / "n.tflite", build_copying_model(SIDE_PX, [[1, 3]]))
    name, model = examine(path, Wishes(name="mine", labels=("a", "b", "c")))
    assert keep_model(name, model, {model.file.file: path}, kept) is True
    assert tflite.load("mine", kept).labels == ("a", "b", "c")


def test_an_entry_never_hides_a_shipped_one(kept: Path) -> None:
    text = (kept / "catalogue.toml").read_text().replace("model.mine", "model.ssd_mobilenet_v2_oid")
    (kept / "catalogue.toml").write_text(text)
    shipped = catalogue.catalogue()["ssd_mobilenet_v2_oid"]
    assert known(kept)["ssd_mobilenet_v2_oid"] == shipped
    assert catalogue.find("ssd_mobilenet_v2_oid", kept) == shipped


@pytest.mark.parametrize("damage", ["not toml", "[model.x]\nsummary = 1\n", "[model.x]\nunknown = 1\n"])
def test_a_damaged_catalogue_of_the_user_is_named_and_the_shipped_models_still_work(kept: Path, damage: str) -> None:
    (kept / "catalogue.toml").write_text(damage)
    with pytest.raises(ConfigError, match=r"catalogue\.toml: not a model catalogue"):
        catalogue.find("mine", kept)
    assert catalogue.find("ssd_mobilenet_v2_oid", kept)


def test_a_kept_file_that_is_damaged_later(kept: Path) -> None:
    path = kept / known(kept)["mine"].file.file
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    with pytest.raises(AssetError, match="add it again with `edge models add`"):
        tflite.load("mine", kept)


def test_a_twin_for_the_edge_tpu(tmp_path: Path, shared: Path) -> None:
    model_file = shared / "models" / "mobilenet_v1_0.25_128_quant.tflite"
    twin = shared / "models" / "mobilenet_v1_0.25_128_quant_edgetpu.tflite"
    name, model = examine(model_file, Wishes(edgetpu=twin))
    assert model.edgetpu is not None
    keep_model(name, model, {model.file.file: model_file, model.edgetpu.file: twin}, tmp_path)
    assert assets.state_of(model.edgetpu, tmp_path) == "ok"
    with pytest.raises(DetectorError, match="not compiled for the Edge TPU"):
        examine(model_file, Wishes(edgetpu=model_file))


def test_every_shipped_entry_can_be_written_and_read_back() -> None:
    text = to_toml(catalogue.catalogue())
    assert catalogue.parse_models(text) == catalogue.catalogue()


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("cat\ndog\n", ("cat", "dog")),
        ("0  cat\n2  dog\n", ("cat", "", "dog")),
        ("1 cat\ndog 2\n", ("1 cat", "dog 2")),
        ("", ()),
    ],
)
def test_label_lines(text: str, labels: tuple[str, ...]) -> None:
    assert parse_label_lines(text) == labels


def test_what_travels_in_the_file(tmp_path: Path) -> None:
    older = appended(temp_meta_dot_txt="{'names': {0: 'a', 1: 'b'}, 'license': 'AGPL-3.0'}")
    assert read_appended(write(tmp_path / "a", older)) == (("a", "b"), "AGPL-3.0")
    assert read_appended(write(tmp_path / "b", appended(temp_meta_dot_txt="__import__('os')", x_dot_txt="a\nb"))) == (
        ("a", "b"),
        "",
    )
    assert read_appended(write(tmp_path / "c", ultralytics(["a"])[:-30])) == ((), "")


def test_the_sample_cat_through_an_added_classifier(shared: Path, samples: Path, tmp_path: Path) -> None:
    path = shared / "models" / "mobilenet_v2_1.0_224_quant.tflite"
    name, model = examine(path, Wishes())
    keep_model(name, model, {model.file.file: path}, tmp_path)
    pixels = read_picture(samples / "pictures" / "chelsea.png")
    (found,) = detect(tflite.load(name, tmp_path), Frame("t", 0, pixels, Instant(0, 0)))
    assert found.label in ("Egyptian cat", "tabby, tabby cat", "tiger cat")
