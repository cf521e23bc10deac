"""Backup as background work: workers in processes of their own, and when they run."""

import os
import threading
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import date
from pathlib import Path

import msgspec

from edge import config
from edge.backup import target as targets
from edge.backup.journal import Journal
from edge.backup.mirror import sweep_mirror
from edge.backup.prune import prune
from edge.backup.rate import timetable_of
from edge.backup.rc import Transfer
from edge.backup.repository import Repository, chosen
from edge.backup.restore import Choice, restore_files
from edge.backup.room import Room
from edge.backup.verify import drill, verify
from edge.clock import SystemClock
from edge.errors import BackupError, WorkError
from edge.work.constraints import Charging, Constraint, Network, StorageNotLow
from edge.work.request import OneTimeWork, PeriodicWork, Request
from edge.work.states import Fail, Result, Retry, Success
from edge.work.worker import Run, worker

TAG = "backup"
NAME = "backup"
NAMES = (NAME, "backup-rows", "backup-verify", "backup-prune", "backup-drill")
MEMORY_MB = 512
"""Address space, mostly: rclone reserves far more than it uses."""
KEEPING = tuple(name for name in config.Backup.__struct_fields__ if name.startswith("keep_") or name == "mirror_days")
ROWS_S, PRUNE_S, VERIFY_S, DRILL_S = 3600.0, 86_400.0, 7 * 86_400.0, 7 * 86_400.0
PROGRESS_S = 1.0
STOP_S = 2.5
"""From the wish to stop to the end of the process, when it is packing or in the database: longer than rclone needs."""


