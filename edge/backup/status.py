"""How the backup stands, as the device itself knows it."""

from contextlib import closing
from pathlib import Path

import msgspec

from edge.backup import target as targets
from edge.backup.journal import Journal


class BackupStatus(msgspec.Struct, frozen=True, kw_only=True):
    """`finished_wall_s` and `proven`: of the last snapshot, and of the last restore for proof; None and empty: never."""

    target: str
    finished_wall_s: float | None
    waiting: int
    packs: int
    packs_bytes: int
    proven: str


def status_of(data_dir: Path) -> BackupStatus:
    """Raises:
    BackupError: no backup is set up, or where it goes cannot be read.
    """
    words = targets.load(data_dir).words
    with closing(Journal(data_dir)) as journal:
        packs, finished = journal.packs(), journal.state("finished_wall_s")
        return BackupStatus(
            target=words,
            finished_wall_s=float(finished) if finished else None,
            waiting=journal.waiting(),
            packs=len(packs),
            packs_bytes=sum(pack.size_bytes for pack in packs),
            proven=journal.state("proven"),
        )
