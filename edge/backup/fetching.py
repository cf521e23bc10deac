"""Files of a snapshot on their way here: each with the content that its name promises."""

import shutil
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

from edge.backup.packs import hash_of
from edge.backup.repository import Repository
from edge.errors import BackupError

AHEAD = "ahead"
"""Folder below the scratch folder; files in it lie as on the remote."""
BATCH_BYTES = 36_000_000
"""Fetched with one command; as much again lies there while it is used."""


class Part(Protocol):
    """A file that a manifest names."""

    @property
    def path(self) -> str: ...
    @property
    def sha256(self) -> str: ...
    @property
    def size_bytes(self) -> int: ...


AnyPart = TypeVar("AnyPart", bound=Part)


def fetch(repository: Repository, path: str, sha256: str, size_bytes: int) -> Path:
    """A file of the snapshot, in the scratch folder.

    Raises:
        BackupError: it is missing, or another.
    """
    file = repository.remote.get(f"{repository.folder}/{path}", "fetched.tmp", size_bytes)
    if hash_of(file) != sha256:
        file.unlink()
        raise BackupError(f"{path}: its content is not what its name says", hint="another snapshot may do without it")
    return file


def fetch_all(repository: Repository, parts: Iterable[AnyPart]) -> Iterator[tuple[AnyPart, Path | BackupError]]:
    """Each with its file in the scratch folder, or with what is wrong with it. The file goes when the next one is asked for.

    Several come with one command, since rclone takes longer to start than a small file to come, and in a thread of its own, while those
    before are used. `parts` is read a batch ahead, in the caller's thread.

    Raises:
        BackupError: the remote cannot be reached.
    """
    folder = repository.remote.scratch / AHEAD
    shutil.rmtree(folder, ignore_errors=True)
    batches = _batches(parts)
    coming: Future[list[tuple[AnyPart, Path | BackupError]]] | None = None
    with ThreadPoolExecutor(1, "fetch") as thread:
        try:
            for batch in batches:
                got = coming.result() if coming else []
                coming = thread.submit(_get, repository, batch)
                yield from _handed_out(got)
            if coming:
                yield from _handed_out(coming.result())
        except BaseException:
            if coming and not coming.done():
                repository.remote.stop()  # nobody waits for it any more
            raise
    shutil.rmtree(folder, ignore_errors=True)


def _batches(parts: Iterable[AnyPart]) -> Iterator[list[AnyPart]]:
    batch: list[AnyPart] = []
    size = 0
    for part in parts:
        if batch and size + part.size_bytes > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(part)
        size += part.size_bytes
    if batch:
        yield batch


def _get(repository: Repository, batch: list[AnyPart]) -> list[tuple[AnyPart, Path | BackupError]]:
    paths = [part.path for part in batch]
    try:
        repository.remote.get_all(repository.folder, paths, AHEAD, sum(part.size_bytes for part in batch))
    except BackupError as error:
        if error.retryable:
            raise
    return [(part, _whole(repository, part)) for part in batch]


def _whole(repository: Repository, part: Part) -> Path | BackupError:
    """What has not come with the others is asked for alone, which tells why."""
    file = repository.remote.scratch / AHEAD / part.path
    try:
        if not (file.is_file() and hash_of(file) == part.sha256):
            file.parent.mkdir(parents=True, exist_ok=True)
            fetch(repository, part.path, part.sha256, part.size_bytes).replace(file)
    except BackupError as error:
        if error.retryable:
            raise
        return error
    return file


def _handed_out(got: list[tuple[AnyPart, Path | BackupError]]) -> Iterator[tuple[AnyPart, Path | BackupError]]:
    for part, file in got:
        yield part, file
        if isinstance(file, Path):
            file.unlink(missing_ok=True)
