"""What goes from the remote: old snapshots by age (grandfather, father, son), then files that no snapshot needs any more."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from edge.backup.format import SnapshotName
from edge.backup.remote import Entry
from edge.backup.repository import Repository
from edge.config import Backup
from edge.errors import BackupError

GRACE_S = 7 * 86_400.0
"""A file that no snapshot names stays so long: a run that is under way, or another clock, may still need it."""
CAP = 500
"""Files that one run deletes at the most: a mistake must not cost everything at once."""
SWEPT = ("packs/", "rows/", "database/", "settings/", "models/")


class Pruned(NamedTuple):
    """`left`: files that could go but for the cap."""

    snapshots: int
    files: int
    left: int


def to_keep(names: Sequence[SnapshotName], keep: Backup) -> set[SnapshotName]:
    """The newest ones, and of so many days, weeks, months and years the last one each. The newest always stays."""
    kept = set(sorted(names)[-max(1, keep.keep_last) :])
    rules: tuple[tuple[int, Callable[[datetime], object]], ...] = (
        (keep.keep_daily, lambda made: made.date()),
        (keep.keep_weekly, lambda made: made.isocalendar()[:2]),
        (keep.keep_monthly, lambda made: (made.year, made.month)),
        (keep.keep_yearly, lambda made: made.year),
    )
    for count, period in rules:
        kept |= _last_of_each(names, count, period)
    return kept


def _last_of_each(names: Iterable[SnapshotName], count: int, period: Callable[[datetime], object]) -> set[SnapshotName]:
    last = {period(name.made): name for name in sorted(names)}
    return set(sorted(last.values())[-count:]) if count else set()


def to_sweep(entries: Iterable[Entry], needed: set[str], now_s: float) -> list[str]:
    """Files that nobody needs and that are old enough, by name."""
    return sorted(
        entry.path
        for entry in entries
        if entry.path.startswith(SWEPT) and entry.path not in needed and now_s - _time_of(entry) > GRACE_S
    )


def _time_of(entry: Entry) -> float:
    return datetime.fromisoformat(entry.modified).replace(microsecond=0).astimezone(UTC).timestamp()


def prune(
    repository: Repository, keep: Backup, now_s: float, *, spared: Collection[str] = (), dry_run: bool = False
) -> Pruned:
    """Delete what may go.

    Args:
        spared: paths that the card counts on though no snapshot names them yet: what a run has put there that was cut off.

    Raises:
        BackupError: the remote failed or forbids it, or a snapshot that stays cannot be read: then nothing is swept.
    """
    names = repository.heads().snapshots
    kept = to_keep(names, keep) if names else set()
    needed = set(spared)
    for name in sorted(kept):
        needed |= set(repository.manifest(name).paths)  # one that cannot be read ends it here
    going = [name for name in names if name not in kept]
    sweep = to_sweep(repository.remote.list(repository.folder), needed, now_s)
    swept, left = sweep[:CAP], len(sweep[CAP:])
    if not dry_run:
        if going:
            repository.remote.delete(repository.folder, [name.path for name in going])
            if set(repository.heads().snapshots) & set(going):
                raise BackupError(
                    "the remote does not let us delete", hint="prune with a key that may, on another machine"
                )
        if swept:
            repository.remote.delete(repository.folder, swept)
    return Pruned(len(going), len(swept), left)
