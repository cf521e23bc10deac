"""Sample video and pictures."""

import tomllib
from importlib import resources
from pathlib import Path

import msgspec

from edge.assets import Asset

VIDEO = "bikes.mp4"
PICTURES = "pictures"


def samples() -> tuple[Asset, ...]:
    text = resources.files("edge.demo").joinpath("samples.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text)["sample"], tuple[Asset, ...])


def samples_dir(data_dir: Path) -> Path:
    return data_dir / "samples"