class _Progress:
    """Tells how far a run is, at most once a second."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._step, self._files = "", 0
        self._said_s = 0.0

    def step(self, what: str, files: int) -> None:
        self._step, self._files = what, files
        self._run.progress(step=what, files=files)

    def moved(self, transfer: Transfer) -> None:
        now_s = time.monotonic()
        if now_s - self._said_s < PROGRESS_S:
            return
        self._said_s = now_s
        with suppress(WorkError):
            self._run.progress(
                step=self._step,
                files=self._files,
                bytes=transfer.done_bytes,
                of_bytes=transfer.total_bytes,
                bytes_per_s=round(transfer.bytes_per_s),
            )


def end_soon(repository: Repository) -> None:
    """Let rclone put away what is half done, and go, whatever is under way: a kill at any step costs nothing."""
    repository.remote.stop()
    last = threading.Timer(STOP_S, os._exit, (1,))
    last.daemon = True
    last.start()


def _room(run: Run) -> Room:
    """Input: `limit_kb_per_s`, and `timetable` as `HH:MM=KB_PER_S`."""
    entries = (str(entry).split("=") for entry in msgspec.convert(run.input.get("timetable", []), list[str]))
    timetable = timetable_of({begin: int(limit) for begin, limit in entries})
    return Room.of(run.data_dir, int(str(run.input.get("limit_kb_per_s", 0))), timetable)


@worker("backup", heavy=True, memory_mb=MEMORY_MB)
def back_up(run: Run) -> Result:
    """Take a snapshot. Output: `snapshot` (empty: nothing was new), `files`, `packs`, `damaged`, `mirrored`."""
    progress = _Progress(run)
    try:
        room = _room(run)
        with room.repository(progress.moved) as repository:
            run.on_stop(lambda _: end_soon(repository))
            taken = room.take(repository, SystemClock(), report=progress.step)
    except BackupError as error:
        return _failed(error)
    name = taken.name.stamp if taken.name else ""
    numbers = {"files": taken.files, "packs": taken.packs, "damaged": taken.damaged, "mirrored": taken.mirrored}
    return Success({"snapshot": name, **numbers})


@worker("backup-rows", heavy=True, memory_mb=MEMORY_MB)
def back_up_rows(run: Run) -> Result:
    """Take a snapshot without new pictures and clips, when none was taken for `after_h` hours. Output: `snapshot`, empty when not."""
    try:
        if not _overdue(run):
            return Success({"snapshot": ""})
        room = _room(run)
        with room.repository() as repository:
            run.on_stop(lambda _: end_soon(repository))
            taken = room.take(repository, SystemClock(), rows_only=True)
    except BackupError as error:
        return _failed(error)
    return Success({"snapshot": taken.name.stamp if taken.name else ""})


def _overdue(run: Run) -> bool:
    with closing(Journal(run.data_dir)) as journal:
        last_s = max(float(journal.state(name) or 0) for name in ("finished_wall_s", "rows_wall_s"))
    since_s = SystemClock().now().wall_s - last_s
    return not 0 <= since_s < float(str(run.input["after_h"])) * 3600  # one of the future was dated by a wrong clock


@worker("backup-prune", heavy=True, memory_mb=MEMORY_MB)
def sweep(run: Run) -> Result:
    """Delete old snapshots, and old files of the plain mirror, as `[backup]` says. Output: `snapshots`, `files`, `left`."""
    keep = msgspec.convert({key: value for key, value in run.input.items() if key in KEEPING}, config.Backup)
    try:
        room = _room(run)
        with room.repository() as repository:
            run.on_stop(lambda _: end_soon(repository))
            repository.required()
            done = prune(repository, keep, SystemClock().now().wall_s, spared=room.paths())
            if room.target.mirror:
                sweep_mirror(repository.remote, date.today(), keep.mirror_days)
    except BackupError as error:
        return _failed(error)
    return Success({"snapshots": done.snapshots, "files": done.files, "left": done.left})


@worker("backup-verify", heavy=True, memory_mb=MEMORY_MB)
def look(run: Run) -> Result:
    """Is everything there, and what it should be. Output: `snapshots`, `files`, `sampled`. Fails with what is not."""
    try:
        with _room(run).repository() as repository:
            run.on_stop(lambda _: end_soon(repository))
            repository.required()
            report = verify(repository)
    except BackupError as error:
        return _failed(error)
    if report.problems:
        return Fail(f"{len(report.problems)} files of the backup are not as they should be: {report.problems[0]}")
    return Success({"snapshots": report.snapshots, "files": report.files, "sampled": report.sampled})


@worker("backup-drill", heavy=True, memory_mb=MEMORY_MB)
def prove(run: Run) -> Result:
    """Restore the newest database and pack into a scratch folder and compare. Output: `snapshot`, `events`, `files`."""
    try:
        with _room(run).repository() as repository:
            run.on_stop(lambda _: end_soon(repository))
            proof = drill(run.data_dir, repository)
    except BackupError as error:
        return _failed(error)
    return Success({"snapshot": proof.snapshot, "events": proof.events, "files": proof.files})


@worker("restore-files", heavy=True, memory_mb=MEMORY_MB)
def fetch_files(run: Run) -> Result:
    """Get pictures and clips back that are missing on the card. Input: `days` (first and last) and `labels`, both may be missing. Output:
    `files`, `damaged`."""
    progress = _Progress(run)
    days = msgspec.convert(run.input.get("days"), tuple[int, int] | None)
    labels = msgspec.convert(run.input.get("labels", []), tuple[str, ...])
    try:
        with _room(run).repository(progress.moved) as repository:
            run.on_stop(lambda _: end_soon(repository))
            repository.required()
            manifest = repository.manifest(chosen(repository.heads().snapshots, ""))
            choice = Choice(days, labels)
            done = restore_files(
                repository, manifest, run.data_dir, choice, lambda step: progress.step(step.what, step.files)
            )
    except BackupError as error:
        return _failed(error)
    return Success({"files": done.files, "damaged": len(done.damaged)})


def _failed(error: BackupError) -> Result:
    return Retry(str(error)) if error.retryable else Fail(str(error))


def requests_of(section: config.Backup, data_dir: Path) -> dict[str, Request]:
    """The works of a device whose backup is set up, by name; none where it is not.

    Raises:
        BackupError: where it goes cannot be read.
    """
    if not targets.is_set_up(data_dir):
        return {}
    local = targets.load(data_dir).options.get("type") == "local"
    needs = constraints_of(section.wait, local=local)
    keep = {name: getattr(section, name) for name in KEEPING}
    limit = {"limit_kb_per_s": section.limit_kb_per_s, "timetable": _entries(section)}
    works = {
        NAME: PeriodicWork("backup", every=section.every_h * 3600).with_input(**limit),
        "backup-prune": PeriodicWork("backup-prune", every=PRUNE_S).with_input(**limit, **keep).after(3600.0),
        "backup-verify": PeriodicWork("backup-verify", every=VERIFY_S).with_input(**limit).after(5400.0),
        "backup-drill": PeriodicWork("backup-drill", every=DRILL_S).with_input(**limit).after(7200.0),
    }
    made = {name: work.when(*needs) for name, work in works.items()}
    if section.rows_after_h:
        rows = PeriodicWork("backup-rows", every=ROWS_S).with_input(**limit, after_h=section.rows_after_h)
        made["backup-rows"] = rows.when(*constraints_of("network", local=local))
    return {name: work.tagged(TAG).long_running() for name, work in made.items()}


def files_request(
    section: config.Backup, data_dir: Path, days: tuple[int, int] | None, labels: Sequence[str]
) -> Request:
    """What gets missing pictures and clips back, once.

    Raises:
        BackupError: no backup is set up, or where it goes cannot be read.
    """
    local = targets.load(data_dir).options.get("type") == "local"
    limit = {"limit_kb_per_s": section.limit_kb_per_s, "timetable": _entries(section)}
    which = {"days": list(days) if days else None, "labels": list(labels)}
    request = OneTimeWork("restore-files").with_input(**limit, **which).when(*constraints_of(section.wait, local=local))
    return request.when(StorageNotLow()).tagged(TAG).long_running()


def _entries(section: config.Backup) -> list[str]:
    return [f"{begin}={limit}" for begin, limit in section.timetable.items()]


def constraints_of(wait: str, *, local: bool) -> list[Constraint]:
    """A disk needs no network."""
    needs: list[Constraint] = []
    if wait == "mains-and-unmetered":
        needs.append(Charging(if_unknown=True))
    if not local:
        needs.append(Network("connected") if wait == "network" else Network("unmetered"))
    return needs
