"""What goes from the remote: old snapshots by age (grandfather, father, son), then files that no snapshot needs any more."""

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import UTC, datetime
from typing import NamedTuple

from edge.backup.format import SnapshotName
from edge.backup.remote import Entry
from edge.backup.repository import Repository
from edge.config import Backup
from edge.errors import BackupError

GRACE_S = 7 * 86_400.0
"""A file that no snapshot names stays so long: a run that is under way, or another clock, may still need it."""
AHEAD_S = 86_400.0
"""A name so far in the future is not believed."""
CAP = 500
"""Files that one run deletes at the most: a mistake must not cost everything at once."""
SWEPT = ("packs/", "rows/", "database/", "settings/", "models/")


class Pruned(NamedTuple):
    """`left`: files that could go but for the cap."""

    snapshots: int
    files: int
    left: int


def to_keep(made: Mapping[SnapshotName, datetime], keep: Backup) -> set[SnapshotName]:
    """The newest ones, and of so many days, weeks, months and years the last one each. The newest always stays.

    Args:
        made: when each of them was.
    """
    kept = set(sorted(made)[-max(1, keep.keep_last) :])
    rules: tuple[tuple[int, Callable[[datetime], object]], ...] = (
        (keep.keep_daily, lambda at: at.date()),
        (keep.keep_weekly, lambda at: at.isocalendar()[:2]),
        (keep.keep_monthly, lambda at: (at.year, at.month)),
        (keep.keep_yearly, lambda at: at.year),
    )
    for count, period in rules:
        last = {period(made[name]): name for name in sorted(made)}
        kept |= set(sorted(last.values())[-count:]) if count else set()
    return kept


def _made(repository: Repository, name: SnapshotName, now_s: float) -> datetime:
    """One that a clock years ahead has named pushes the names of all later ones on: of those it is in the manifest."""
    if name.made.timestamp() <= now_s + AHEAD_S:
        return name.made
    try:
        return datetime.fromisoformat(repository.manifest(name).made_at)
    except BackupError as error:
        if error.retryable:
            raise
        return name.made


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
    kept = to_keep({name: _made(repository, name, now_s) for name in names}, keep)
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
