"""The way back: the database first, then files, newest first. Cut off, it goes on where it was: what is there in its size is left."""

import logging
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from edge.backup.fetching import fetch, fetch_all
from edge.backup.format import Manifest, ModelFile, Pack, SnapshotName
from edge.backup.journal import TAKEN, Journal
from edge.backup.rebuild import rebuild
from edge.backup.repository import Repository
from edge.backup.settings import Identity, put_settings
from edge.backup.unpacking import Unpacker
from edge.clock import Clock
from edge.errors import BackupError
from edge.files import make_folder, sync_folder, write_durably
from edge.store.clips import FOLDER_NAME as CLIPS
from edge.store.clips import relative_path
from edge.store.database import FILE_NAME, open_database, translated
from edge.store.pictures import FOLDER_NAME as PICTURES
from edge.store.port import path_of_hash

log = logging.getLogger(__name__)

BUILDING = ".restore"
MARK = "restored-snapshot"
"""File that says of which snapshot the database is."""
Told = Callable[["Step"], None]


class Step(NamedTuple):
    """How far it is."""

    what: str
    packs: int = 0
    of_packs: int = 0
    files: int = 0


class Choice(NamedTuple):
    """Which pictures and clips: all by default. `days` counted from 1970-01-01, both included."""

    days: tuple[int, int] | None = None
    labels: tuple[str, ...] = ()
    database_only: bool = False


class Plan(NamedTuple):
    """What a restore would get."""

    files: int
    size_bytes: int
    packs: int
    packs_bytes: int


class Restored(NamedTuple):
    files: int
    damaged: tuple[str, ...]
    """Packs that are missing or damaged; the rest is there."""


class Placed(NamedTuple):
    """Where the configuration and the files that it names have been put, and names of the models that were."""

    files: tuple[Path, ...]
    models: tuple[str, ...]


class Wanted(NamedTuple):
    pack: int
    name: str
    size_bytes: int


def restore_database(
    repository: Repository,
    name: SnapshotName,
    manifest: Manifest,
    target: Path,
    told: Told = lambda step: None,
    *,
    models_dir: Path | None = None,
    identity: Identity = Identity(),  # noqa: B008 - it is frozen
) -> Placed | None:
    """Put the database, the settings and added models of a snapshot into a folder that has none; None: those of this snapshot are there
    already.

    Args:
        models_dir: default: `models` in the folder.

    Raises:
        BackupError: the remote failed, or the folder has another database.
    """
    mark = target / MARK
    refuse_other(target, name.id)
    if (target / FILE_NAME).exists():
        return None
    make_folder(target)
    building = target / BUILDING
    make_folder(building)
    layers = len(manifest.database)
    built = rebuild(repository, manifest, building, lambda done: told(Step("database", done, layers)))
    models_dir = models_dir or target / "models"
    placed = _put_settings(repository, manifest, target, models_dir, identity)
    models = [model.name for model in manifest.models if _put_model(repository, model, models_dir)]
    write_durably(mark, f"{name.id}\n".encode())
    for ending in ("-wal", "-shm"):  # of a damaged one that was moved away: it would be read into this one
        (target / (FILE_NAME + ending)).unlink(missing_ok=True)
    sync_folder(target)
    built.replace(target / FILE_NAME)  # last: with it the folder is the device's
    sync_folder(target)
    shutil.rmtree(building)
    return Placed(tuple(placed), tuple(models))


def is_restored(target: Path) -> bool:
    """Whether a restore has put the database there, and pictures may be missing."""
    return (target / FILE_NAME).exists() and (target / MARK).exists()


def refuse_other(target: Path, snapshot: str = "") -> None:
    """Raises:
    BackupError: the folder has a database that was not restored from this snapshot (when none is given: from any).
    """
    mark = target / MARK
    restored = mark.read_text(encoding="ascii").strip() if mark.is_file() else ""
    if (target / FILE_NAME).exists() and (not restored or snapshot not in ("", restored)):
        raise BackupError(
            f"{target / FILE_NAME}: there is a database already", hint="restore into an empty folder with --to"
        )


def _put_settings(
    repository: Repository, manifest: Manifest, target: Path, models_dir: Path, identity: Identity
) -> list[Path]:
    if manifest.settings is None:
        return []
    settings = manifest.settings
    packed = fetch(repository, settings.path, settings.sha256, settings.size_bytes)
    placed = put_settings(packed, target, models_dir, identity)
    packed.unlink()
    return placed


def _put_model(repository: Repository, model: ModelFile, models_dir: Path) -> bool:
    """False: it is there already, or cannot be had: the events are worth more."""
    path = models_dir / model.name
    if path.exists():
        return False
    try:
        fetched = fetch(repository, model.path, model.sha256, model.size_bytes)
    except BackupError as error:
        if error.retryable:
            raise
        log.warning("model cannot be restored name=%s error=%s", model.name, error)
        return False
    make_folder(path.parent)
    write_durably(path, fetched.read_bytes())
    fetched.unlink()
    return True


