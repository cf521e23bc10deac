"""The picamera2 camera on the real picamera2, libcamera and Python 3.13, in a Debian trixie root file system.

Each test function of `tests/trixie/check_*.py` is a test here, run in a process of its own in there.
"""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts/debian-root"
CHECKS = ROOT / "tests/trixie"
UNABLE = 3
MAKING_S, RUNNING_S = 900, 150

pytestmark = pytest.mark.timeout(MAKING_S + RUNNING_S)


def checks() -> Iterator[str]:
    for path in sorted(CHECKS.glob("check_*.py")):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                yield f"{path.name}::{node.name}"


def run(*arguments: object, base_dir: Path, timeout_s: float) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "EDGE_DATA": str(base_dir), "PYTHON": sys.executable}
    command = [str(SCRIPT), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=timeout_s, env=environment)


@pytest.fixture(scope="session")
def trixie(base_dir: Path) -> Path:
    """Makes the root file system where it is not there yet, which takes a minute or two; the data folder that holds it."""
    made = run("picamera2", base_dir=base_dir, timeout_s=MAKING_S)
    if made.returncode == UNABLE:
        pytest.skip(made.stderr.strip().splitlines()[-1])
    assert made.returncode == 0, made.stderr
    return base_dir


@pytest.mark.parametrize("check", list(checks()))
def test_in_trixie(trixie: Path, check: str) -> None:
    binds = {ROOT: "checkout", trixie / "models": "models", trixie / "samples/pictures": "pictures"}
    options = [word for source, to in binds.items() for word in ("--bind", f"{source}:/run/{to}")]
    inside = "/run/checkout/tests/trixie"
    command = [f"{inside}/run", "python3", "-m", "pytest", "-q", "-c", f"{inside}/pytest.ini", f"{inside}/{check}"]
    done = run("enter", "picamera2", *options, *command, base_dir=trixie, timeout_s=RUNNING_S)
    assert done.returncode == 0, done.stdout + done.stderr
