"""Pictures and clips out of packs, into a data folder: each whole or not at all, over a power cut too."""

import mmap
import os
import struct
import zipfile
import zlib
from collections.abc import Collection
from pathlib import Path

from edge.backup.packs import members_of
from edge.errors import BackupError
from edge.files import sync_filesystem

SETTLE_BYTES = 24_000_000
"""Written under temporary names before they are synced together and get their own: what a cut costs at the most."""
_HEAD_BYTES, _LENGTHS_AT = 30, 26
"""Of the local header in front of a member, and where the lengths of its name and of its extra field stand."""


class Unpacker:
    """Puts members of packs below a folder. What was put has its name, and is durable, when the block has ended.

    Raises (all methods):
        BackupError: it is no pack, or holds names that no pack has; others can still be put.
        OSError: the folder cannot be written.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._names: list[str] = []
        self._bytes = 0

    def __enter__(self) -> "Unpacker":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, OSError):
            self._settle()
            sync_filesystem(self._target)

    def put(self, pack: Path, wanted: Collection[str]) -> list[str]:
        """The names of those that the pack has."""
        put = []
        try:
            with pack.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as pages:
                for info in members_of(file, pack.name):
                    if info.filename in wanted:
                        self._write(pages, info)
                        put.append(info.filename)
        except (zipfile.BadZipFile, ValueError, struct.error) as error:  # a pack of no bytes cannot be mapped
            raise BackupError(
                f"{pack.name}: {error}", hint="it is damaged: `edge backup verify` finds all that are"
            ) from error
        if self._bytes >= SETTLE_BYTES:
            self._settle()
        return put

    def _write(self, pages: mmap.mmap, info: zipfile.ZipInfo) -> None:
        # zipfile's own reader costs more for a small picture than the file system does.
        name, extra = struct.unpack_from("<HH", pages, info.header_offset + _LENGTHS_AT)
        begin = info.header_offset + _HEAD_BYTES + name + extra
        with memoryview(pages) as whole, whole[begin : begin + info.file_size] as content:
            if info.compress_type != zipfile.ZIP_STORED or zlib.crc32(content) != info.CRC:
                raise zipfile.BadZipFile(f"{info.filename} is not what it was")
            self._create(_temporary(f"{self._target}/{info.filename}"), content)
        self._names.append(info.filename)
        self._bytes += info.file_size

    @staticmethod
    def _create(path: str, content: memoryview) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        try:
            descriptor = os.open(path, flags, 0o644)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
            descriptor = os.open(path, flags, 0o644)
        try:
            written = 0
            while written < len(content):
                written += os.write(descriptor, content[written:])
        finally:
            os.close(descriptor)

    def _settle(self) -> None:
        if not self._names:
            return
        sync_filesystem(self._target)  # once for all of them, before any of them has its name
        for name in self._names:
            path = f"{self._target}/{name}"
            os.replace(_temporary(path), path)  # noqa: PTH105 - a path object for each of very many files costs more than the rest
        self._names, self._bytes = [], 0


def _temporary(path: str) -> str:
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}.tmp"
