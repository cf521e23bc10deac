"""Factory reset: nothing of the device is left, wherever the power was cut on the way."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from edge import reset
from edge.appliance.problems import NOTES_FILE
from edge.errors import StoreError
from edge.identity import LOCK_FILE, RESET_FILE, device_id
from tests.backup_rig import Card
from tests.support import ROOT, edge, environment

STAYS = {"models/m.tflite": b"weights", "samples/a.jpg": b"sample"}

CUT = """
import os, signal, sys
from pathlib import Path
from edge import reset

def going(name):
    if name == sys.argv[2]:
        os.kill(os.getpid(), signal.SIGKILL)

reset.carry_out(Path(sys.argv[1]), going)
"""


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Events with pictures, a backup that is set up and taken, a password, an id; and what is no secret of anybody."""
    parent = tmp_path_factory.mktemp("used")
    folder = parent / "data"
    card = Card(folder)
    card.add(3)
    card.close()
    device_id(folder)
    edge("backup", "setup", "--type", "local", "--path", parent / "remote", "--data", folder, check=True)
    edge("backup", "now", "--data", folder, check=True)
    edge("web", "token", "phone", "--data", folder, check=True)
    for name, content in STAYS.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    return parent


@pytest.fixture
def data_dir(used: Path, tmp_path: Path) -> Path:
    shutil.copytree(used, tmp_path, dirs_exist_ok=True)
    return tmp_path / "data"


def all_in(folder: Path) -> dict[str, bytes]:
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    return {name: content for name, content in found.items() if name != LOCK_FILE}


def test_everything_goes_and_the_remote_stays(data_dir: Path) -> None:
    remote = all_in(data_dir.parent / "remote")
    assert remote
    assert not reset.carry_out(data_dir), "nobody asked for it"
    assert (data_dir / "edge.db").exists()
    reset.ask(data_dir)
    assert reset.carry_out(data_dir)
    assert all_in(data_dir) == STAYS
    assert all_in(data_dir.parent / "remote") == remote
    assert not reset.carry_out(data_dir)


@pytest.mark.parametrize("step", [*reset.OWN, RESET_FILE])
def test_cut_off_anywhere_the_next_start_finishes_it(data_dir: Path, step: str) -> None:
    reset.ask(data_dir)
    killed = subprocess.run(
        [sys.executable, "-c", CUT, str(data_dir), step], cwd=ROOT, env=environment(), timeout=60, check=False
    )
    assert killed.returncode == -9
    assert reset.is_asked(data_dir)
    assert reset.carry_out(data_dir)
    assert all_in(data_dir) == STAYS


def test_the_command_wants_to_hear_the_devices_id(data_dir: Path) -> None:
    before = all_in(data_dir)
    refused = edge("reset", "--data", data_dir, "--confirm", "no")
    assert refused.returncode == 1
    assert f"the device's id is {device_id(data_dir)}" in refused.stderr
    assert edge("reset", "--data", data_dir).returncode == 1, "nobody is there to be asked"
    assert all_in(data_dir) == before
    done = edge("reset", "--data", data_dir, "--confirm", device_id(data_dir), check=True)
    assert done.stdout == f"{data_dir}: erased\n"
    assert all_in(data_dir) == STAYS


def test_a_folder_in_which_nothing_was_kept_is_left_alone(tmp_path: Path) -> None:
    refused = edge("reset", "--data", tmp_path, "--confirm", "x")
    assert refused.returncode == 1
    assert "nothing has been kept here" in refused.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_flashed_device_is_emptied_by_its_first_boot(data_dir: Path) -> None:
    (data_dir / NOTES_FILE).write_text("{}")
    done = edge("reset", "--data", data_dir, "--confirm", device_id(data_dir), check=True)
    assert done.stdout.endswith("restart it\n")
    with pytest.raises(StoreError, match="restart the device: its first boot does it"):
        reset.carry_out(data_dir)
    assert (data_dir / "edge.db").exists()
