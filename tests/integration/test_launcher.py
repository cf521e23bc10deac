"""/usr/bin/edge, called by root on a folder that belongs to another user: the program can go on with what was made there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT, environment

USER = 1
"""Some user that every system has and that is not root."""
PASSWORD = "marmalade"

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become another user")


@pytest.fixture
def folder(data_dir: Path) -> Path:
    """Below one that only root can enter, as /root is."""
    data_dir.mkdir()
    os.chown(data_dir, USER, USER)
    data_dir.parent.chmod(0o700)
    return data_dir


def launch(folder: Path, *arguments: object, given: str = "") -> str:
    done = subprocess.run(
        [sys.executable, "-sP", ROOT / "debian/launcher", *map(str, arguments)],
        input=given,
        capture_output=True,
        text=True,
        check=False,
        env={**environment(), "EDGE_DATA": str(folder)},
        cwd=folder.parent,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_what_root_makes_is_the_owners(folder: Path) -> None:
    launch(folder, "--log-level", "warning", "web", "password", "--stdin", given=PASSWORD)
    launch(folder, "work", "enqueue", "recognise-folder", f"folder={folder}")
    made = [path for path in folder.rglob("*") if path.lstat().st_uid != USER]
    assert (folder / "web/access.json").is_file()
    assert (folder / "edge.db").is_file()
    assert made == []


def test_root_still_reads_and_writes_what_only_root_may(folder: Path) -> None:
    (folder.parent / "mine.toml").write_text('[[camera]]\nname = "porch"\nsource = "test:"\n', encoding="utf-8")
    (folder.parent / "mine.toml").chmod(0o600)
    assert 'name = "porch"' in launch(folder, "config", "show", "--config", "mine.toml")


def test_what_changes_the_system_stays_roots(folder: Path) -> None:
    boot, etc = folder.parent / "boot", folder.parent / "etc"
    boot.mkdir()
    launch(folder, "first-boot", "--boot", boot, "--etc", etc, "--data", folder, "--no-apply")
    assert (etc / "hostname").stat().st_uid == 0
