"""What the comparison of two builds sees."""

import os
from pathlib import Path

import pytest

from scripts.image.compare import roots
from scripts.image.running import ImageError


def tree(folder: Path) -> Path:
    root = folder / "root"
    (root / "etc").mkdir(parents=True)
    (root / "etc/hostname").write_text("edge")
    (root / "bin").symlink_to("usr/bin")
    for path in (root / "etc/hostname", root / "etc", root / "bin"):
        os.utime(path, (0, 0), follow_symlinks=False)
    return root


def test_equal_trees_are_the_same(tmp_path: Path) -> None:
    assert list(roots(tree(tmp_path / "a"), tree(tmp_path / "b"))) == []


def test_every_difference_is_named(tmp_path: Path) -> None:
    one, other = tree(tmp_path / "a"), tree(tmp_path / "b")
    (other / "etc/hostname").write_text("EDGE")
    os.utime(other / "etc/hostname", (0, 0))
    (other / "etc").chmod(0o700)
    (other / "bin").unlink()
    (other / "bin").symlink_to("bin2")
    os.utime(other / "bin", (5, 5), follow_symlinks=False)
    (one / "lost").touch()
    (other / "found").touch()
    os.utime(other / "etc", (0, 0))
    assert list(roots(one, other)) == [
        "bin: date, target",
        "etc: kind and mode",
        "etc/hostname: content",
        f"found: only in {tmp_path / 'b'}",
        f"lost: only in {tmp_path / 'a'}",
    ]


def test_a_build_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="no root"):
        list(roots(tmp_path / "a", tmp_path / "b"))
