"""File systems of their own, too small on purpose. As root; the test is skipped where they cannot be mounted."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


@contextmanager
def memory_disk(folder: Path, size: str) -> Iterator[Path]:
    """In memory, mounted at a new folder; `size` as mount takes it: `2m`."""
    with _mounted(folder, ["-t", "tmpfs", "-o", f"size={size}", "tmpfs"]):
        yield folder


@contextmanager
def small_card(folder: Path, megabytes: int, *features: str) -> Iterator[Path]:
    """A real ext4 on an image beside the folder; `features` as mkfs.ext4 takes them."""
    image = folder.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(megabytes << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "-m", "0", *features, image], check=True)
    with _mounted(folder, ["-o", "loop", str(image)]):
        yield folder


@contextmanager
def _mounted(folder: Path, words: list[str]) -> Iterator[None]:
    if os.geteuid() != 0:
        pytest.skip("needs root to mount a small file system")
    folder.mkdir()
    done = subprocess.run(["mount", *words, folder], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"cannot mount a small file system: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)
