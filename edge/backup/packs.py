"""Packs: zips of pictures and clips as they are, made so that the same files give the same bytes."""

import hashlib
import os
import re
import shutil
import zipfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from edge.errors import BackupError

if TYPE_CHECKING:
    from _typeshed import SupportsRead, SupportsWrite

FULL_BYTES = 12_000_000
"""A pack is closed when it has so much; a larger file has one of its own."""
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


def unpack(path: Path, target: Path, wanted: Collection[str]) -> list[str]:
    """Put the wanted members of a pack below `target`, each whole or not at all, over a power cut too; the names of those put.

    Raises:
        BackupError: it is no pack, or holds names that no pack has.
        OSError: `target` cannot be written.
    """
    done: list[tuple[str, str]] = []
    try:
        with zipfile.ZipFile(path) as archive:
            for info in _members(archive, path):
                if info.filename in wanted:
                    done.append((_extract(archive, info, str(target)), info.filename))
    except zipfile.BadZipFile as error:
        raise BackupError(
            f"{path.name}: {error}", hint="it is damaged: `edge backup verify` finds all that are"
        ) from error
    os.sync()  # once for all of them, before any of them has its name
    for temporary, name in done:
        os.replace(temporary, f"{target}/{name}")  # noqa: PTH105 - a path object for each of very many files costs more than the rest
    return [name for _, name in done]


def names_in(path: Path) -> list[str]:
    """Raises as `unpack`."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [info.filename for info in _members(archive, path)]
    except zipfile.BadZipFile as error:
        raise BackupError(
            f"{path.name}: {error}", hint="it is damaged: `edge backup verify` finds all that are"
        ) from error


def _members(archive: zipfile.ZipFile, path: Path) -> Iterator[zipfile.ZipInfo]:
    for info in archive.infolist():
        if not _MEMBER.fullmatch(info.filename):
            raise BackupError(f"{path.name}: holds {info.filename!r:.100}", hint="this is no pack of ours")
        yield info


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: str) -> str:
    """The temporary name that it has."""
    folder, _, name = info.filename.rpartition("/")
    temporary = f"{target}/{folder}/.{name}.tmp"
    with archive.open(info) as source, _created(temporary) as place:
        if info.file_size <= AT_ONCE_BYTES:
            place.write(source.read())
        else:
            copy(source, place)
    return temporary


def _created(path: str) -> BinaryIO:
    try:
        return open(path, "wb")  # noqa: PTH123
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)  # noqa: PTH103, PTH120
        return open(path, "wb")  # noqa: PTH123


def copy(source: "SupportsRead[bytes]", place: "SupportsWrite[bytes]") -> None:
    shutil.copyfileobj(source, place, CHUNK_BYTES)
