"""The model catalogue: what models there are, where they come from, how they are fed and read."""

import tomllib
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Literal

import msgspec

from edge import assets
from edge.assets import Asset
from edge.errors import AssetError, ConfigError

DEFAULT_DETECTOR = "ssd_mobilenet_v2_oid"
ADDED_FILE = "catalogue.toml"
"""In the models folder: the user's own entries."""

Family = Literal["ssd_raw", "ssd_postprocess", "classification", "pose", "yolov5", "yolov8", "yolov10"]
Task = Literal["detection", "classification", "pose"]
Fit = Literal["letterbox", "stretch", "crop"]


class Anchors(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The grid of default boxes that an SSD without a post-processing op was trained on."""

    strides: tuple[int, ...]
    min_scale: float
    max_scale: float
    aspects: tuple[float, ...] = (1.0, 2.0, 0.5, 3.0, 1 / 3)
    lowest_layer_scale: float = 0.1
    box_scale: tuple[float, float, float, float] = (10.0, 10.0, 5.0, 5.0)


class Model(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry of the catalogue.

    `mean` and `scale` turn a pixel 0..255 into a float input: (pixel - mean) / scale. Quantised inputs take the pixel as it is.
    `box_unit` is what the boxes of a YOLO network are measured in.
    `parts` are labels of what things wear or are made of: of interest only when the configuration names them.
    `edgetpu` is the same network compiled for the Edge TPU; both are read alike.
    """

    summary: str
    task: Task
    family: Family
    file: Asset
    labels: tuple[str, ...] = ()
    label_file: Asset | None = None
    label_style: Literal["plain", "numbered"] = "plain"
    background: str = ""
    mean: float = 127.5
    scale: float = 127.5
    fit: Fit = "stretch"
    threshold: float = 0.5
    thresholds: dict[str, float] = {}
    parts: tuple[str, ...] = ()
    anchors: Anchors | None = None
    box_unit: Literal["normalised", "pixels"] = "normalised"
    edgetpu: Asset | None = None

    @property
    def assets(self) -> tuple[Asset, ...]:
        """What must be there to run it on the CPU."""
        return (self.file,) if self.label_file is None else (self.file, self.label_file)


@cache
def catalogue() -> dict[str, Model]:
    text = resources.files("edge.recognition").joinpath("catalogue.toml").read_text(encoding="utf-8")
    return parse_models(text)


def known(folder: Path) -> dict[str, Model]:
    """The shipped catalogue and behind it what the user added to the models folder; a shipped name is never replaced.

    Raises:
        ConfigError: the user's catalogue is damaged.
    """
    shipped = catalogue()
    return shipped | {name: model for name, model in added(folder).items() if name not in shipped}


def added(folder: Path) -> dict[str, Model]:
    """What `edge models add` has put into the models folder.

    Raises:
        ConfigError: its catalogue cannot be read.
    """
    path = folder / ADDED_FILE
    try:
        return parse_models(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:  # also what tomllib and msgspec raise
        raise ConfigError(
            f"{path}: not a model catalogue: {error}", hint="mend it, or move it away and add the models again"
        ) from error


def parse_models(text: str) -> dict[str, Model]:
    return msgspec.convert(tomllib.loads(text).get("model", {}), dict[str, Model])


def find(name: str, folder: Path | None = None) -> Model:
    """The entry of that name; with `folder` also those that were added there.

    Raises:
        ConfigError: no such model; the hint names the nearest. Or the user's catalogue is damaged.
    """
    import difflib

    if (shipped := catalogue().get(name)) is not None:
        return shipped
    models = known(folder) if folder is not None else catalogue()
    if name in models:
        return models[name]
    near = difflib.get_close_matches(name, models, n=1)
    hint = f"did you mean {near[0]!r}?" if near else "`edge models list` shows all"
    raise ConfigError(f"model {name!r}: not in the catalogue", hint=hint)


def require(name: str, folder: Path) -> tuple[Path, tuple[str, ...]]:
    """The model's file, checked, and its labels by class number.

    Raises:
        ConfigError: no such model.
        AssetError: a file is missing or damaged.
    """
    model = find(name, folder)
    hint = f"get it with `edge models pull {name}`" if model.file.sources else "add it again with `edge models add`"
    path = assets.require(model.file, folder, hint=hint)
    if model.label_file is None:
        return path, model.labels
    label_path = assets.require(model.label_file, folder, hint=hint)
    return path, parse_labels(label_path.read_text(encoding="utf-8"), model.label_style)


def parse_labels(text: str, style: Literal["plain", "numbered"]) -> tuple[str, ...]:
    """One label a line; `numbered` lines read `17  cat` and may leave numbers out."""
    lines = [line.strip() for line in text.splitlines()]
    if style == "plain":
        return tuple(lines)
    numbered: dict[int, str] = {}
    for line in filter(None, lines):
        number, _, label = line.partition(" ")
        if not number.isdigit():
            raise AssetError(f"label file: line {line!r} does not begin with a number")
        numbered[int(number)] = label.strip()
    return tuple(numbered.get(index, "") for index in range(max(numbered, default=-1) + 1))
