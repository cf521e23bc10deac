"""The stand-in for libedgetpu, compiled when a test needs it."""

import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("fake_edgetpu.c")


def build(folder: Path) -> Path:
    """Compile it; its failing to compile is a failure of the test."""
    if shutil.which("gcc") is None:
        pytest.fail("gcc is missing: scripts/setup --dev installs it")
    library = folder / "libfake_edgetpu.so"
    command = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror", "-o", str(library), str(SOURCE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return library
