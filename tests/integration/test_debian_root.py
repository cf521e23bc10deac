"""`scripts/debian-root` says clearly why it cannot make its root file system, and leaves nothing half made."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts/debian-root"
NOWHERE = "http://127.0.0.1:9/debian"
UNABLE = 3


def run(data: Path, *arguments: str, before: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "EDGE_DATA": str(data), "PYTHON": sys.executable}
    command = [*before, str(SCRIPT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100, env=environment)


def left(data: Path) -> list[str]:
    return [path.name for path in data.glob("root-*")]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to give it up")
def test_it_needs_root(tmp_path: Path) -> None:
    if shutil.which("setpriv") is None or not os.access(SCRIPT, os.X_OK):
        pytest.skip("needs setpriv")
    done = run(tmp_path, "trixie", before=("setpriv", "--reuid=65534", "--clear-groups"))
    assert (done.returncode, left(tmp_path)) == (UNABLE, [])
    assert "needs root" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0 or shutil.which("mmdebstrap") is None, reason="needs root and mmdebstrap")
def test_it_needs_a_mirror_and_throws_away_what_was_half_made(tmp_path: Path) -> None:
    (tmp_path / "root-trixie-0123456789ab.partial/etc").mkdir(parents=True)
    done = run(tmp_path, "trixie", "--mirror", NOWHERE)
    assert (done.returncode, left(tmp_path)) == (UNABLE, [])
    assert f"{NOWHERE} cannot be reached" in done.stderr.splitlines()[-1]


def test_there_is_nothing_to_enter_before_it_is_made(tmp_path: Path) -> None:
    done = run(tmp_path, "enter", "trixie", "true")
    assert done.returncode == 1
    assert "run scripts/debian-root trixie first" in done.stderr


def test_an_unknown_name_is_told_which_there_are(tmp_path: Path) -> None:
    done = run(tmp_path, "sid")
    assert (done.returncode, left(tmp_path)) == (1, [])
    assert "sid: not one of bookworm picamera2 trixie" in done.stderr
