"""Whether the remote has what the snapshots promise: all by name and size, some by content, and on request by a restore for proof."""

import hashlib
import random
import shutil
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge.backup.fetching import fetch
from edge.backup.format import Manifest, Pack, SnapshotName
from edge.backup.journal import Journal
from edge.backup.packs import names_in
from edge.backup.repository import Repository
from edge.backup.restore import Choice, restore_database, restore_files
from edge.clock import SystemClock, iso_utc
from edge.errors import BackupError
from edge.store.database import FILE_NAME, open_database


class Report(NamedTuple):
    snapshots: int
    files: int
    size_bytes: int
    sampled: int
    problems: tuple[str, ...]


class Proof(NamedTuple):
    snapshot: str
    events: int
    files: int


def verify(repository: Repository, *, sample: int = 3) -> Report:
    """Every manifest is read; every file that one names must be there in its size; `sample` packs are fetched and read whole.

    Raises:
        BackupError: the remote cannot be reached.
    """
    there = {entry.path: entry.size_bytes for entry in repository.remote.list(repository.folder)}
    names = repository.heads().snapshots
    manifests, problems = _manifests(repository, names)
    promised: dict[str, int] = {}
    for manifest in manifests:
        promised.update(manifest.paths)
    problems += [f"{path}: missing" for path in promised if path not in there]
    problems += [
        f"{path}: has {there[path]} bytes where {size} should be"
        for path, size in promised.items()
        if there.get(path, size) != size
    ]
    packs = sorted(
        {pack for manifest in manifests for pack in manifest.packs if there.get(pack.path) == pack.size_bytes}, key=repr
    )
    chosen = random.sample(packs, min(sample, len(packs)))
    problems += filter(None, (_damage(repository, pack) for pack in chosen))
    return Report(len(names), len(promised), sum(promised.values()), len(chosen), tuple(problems))


def _manifests(repository: Repository, names: tuple[SnapshotName, ...]) -> tuple[list[Manifest], list[str]]:
    manifests, problems = [], []
    for name in names:
        try:
            manifests.append(repository.manifest(name))
        except BackupError as error:
            if error.retryable:
                raise
            problems.append(str(error))
    return manifests, problems


def _damage(repository: Repository, pack: Pack) -> str:
    try:
        packed = fetch(repository, pack.path, pack.sha256, pack.size_bytes)
        names = names_in(packed)
        packed.unlink()
    except BackupError as error:
        if error.retryable:
            raise
        return str(error)
    return "" if len(names) == pack.files else f"{pack.path}: holds {len(names)} files where {pack.files} should be"


def drill(data_dir: Path, repository: Repository) -> Proof:
    """Restore the newest database and some pictures into a scratch folder and look at them; the device notes when this succeeded.

    Raises:
        BackupError: it could not be restored, or is not what it should be.
    """
    repository.required()
    heads = repository.heads()
    if not heads.snapshots:
        raise BackupError("there is no snapshot to restore", hint="`edge backup now` takes one")
    name = heads.snapshots[-1]
    manifest = repository.manifest(name)
    folder = repository.remote.scratch / "drill"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        restore_database(repository, name, manifest, folder)
        newest = manifest.packs[-1:]
        done = restore_files(repository, _only(manifest, newest), folder, Choice())
        if done.damaged:
            raise BackupError(
                f"{done.damaged[0]}: cannot be restored", hint="`edge backup verify` finds all that are damaged"
            )
        _compare(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    with closing(Journal(data_dir)) as journal:
        journal.set_state(proven=iso_utc(SystemClock().now().wall_s))
    return Proof(name.stamp, manifest.events, done.files)


def _only(manifest: Manifest, packs: tuple[Pack, ...]) -> Manifest:
    return msgspec.structs.replace(manifest, packs=packs)


def _compare(folder: Path) -> None:
    for path in (folder / "pictures").rglob("*.jpg"):
        if hashlib.sha256(path.read_bytes()).hexdigest() != path.stem:
            raise BackupError(f"{path.name}: restored with another content", hint="`edge backup verify --sample 1000`")
    with closing(open_database(folder)) as connection:
        (said,) = connection.execute("PRAGMA integrity_check").fetchone()
    if said != "ok":
        raise BackupError(f"{FILE_NAME}: restored damaged: {said}", hint="take a new snapshot")
