"""Packs: zips of pictures and clips as they are, made so that the same files give the same bytes."""

import hashlib
import os
import re
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from edge.errors import BackupError

if TYPE_CHECKING:
    from _typeshed import SupportsRead, SupportsWrite

FULL_BYTES, FULL_FILES = 12_000_000, 4000
"""A pack is closed when it has so much or so many; a larger file has one of its own."""
CHUNK_BYTES = 1 << 18
AT_ONCE_BYTES = 4 << 20
"""A file of at most so much is held in memory whole."""
_TIME = (1980, 1, 1, 0, 0, 0)
_MEMBER = re.compile(r"(pictures/[0-9a-f]{2}/[0-9a-f]{64}\.jpg|clips/[0-9a-f]{2}/[0-9a-f-]{36}\.mp4)")


class Member(NamedTuple):
    """A file of a pack: `name` is its path below the data folder."""

    name: str
    sha256: str
    size_bytes: int


class Written(NamedTuple):
    sha256: str
    size_bytes: int
    members: tuple[Member, ...]
    damaged: tuple[str, ...]
    """Names of those that were not there or not what their rows say; they are not in it."""


def write_pack(target: Path, data_dir: Path, members: Sequence[Member]) -> Written:
    """Write a stored zip, synced.

    Raises:
        OSError: `target` cannot be written.
    """
    good, damaged = list[Member](), list[Member]()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED) as archive:
        for member in members:
            (good if _add(archive, data_dir / member.name, member) else damaged).append(member)
    with target.open("rb") as file:
        os.fsync(file.fileno())
    names = tuple(member.name for member in damaged)
    return Written(hash_of(target), target.stat().st_size, tuple(good), names)


def _add(archive: zipfile.ZipFile, path: Path, member: Member) -> bool:
    """False: the file is not what its row says."""
    info = zipfile.ZipInfo(member.name, _TIME)
    info.external_attr = 0o644 << 16
    try:
        if path.stat().st_size != member.size_bytes:
            return False
        if member.size_bytes <= AT_ONCE_BYTES:
            content = path.read_bytes()
            whole = hashlib.sha256(content).hexdigest() == member.sha256
            if whole:
                archive.writestr(info, content)
            return whole
        if hash_of(path) != member.sha256:
            return False
    except FileNotFoundError:
        return False
    with path.open("rb") as source, archive.open(info, "w") as place:
        copy(source, place)
    return True


def hash_of(path: Path) -> str:
    """sha256 in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def names_in(path: Path) -> list[str]:
    """Raises:
    BackupError: it is no pack, or holds names that no pack has.
    """
    try:
        with path.open("rb") as file:
            return [info.filename for info in members_of(file, path.name)]
    except zipfile.BadZipFile as error:
        raise BackupError(
            f"{path.name}: {error}", hint="it is damaged: `edge backup verify` finds all that are"
        ) from error


def members_of(file: BinaryIO, name: str) -> Iterator[zipfile.ZipInfo]:
    """Raises:
    zipfile.BadZipFile: it is no zip.
    BackupError: it holds names that no pack has.
    """
    with zipfile.ZipFile(file) as archive:
        for info in archive.infolist():
            if not _MEMBER.fullmatch(info.filename):
                raise BackupError(f"{name}: holds {info.filename!r:.100}", hint="this is no pack of ours")
            yield info


def copy(source: "SupportsRead[bytes]", place: "SupportsWrite[bytes]") -> None:
    shutil.copyfileobj(source, place, CHUNK_BYTES)
