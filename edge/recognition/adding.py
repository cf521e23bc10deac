"""A model file that a user brings: what it is, and whether it can be read."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from edge.assets import Asset
from edge.errors import ConfigError, DetectorError
from edge.recognition.appended import parse_label_lines, read_appended
from edge.recognition.catalogue import DEFAULT_DETECTOR, Family, Fit, Model, Task, catalogue
from edge.recognition.pose import OUTPUT as POSE_OUTPUT
from edge.recognition.readers import input_size
from edge.recognition.runtime import Interpreter
from edge.recognition.ssd import make_anchors
from edge.recognition.tflite import TfliteDetector
from edge.recognition.yolo import LAYOUTS, Shape, guess

ADDED_FOLDER = "added"
"""In the models folder, so that no file of the shipped catalogue is ever written over."""
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,79}")
EDGETPU_OP = b"edgetpu-custom-op"
DTYPES = (np.uint8, np.int8, np.float32)
TASKS: dict[str, Task] = {"classification": "classification", "pose": "pose"}
FITS: dict[str, Fit] = {"classification": "stretch", "ssd_postprocess": "stretch"}
"""How pictures were fed in training, where it was not with their aspect kept."""
UNKNOWN_LICENCE = "unknown"
TOLERANCE = 0.02
"""Quantised scores may be a step beyond 0 or 1."""
NORMALISED_REACH = 2.0
"""Corners beyond this are pixels."""


class Wishes(NamedTuple):
    """What the user says of the file, before what is guessed."""

    name: str = ""
    labels: tuple[str, ...] = ()
    family: Family | None = None
    licence: str = ""
    mean: float | None = None
    scale: float | None = None
    edgetpu: Path | None = None


class Guess(NamedTuple):
    family: Family
    classes: int | None
    """None: the outputs do not tell."""


def examine(path: Path, wishes: Wishes) -> tuple[str, Model]:
    """The name and entry that the file would get. It has been run once, on grey, when this returns.

    Raises:
        DetectorError: it is no TFLite model for the CPU, or cannot be decoded; says why and what would help.
        ConfigError: its name cannot be used.
    """
    content = read_model(path)
    if EDGETPU_OP in content:
        hint = "give the model that it was compiled from, and this one with --edgetpu"
        raise DetectorError(f"{path}: is compiled for the Edge TPU", hint=hint)
    interpreter = Interpreter(path)
    input_size(interpreter)
    if interpreter.input["dtype"] not in DTYPES:
        hint = "export it with uint8, int8 or float32 input"
        raise DetectorError(f"{path}: its input is {interpreter.input['dtype'].__name__}", hint=hint)
    found = guess_family(interpreter, wishes.family)
    run_on_grey(interpreter)
    check_scores(path, interpreter, found.family)
    name = settle_name(path, wishes.name)
    model = _entry(path, content, name, found, wishes, interpreter)
    TfliteDetector(name, model, path, model.labels, threads=1)  # binds the reader: refuses outputs that do not fit
    return name, model


def _entry(path: Path, content: bytes, name: str, found: Guess, wishes: Wishes, interpreter: Interpreter) -> Model:
    family = found.family
    appended = read_appended(path)
    labels = settle_labels(path, found, wishes.labels or appended.labels)
    licence = wishes.licence or appended.licence or _shipped_licence(content) or UNKNOWN_LICENCE
    width, height = input_size(interpreter)
    middle, reach = (0.0, 255.0) if family in LAYOUTS else (127.5, 127.5)
    return Model(
        summary=f"added from {path.name}: {family}, {width}×{height}, {len(labels)} labels",
        task=TASKS.get(family, "detection"),
        family=family,
        file=asset_of(content, f"{ADDED_FOLDER}/{name}.tflite", licence),
        labels=labels,
        background="background" if "background" in labels else "",
        mean=middle if wishes.mean is None else wishes.mean,
        scale=reach if wishes.scale is None else wishes.scale,
        fit=FITS.get(family, "letterbox"),
        threshold=0.3 if family in TASKS else 0.5,
        anchors=catalogue()[DEFAULT_DETECTOR].anchors if family == "ssd_raw" else None,
        box_unit="pixels" if family in LAYOUTS and _boxes_are_pixels(interpreter, family) else "normalised",
        edgetpu=_twin(wishes.edgetpu, name, licence),
    )


def read_model(path: Path) -> bytes:
    """Raises:
    DetectorError: the file cannot be read or is not TFLite.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DetectorError(f"{path}: cannot be read: {error.strerror}", hint="check the path") from error
    if content[4:8] != b"TFL3":
        raise DetectorError(f"{path}: not a TFLite model", hint="export it as .tflite")
    return content


def guess_family(interpreter: Interpreter, wish: Family | None) -> Guess:
    """Tell the family from the graph's last op and the shapes of its outputs.

    Raises:
        DetectorError: none fits, or not the one that was wished for.
    """
    shapes = [tuple(int(length) for length in detail["shape"]) for detail in interpreter.outputs]
    fitting = [found for found in _candidates(interpreter, shapes, wish) if wish in (None, found.family)]
    if fitting:
        return fitting[0]
    wanted = f"family {wish}" if wish else "any family that is known"
    hint = "known: classification [1, n], pose [1, 1, 17, 3], SSD with or without post-processing, YOLO v5, v8, v10 with one output"
    raise DetectorError(f"outputs of shape {', '.join(map(str, shapes))} do not fit {wanted}", hint=hint)


