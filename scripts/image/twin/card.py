"""A card's image as the world outside sees it: its FAT partitions, read and written as a card reader would."""

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path

from scripts.image.layout import Layout, Partition
from scripts.image.running import ImageError, run

SECTOR_BYTES = 512


class Card:
    """A raw image. Nothing may run from it while it is written to."""

    def __init__(self, path: Path, layout: Layout) -> None:
        self.path = path
        self.layout = layout

    @classmethod
    def flash(cls, image: Path, path: Path, layout: Layout, size_bytes: int) -> "Card":
        """A new card of that size with the image on it, as flashing makes it; its holes take no room."""
        run(["cp", "--sparse=always", "--reflink=auto", image, path])
        os.truncate(path, size_bytes)
        return cls(path, layout)

    def copy(self, path: Path) -> "Card":
        run(["cp", "--sparse=always", "--reflink=auto", self.path, path])
        return Card(path, self.layout)

    def read(self, partition: Partition, name: str) -> bytes:
        """A file of a FAT partition.

        Raises:
            ImageError: there is none.
        """
        with tempfile.TemporaryDirectory(prefix="edge-card-") as folder:
            run(
                ["mcopy", "-n", "-i", self._address(partition), f"::{name}", Path(folder) / "file"],
                hint=f"{partition.label}: {name}",
            )
            return (Path(folder) / "file").read_bytes()

    def has(self, partition: Partition, name: str) -> bool:
        try:
            self.read(partition, name)
            return True
        except ImageError:
            return False

    def write(self, partition: Partition, name: str, content: bytes) -> None:
        """Lay a file onto a FAT partition, as the owner does with edge.toml."""
        with tempfile.TemporaryDirectory(prefix="edge-card-") as folder:
            (Path(folder) / "file").write_bytes(content)
            run(["mcopy", "-o", "-i", self._address(partition), Path(folder) / "file", f"::{name}"])

    def _address(self, partition: Partition) -> str:
        return f"{self.path}@@{partition_offset_bytes(self.path, partition)}"


def partition_offset_bytes(image: Path, partition: Partition) -> int:
    table = json.loads(run(["sfdisk", "--json", image]))["partitiontable"]
    return int(table["partitions"][partition.number - 1]["start"]) * SECTOR_BYTES


def stick(path: Path, files: Mapping[str, bytes | Path], size_mib: int = 64) -> Path:
    """A USB stick's content: a FAT image with files, given by what is in them or from where they are copied."""
    with tempfile.TemporaryDirectory(prefix="edge-stick-") as folder:
        path.unlink(missing_ok=True)
        run(["mkfs.vfat", "-C", "-n", "STICK", path, str(size_mib * 1024)])
        for name, content in files.items():
            source = content if isinstance(content, Path) else Path(folder) / "file"
            if isinstance(content, bytes):
                source.write_bytes(content)
            run(["mcopy", "-i", path, source, f"::{name}"])
    return path
