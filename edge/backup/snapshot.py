"""Takes a snapshot: packs, then the database, then the manifest. What was cut off is done again and finds on the remote what is there."""

import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from edge.assets import Asset, matches
from edge.backup.belongings import Belongings, added_models, belongings_of
from edge.backup.format import Layer, Manifest, ModelFile, Pack, Settings, SnapshotName, encode, name_of, stamp_of
from edge.backup.journal import Journal, Unsecured
from edge.backup.packs import FULL_BYTES, FULL_FILES, write_pack
from edge.backup.repository import PROGRAM, SPOOL, Repository, lineage_of, next_stamp
from edge.backup.rows import needs_copy, schema_of, write_copy, write_rows
from edge.backup.settings import write_settings
from edge.clock import Clock, iso_utc, local_day
from edge.errors import BackupError

log = logging.getLogger(__name__)

BATCH = 3
"""Packs that are spooled on the card at once."""
PENDING = 8
"""Ids of snapshots that were begun and may still arrive."""
Report = Callable[[str, int], None]
"""Told the step, and the number of files done so far."""


class Taken(NamedTuple):
    """What a run has done. `name` is None when nothing was new; `mirrored`: files that the plain mirror got."""

    name: SnapshotName | None
    files: int = 0
    packs: int = 0
    database: str = ""
    damaged: int = 0
    mirrored: int = 0


class _Ready(NamedTuple):
    """A pack in the spool, without its number, and what it holds."""

    pack: Pack
    files: list[Unsecured]