def _candidates(interpreter: Interpreter, shapes: Sequence[Shape], wish: Family | None) -> list[Guess]:
    if len(shapes) == 4 and _has_postprocessing(interpreter):
        return [Guess("ssd_postprocess", None)]
    if len(shapes) == 2:
        return _raw_ssd(interpreter, shapes)
    if len(shapes) != 1:
        return []
    (shape,) = shapes
    if shape == POSE_OUTPUT:
        return [Guess("pose", 1)]
    if len(shape) == 2 and shape[1] > 1:
        return [Guess("classification", shape[1])]
    return _yolo(interpreter, shape, wish)


def _has_postprocessing(interpreter: Interpreter) -> bool:
    try:
        return bool(interpreter.postprocess_outputs())
    except DetectorError:
        return False


def _raw_ssd(interpreter: Interpreter, shapes: Sequence[Shape]) -> list[Guess]:
    """Boxes and classes over the anchors that the default detector has too."""
    settings = catalogue()[DEFAULT_DETECTOR].anchors
    if settings is None or any(len(shape) != 3 for shape in shapes):
        return []
    anchors = len(make_anchors(settings, input_size(interpreter)))
    boxes, classes = sorted(shapes, key=lambda shape: shape[2] != 4)
    fits = boxes == (1, anchors, 4) and classes[:2] == (1, anchors)
    return [Guess("ssd_raw", classes[2])] if fits else []


def _yolo(interpreter: Interpreter, shape: Shape, wish: Family | None) -> list[Guess]:
    """What the number of boxes tells; a wish needs only a shape that allows it."""
    if wish is None:
        likely = guess(shape, input_size(interpreter))
        return [Guess(*likely)] if likely is not None else []
    if len(shape) != 3:
        return []
    allowed = {"yolov5": shape[2] - 5, "yolov8": shape[1] - 4, "yolov10": 1 if shape[2] == 6 else 0}
    classes = allowed.get(wish, 0)
    return [Guess(wish, None if wish == "yolov10" else classes)] if classes > 0 else []


def run_on_grey(interpreter: Interpreter) -> None:
    """Raises:
    DetectorError: the model loads, but cannot be run.
    """
    shape, dtype = tuple(interpreter.input["shape"]), interpreter.input["dtype"]
    interpreter.run(np.full(shape, {np.uint8: 127, np.int8: 0}.get(dtype, 0.5)).astype(dtype))


def check_scores(path: Path, interpreter: Interpreter, family: Family) -> None:
    """Look at what `run_on_grey` left.

    Raises:
        DetectorError: the scores are no probabilities.
    """
    if family == "classification":
        scores = interpreter.output(0)
    elif family in LAYOUTS:
        scores = LAYOUTS[family].split(interpreter.output(0)).scores
    else:
        return
    low, high = float(np.min(scores)), float(np.max(scores))
    if low < -TOLERANCE or high > 1 + TOLERANCE:
        hint = "export it with its last activation (softmax or sigmoid), or name another --family"
        raise DetectorError(f"{path}: its scores reach from {low:.2f} to {high:.2f}, not from 0 to 1", hint=hint)


def _boxes_are_pixels(interpreter: Interpreter, family: Family) -> bool:
    """Look at what `run_on_grey` left: the grid of boxes covers the input whatever is in the picture."""
    return float(np.max(LAYOUTS[family].split(interpreter.output(0)).corners)) > NORMALISED_REACH


def settle_labels(path: Path, found: Guess, labels: tuple[str, ...]) -> tuple[str, ...]:
    """Raises:
    DetectorError: there are none, or another number than the model has classes.
    """
    if found.family == "pose":
        return ("Person",)
    if not labels:
        wanted = f"{found.classes} labels" if found.classes else "the labels of its classes"
        raise DetectorError(f"{path}: carries no labels", hint=f"give {wanted} with --labels FILE, one a line")
    if found.classes is not None and len(labels) != found.classes:
        raise DetectorError(
            f"{path}: has {found.classes} classes, and there are {len(labels)} labels",
            hint="give the right list with --labels FILE",
        )
    return labels


def read_label_file(path: Path) -> tuple[str, ...]:
    """Raises:
    DetectorError: it cannot be read.
    """
    try:
        return parse_label_lines(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise DetectorError(
            f"{path}: labels cannot be read: {error}", hint="give a text file, one label a line"
        ) from error


def settle_name(path: Path, wish: str) -> str:
    """The wish, else the file's name as a model's name.

    Raises:
        ConfigError: the wish is no name, or that of a shipped model.
    """
    name = wish or _default_name(path)
    if not NAME.fullmatch(name):
        raise ConfigError(f"--name {name!r}: not a model's name", hint="use a-z, 0-9, _ and -")
    if name in catalogue():
        raise ConfigError(f"model {name!r}: the catalogue has one of that name", hint="give another name with --name")
    return name


def _default_name(path: Path) -> str:
    kept = "".join(letter if letter.isascii() and letter.isalnum() else "_" for letter in path.stem.lower())
    return kept.strip("_")[:80] or "model"


def asset_of(content: bytes, file: str, licence: str) -> Asset:
    return Asset(
        file=file, licence=licence, sources=(), size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest()
    )


def _shipped_licence(content: bytes) -> str:
    """The licence of the shipped catalogue's file that this is a copy of, if it is one."""
    sha256 = hashlib.sha256(content).hexdigest()
    return next((model.file.licence for model in catalogue().values() if model.file.sha256 == sha256), "")


def _twin(path: Path | None, name: str, licence: str) -> Asset | None:
    if path is None:
        return None
    content = read_model(path)
    if EDGETPU_OP not in content:
        raise DetectorError(
            f"{path}: is not compiled for the Edge TPU", hint="compile it with edgetpu_compiler, or leave --edgetpu out"
        )
    return asset_of(content, f"{ADDED_FOLDER}/{name}_edgetpu.tflite", licence)