def plan(target: Path, manifest: Manifest, choice: Choice) -> Plan:
    """Of what is not there yet; the database must be."""
    packs = {pack.number: pack for pack in manifest.packs}
    files = size = needed = needed_bytes = 0
    for number, missing in _missing(target, choice):
        needed += 1
        needed_bytes += packs[number].size_bytes if number in packs else 0
        files += len(missing)
        size += sum(wanted.size_bytes for wanted in missing)
    return Plan(files, size, needed, needed_bytes)


def restore_files(
    repository: Repository, manifest: Manifest, target: Path, choice: Choice, told: Told = lambda step: None
) -> Restored:
    """Get the pictures and clips that are not there yet, newest packs first. A damaged pack costs what is in it, no more.

    Raises:
        BackupError: the remote cannot be reached.
    """
    packs = {pack.number: pack for pack in manifest.packs}
    of_packs = len(packs)
    wanted: dict[int, list[str]] = {}
    files, damaged = 0, list[str]()

    def needed() -> Iterator[Pack]:
        for number, missing in _missing(target, choice):
            if number in packs:
                wanted[number] = [each.name for each in missing]
                yield packs[number]

    with Unpacker(target) as unpacker:
        for done, (pack, packed) in enumerate(fetch_all(repository, needed())):
            told(Step("files", done, of_packs, files))
            names = wanted.pop(pack.number)
            try:
                files += len(_put(unpacker, packed, names))
            except BackupError as error:
                log.warning("pack cannot be restored pack=%s files=%d error=%s", pack.path, len(names), error)
                damaged.append(pack.path)
    told(Step("files", of_packs, of_packs, files))
    return Restored(files, tuple(damaged))


def _put(unpacker: Unpacker, packed: Path | BackupError, names: Sequence[str]) -> list[str]:
    if isinstance(packed, BackupError):
        raise packed
    return unpacker.put(packed, frozenset(names))


def _missing(target: Path, choice: Choice) -> Iterator[tuple[int, list[Wanted]]]:
    """Pack by pack, the newest first: what is not in the folder in its size."""
    if choice.database_only:
        return
    for number, files in groupby(_wanted(target, choice), key=lambda wanted: wanted.pack):
        missing = [wanted for wanted in files if not _is_there(f"{target}/{wanted.name}", wanted.size_bytes)]
        if missing:
            yield number, missing


def _is_there(path: str, size_bytes: int) -> bool:
    try:
        return os.stat(path).st_size == size_bytes  # noqa: PTH116 - for very many files
    except OSError:
        return False


def _wanted(target: Path, choice: Choice) -> Iterator[Wanted]:
    """Found at once and kept aside: a query that stays open for hours would keep the log of a running device from being begun anew."""
    terms, values = ["1"], list[object]()
    if choice.days is not None:
        terms.append("e.day BETWEEN ? AND ?")
        values += choice.days
    if choice.labels:
        terms.append(f"e.label IN ({', '.join('?' * len(choice.labels))})")
        values += choice.labels
    where = " AND ".join(terms)
    any_clip = "" if choice.days or choice.labels else "OR NOT EXISTS (SELECT 1 FROM event_clips o WHERE o.clip = c.id)"
    query = f"""CREATE TEMP TABLE wanted AS
        SELECT DISTINCT p.secured, 'picture', p.sha256, p.size_bytes
            FROM event_pictures p JOIN events e ON e.id = p.event WHERE p.secured AND {where}
        UNION ALL SELECT DISTINCT c.secured, 'clip', c.id, c.size_bytes FROM clips c WHERE c.secured AND (EXISTS
            (SELECT 1 FROM event_clips l JOIN events e ON e.id = l.event WHERE l.clip = c.id AND {where}) {any_clip})
        ORDER BY 1 DESC"""  # noqa: S608 - constants and question marks
    connection = open_database(target)
    try:
        with translated(target / FILE_NAME):
            connection.execute(query, (*values, *values))
            for pack, kind, key, size in connection.execute("SELECT * FROM temp.wanted ORDER BY rowid"):
                path = f"{CLIPS}/{relative_path(key)}" if kind == "clip" else f"{PICTURES}/{path_of_hash(key)}"
                yield Wanted(pack, path, size)
    finally:
        connection.close()


def has_taken_over(data_dir: Path) -> bool:
    """Whether this card has begun a lineage since its database was restored."""
    with closing(Journal(data_dir)) as journal:
        return journal.state(TAKEN) == "yes"


def take_over(repository: Repository, data_dir: Path, repository_id: str, clock: Clock) -> None:
    """This card writes from now on, and no other. After the database is in place."""
    heads = repository.heads()
    newest = heads.snapshots[-1] if heads.snapshots else None
    after = max((newest.stamp if newest else "", *(name[:16] for name in heads.lineages)))
    lineage = uuid4().hex
    last = newest.id if newest else ""
    with closing(Journal(data_dir)) as journal:
        journal.set_state(repository=repository_id, lineage=lineage, last=last, pending="")
        repository.begin_lineage(lineage, clock.now().wall_s, after)
        journal.set_state(**{TAKEN: "yes"})
