"""The printed parts of the enclosure, made by OpenSCAD, are bodies that a printer can make."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import trimesh

from hardware.enclosure import parts, pictures, variables
from hardware.pinout import BUILDS, load

pytestmark = pytest.mark.skipif(shutil.which("openscad") is None, reason="OpenSCAD is not installed")

COARSE = {"$fn": "8"}
"""Fewer corners to a circle: the same shape, made in a fifth of the time."""


def bodies(mesh: trimesh.Trimesh) -> int:
    """How many parts hang together."""
    label = np.arange(len(mesh.faces))
    one, other = mesh.face_adjacency.T
    while True:
        lower = label.copy()
        least = np.minimum(label[one], label[other])
        np.minimum.at(lower, one, least)
        np.minimum.at(lower, other, least)
        if (lower == label).all():
            return len(np.unique(label))
        label = lower[lower]


@pytest.mark.parametrize(("path", "command"), [(path, command) for path, command in parts(Path(), **COARSE).items()])
def test_each_part_is_one_watertight_body(tmp_path: Path, path: Path, command: list[str]) -> None:
    made = tmp_path / path.name
    subprocess.run([str(made) if word == str(path) else word for word in command], check=True, timeout=100)
    mesh = trimesh.load_mesh(made)
    assert mesh.is_watertight
    assert mesh.is_winding_consistent
    assert mesh.volume > 10_000  # mm³: not inside out, and not a scrap
    assert bodies(mesh) == 1
    assert max(mesh.extents) < 180, "fits a small printer"


def test_a_box_too_narrow_for_its_board_is_refused(tmp_path: Path) -> None:
    command = parts(tmp_path, room_side="6", **COARSE)[tmp_path / "shop-base.stl"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode != 0
    assert "more room_side" in done.stderr


def test_more_buttons_than_fit_are_refused(tmp_path: Path) -> None:
    command = parts(tmp_path, buttons="6", **COARSE)[tmp_path / "shop-lid.stl"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode != 0
    assert "the buttons do not fit" in done.stderr


def test_the_lid_has_the_holes_of_its_build() -> None:
    functions = load()
    made = {build: variables(build, functions) for build in BUILDS}
    holes = {build: (each["buttons"], each["lights"], each["pir"]) for build, each in made.items()}
    assert holes == {"wildlife": ("3", "2", "true"), "house": ("4", "2", "true"), "shop": ("2", "2", "false")}


def test_each_build_has_its_picture() -> None:
    folder = Path(__file__).parents[2] / "docs" / "pictures"
    assert len(BUILDS) == len(pictures(folder))
    assert all(path.is_file() for path in pictures(folder))
