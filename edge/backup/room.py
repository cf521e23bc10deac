"""The backup of one data folder: opens what a run needs, and lets one process at a time do it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from edge.backup import target as targets
from edge.backup.journal import Journal
from edge.backup.mirror import mirror
from edge.backup.rate import Timetable, limit_now, lowest
from edge.backup.remote import Progress, Remote
from edge.backup.repository import Repository
from edge.backup.snapshot import Report, Snapshotter, Taken
from edge.backup.target import FOLDER, LOCK, RCLONE_FILE, SCRATCH, Target
from edge.clock import Clock
from edge.errors import BackupError


@dataclass(frozen=True, slots=True)
class Room:
    """A data folder whose backup is set up."""

    data_dir: Path
    target: Target
    limit_kb_per_s: int = 0
    timetable: Timetable = ()
    """In place of the one limit."""

    @classmethod
    def of(cls, data_dir: Path, limit_kb_per_s: int = 0, timetable: Timetable = ()) -> "Room":
        """Raises:
        BackupError: no backup is set up.
        """
        return cls(data_dir, targets.load(data_dir), limit_kb_per_s, timetable)

    @contextmanager
    def repository(self, progress: Progress | None = None) -> Iterator[Repository]:
        """For this process alone, until the block ends.

        Raises:
            BackupError: another process has it.
        """
        folder = self.data_dir / FOLDER
        with _locked(folder / LOCK):
            targets.mend_config(self.data_dir, self.target)
            remote = Remote(
                folder / RCLONE_FILE,
                folder / SCRATCH,
                limit=partial(limit_now, self.limit_kb_per_s, self.timetable),
                lowest_kb_per_s=lowest(self.limit_kb_per_s, self.timetable),
                progress=progress,
            )
            with remote:
                yield Repository(remote, self.target.device)

    def paths(self) -> set[str]:
        """What of the remote the next snapshot will name again."""
        with closing(Journal(self.data_dir)) as journal:
            return journal.paths()

    def take(
        self,
        repository: Repository,
        clock: Clock,
        config_file: Path | None = None,
        report: Report = lambda step, files: None,
        *,
        rows_only: bool = False,
    ) -> Taken:
        """A snapshot. Raises as `Snapshotter`."""
        with closing(Journal(self.data_dir)) as journal:
            taken = Snapshotter(
                self.data_dir, repository, journal, clock, repository_id=self.target.repository, config_file=config_file,
                encrypted=self.target.is_encrypted, report=report, rows_only=rows_only,
            ).run()  # fmt: skip
            if self.target.mirror and not rows_only:
                taken = taken._replace(mirrored=mirror(self.data_dir, repository.remote, journal, report))
            return taken


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupError("another backup or restore is under way", hint="wait for it", retryable=True) from None
        yield
    finally:
        os.close(descriptor)