class Snapshotter:
    """One run.

    Raises:
        BackupError: the remote failed, or belongs to another card. Another run goes on from there.
        StoreError: the database failed.

    Args:
        repository_id: what the marker on the remote must say; it is made with it when this is the first run.
        rows_only: leave pictures and clips to a later run.
        report: called between steps; may raise to stop.
    """

    def __init__(
        self,
        data_dir: Path,
        repository: Repository,
        journal: Journal,
        clock: Clock,
        *,
        repository_id: str,
        config_file: Path | None = None,
        encrypted: bool = True,
        rows_only: bool = False,
        report: Report = lambda step, files: None,
    ) -> None:
        self._data_dir = data_dir
        self._repository = repository
        self._journal = journal
        self._clock = clock
        self._repository_id = repository_id
        self._config_file = config_file
        self._encrypted = encrypted
        self._rows_only = rows_only
        self._report = report
        self._spool = repository.remote.scratch / SPOOL
        self._files = self._packs = self._damaged = 0

    def run(self) -> Taken:
        try:
            return self._run()
        except OSError as error:
            raise BackupError(
                f"backup: {error.filename or ''}: {error.strerror}", hint="is there room on the card?", retryable=True
            ) from error

    def _run(self) -> Taken:
        self._report("check", 0)
        last_stamp = self._check()
        self._journal.begin()
        # First: what comes while this runs is in the next snapshot, and must not be missed in this one.
        events, upto = self._journal.standing()
        self._empty_spool()
        belongings = self._belongings()
        settings = write_settings(self._spool, self._data_dir, belongings, encrypted=self._encrypted)
        models, new_models = self._models(belongings.models_dir)
        settled = settings.sha256 == self._journal.state("settings") and not new_models
        if upto == 0 and self._journal.layers() and settled:
            return Taken(None)
        self._report("packs", 0)
        if not self._rows_only:
            self._secure(upto)
        self._report("database", self._files)
        layers = self._database(upto)
        self._repository.remote.put_tree(SPOOL, self._repository.folder)
        self._report("manifest", self._files)
        name = self._publish(layers, settings, models, upto, last_stamp, events)
        self._empty_spool()
        return Taken(name, self._files, self._packs, layers[-1].kind, self._damaged)

    def _belongings(self) -> Belongings:
        """With the configuration file that the last run named, when this one names none."""
        known = self._journal.state("config")
        file = self._config_file.resolve() if self._config_file is not None else Path(known) if known else None
        if file is not None and str(file) != known:
            self._journal.set_state(config=str(file))
        return belongings_of(self._data_dir, file)

    def _models(self, models_dir: Path) -> tuple[tuple[ModelFile, ...], int]:
        """Those of the snapshot, and how many of them are spooled because the remote has them not yet. Rows alone bring no new ones."""
        there = set(self._journal.state("models").split())
        models, new = list[ModelFile](), 0
        for asset in added_models(models_dir):
            if asset.sha256 not in there:
                if self._rows_only or not self._spool_model(asset, models_dir):
                    continue
                new += 1
            models.append(ModelFile(asset.file, asset.sha256, asset.size_bytes or 0))
        return tuple(models), new

    def _spool_model(self, asset: Asset, models_dir: Path) -> bool:
        target = self._spool / ModelFile(asset.file, asset.sha256, 0).path
        target.parent.mkdir(exist_ok=True)
        try:
            shutil.copyfile(models_dir / asset.file, target)
            if matches(asset, target):
                return True
            log.warning("a model that was added is damaged file=%s", asset.file)
            target.unlink()
        except FileNotFoundError:
            log.warning("a model that was added is missing file=%s", asset.file)
        return False

    def _check(self) -> str:
        """That this is our repository, and that no other card writes here; the newest stamp.

        The name of a lineage that can be seen proves the key already, so that an ordinary run asks once.
        """
        if self._journal.state("repository") != self._repository_id:
            self._journal.forget()
        heads = self._repository.heads()
        if not heads.lineages:
            self._begin()
        elif not self._journal.state("lineage"):
            raise BackupError(
                "the remote has a backup of this device that this card knows nothing of: is the card new, or was its database lost?",
                hint="`edge restore --new-device` brings it back; `edge backup take-over` goes on without it",
            )
        elif self._journal.state("lineage") != lineage_of(heads.lineages[-1]):
            raise BackupError(
                "another card has taken over this device's backup",
                hint="use that one, or `edge backup take-over` here",
            )
        if not heads.snapshots:
            return ""
        newest = heads.snapshots[-1]
        if newest.id not in (self._journal.state("last"), *self._journal.state("pending").split()):
            raise BackupError(
                f"snapshot {newest.stamp} is not of this card: two cards write the same backup",
                hint="stop the other one, then `edge backup take-over` here",
            )
        return newest.stamp

    def _begin(self) -> None:
        """The first snapshot of this device here. The journal knows of it first: whatever is cut off is begun again."""
        marker = self._repository.marker()
        if marker is None and self._journal.state("last"):
            raise BackupError(
                "the backup is gone from the remote", hint="look there; `edge backup setup` begins another"
            )
        if marker is not None and marker.repository != self._repository_id:
            raise BackupError(
                "this remote holds the backup of another repository", hint="use another path, or its recovery kit"
            )
        wall_s = self._clock.now().wall_s
        if marker is None:
            self._repository.create(self._repository_id, wall_s)
        lineage = self._journal.state("lineage") or uuid4().hex
        self._journal.set_state(repository=self._repository_id, lineage=lineage)
        self._repository.begin_lineage(lineage, wall_s)

    def _secure(self, upto: int) -> None:
        batch: list[_Ready] = []
        for ready in self._spooled(upto):
            batch.append(ready)
            if len(batch) == BATCH:
                self._upload(batch)
                batch = []
        self._upload(batch)

    def _spooled(self, upto: int) -> Iterator[_Ready]:
        files: list[Unsecured] = []
        size = 0
        for file in self._journal.unsecured(upto):
            if files and (size + file.member.size_bytes > FULL_BYTES or len(files) == FULL_FILES):
                yield from self._pack(files)
                files, size = [], 0
            files.append(file)
            size += file.member.size_bytes
        yield from self._pack(files)

    def _pack(self, files: list[Unsecured]) -> Iterator[_Ready]:
        members = list(dict.fromkeys(file.member for file in files))
        if not members:
            return
        temporary = self._spool / "pack.zip"
        written = write_pack(temporary, self._data_dir, members)
        if written.damaged:
            self._damaged += len(written.damaged)
            log.warning("files cannot be backed up count=%d first=%s", len(written.damaged), written.damaged[0])
        if not written.members:
            temporary.unlink()
            return
        pack = Pack(0, written.sha256, written.size_bytes, len(written.members))
        target = self._spool / pack.path
        target.parent.mkdir(parents=True, exist_ok=True)
        temporary.replace(target)
        good = set(written.members)
        yield _Ready(pack, [file for file in files if file.member in good])

    def _upload(self, batch: list[_Ready]) -> None:
        if not batch:
            return
        self._repository.remote.put_tree(f"{SPOOL}/packs", f"{self._repository.folder}/packs")
        for ready in batch:
            self._journal.secure(ready.pack, ready.files)
            self._files += ready.pack.files
            self._packs += 1
        shutil.rmtree(self._spool / "packs")
        self._report("packs", self._files)

    def _database(self, upto: int) -> tuple[Layer, ...]:
        layers, connection = self._journal.layers(), self._journal.connection
        if needs_copy(layers, schema_of(connection), self._journal.state("schema")):
            return (write_copy(connection, self._spool),)
        after = int(self._journal.state("last_pack") or 0)
        since = int(self._journal.state("last_day") or 0) - 1
        return (*layers, write_rows(connection, self._spool, upto, after, since))

    def _publish(
        self,
        layers: tuple[Layer, ...],
        settings: Settings,
        models: tuple[ModelFile, ...],
        upto: int,
        last_stamp: str,
        events: int,
    ) -> SnapshotName:
        """`events` were there at the change `upto`."""
        now = self._clock.now()
        packs = self._journal.packs()
        schema = schema_of(self._journal.connection)
        manifest = Manifest(
            id=uuid4().hex, repository=self._repository_id, device=self._repository.device,
            lineage=self._journal.state("lineage"), made_at=iso_utc(now.wall_s), program=PROGRAM, database_schema=schema,
            events=events - self._journal.count_gone(upto), database=layers, packs=packs, settings=settings,
            models=models,
        )  # fmt: skip
        content = encode(manifest)
        name = name_of(manifest, content, now.wall_s)
        stamp = max(stamp_of(now.wall_s), next_stamp(last_stamp) if last_stamp else "")  # also when the clock went back
        name = SnapshotName(stamp, name.id, name.sha256)
        # Also those before it: the manifest of a run that was killed may arrive when the next one has begun.
        pending = [*self._journal.state("pending").split(), name.id][-PENDING:]
        self._journal.set_state(pending=" ".join(pending))
        self._repository.publish(name, content)
        last_pack = str(max((pack.number for pack in packs), default=0))
        # Without their files the changes are not done: a later run takes them again, rows and all.
        done, finished = (0, "rows_wall_s") if self._rows_only else (upto, "finished_wall_s")
        self._journal.finish(
            layers, done, last=name.id, last_stamp=name.stamp, last_pack=last_pack, schema=str(schema),
            last_day=str(local_day(now.wall_s)), settings=settings.sha256,
            models=" ".join(model.sha256 for model in models), **{finished: str(now.wall_s)},
        )  # fmt: skip
        return name

    def _empty_spool(self) -> None:
        if self._spool.exists():
            shutil.rmtree(self._spool)
        self._spool.mkdir(parents=True)
