"""Packs: zips of pictures and clips as they are, made so that the same files give the same bytes."""

import hashlib
import os
import re
import shutil
import zipfile
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from edge.errors import BackupError

if TYPE_CHECKING:
    from _typeshed import SupportsRead, SupportsWrite

FULL_BYTES = 12_000_000
"""A pack is closed when it has so much; a larger file has one of its own."""
CHUNK_BYTES = 1 << 18
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
            (good if _is_whole(data_dir / member.name, member) else damaged).append(member)
        for member in good:
            info = zipfile.ZipInfo(member.name, _TIME)
            info.external_attr = 0o644 << 16
            with (data_dir / member.name).open("rb") as source, archive.open(info, "w") as place:
                copy(source, place)
    with target.open("rb") as file:
        os.fsync(file.fileno())
    names = tuple(member.name for member in damaged)
    return Written(hash_of(target), target.stat().st_size, tuple(good), names)


def _is_whole(path: Path, member: Member) -> bool:
    try:
        return path.stat().st_size == member.size_bytes and hash_of(path) == member.sha256
    except OSError:
        return False


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
    done: list[tuple[Path, Path]] = []
    try:
        with zipfile.ZipFile(path) as archive:
            for info in _members(archive, path):
                if info.filename in wanted:
                    done.append(_extract(archive, info, target))
    except zipfile.BadZipFile as error:
        raise BackupError(
            f"{path.name}: {error}", hint="it is damaged: `edge backup verify` finds all that are"
        ) from error
    os.sync()  # once for all of them, before any of them has its name
    for temporary, final in done:
        temporary.replace(final)
    return [str(final.relative_to(target)) for _, final in done]


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


def _extract(archive: zipfile.ZipFile, info: zipfile.ZipInfo, target: Path) -> tuple[Path, Path]:
    final = target / info.filename
    final.parent.mkdir(parents=True, exist_ok=True)
    temporary = final.with_name(f".{final.name}.tmp")
    with archive.open(info) as source, temporary.open("wb") as place:
        copy(source, place)
    return temporary, final


def copy(source: "SupportsRead[bytes]", place: "SupportsWrite[bytes]") -> None:
    shutil.copyfileobj(source, place, CHUNK_BYTES)
