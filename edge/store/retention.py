"""What is deleted, and when: by age, then the oldest while there is too much."""

from collections.abc import Callable
from dataclasses import dataclass

from edge import config
from edge.store.removal import BEGIN, Candidate, Place, Remover
from edge.store.space import Space

BATCH = 100
"""Events in one transaction: the keeper waits no longer than it takes."""
TIGHT_BATCH = 10
"""The same while the card is full: a small transaction needs little room."""
MB = 1_000_000


@dataclass(slots=True)
class Pruned:
    """What a run deleted. `unsecured`: events of these that were in no backup. `more`: it was stopped before its end."""

    events: int = 0
    unsecured: int = 0
    more: bool = False


class Retention:
    """Deletes in small transactions, each followed by its files.

    Args:
        protect_unsecured: a backup is configured. Then age alone deletes nothing that is not in it, and of the oldest those go first
            that are.
        pause: called between batches; False ends the run there.

    Thread: the remover's.
    """

    def __init__(
        self,
        remover: Remover,
        space: Space,
        settings: config.Retention,
        pause: Callable[[], bool],
        *,
        protect_unsecured: bool = False,
    ) -> None:
        self._remover = remover
        self._space = space
        self._settings = settings
        self._pause = pause
        self._protect = protect_unsecured

    def run(self, today: int | None) -> Pruned:
        """Delete what has to go.

        Args:
            today: None: nobody knows, and nothing goes by age.

        Raises:
            StoreError: the database failed.
            OSError: the card cannot be asked or synced; notes of files that have to go stay.
        """
        done = Pruned()
        self._unlink(done)
        if today is not None:
            self._sweep_by_age(done, today)
        self._sweep(done, self._wanted, secured_only=self._protect, with_files=True)
        if self._protect:
            self._sweep(done, self._wanted, secured_only=False, with_files=True)
        return done

    def _sweep_by_age(self, done: Pruned, today: int) -> None:
        for label, first_day in self._remover.labels():
            days = self._settings.label_days.get(label, self._settings.days)
            if days and first_day < today - days:
                self._sweep(done, lambda: BATCH, secured_only=self._protect, label=label, before_day=today - days)

    def _sweep(
        self,
        done: Pruned,
        wanted: Callable[[], int],
        *,
        secured_only: bool,
        label: str | None = None,
        before_day: int | None = None,
        with_files: bool = False,
    ) -> None:
        """Delete from the oldest on, in batches of `wanted()`, until that is 0 or nothing is left."""
        after: Place = BEGIN
        while not done.more and (limit := wanted()):
            # What is passed over is passed over quickly; what is deleted is no more than has to be.
            found = self._remover.oldest(
                BATCH if secured_only else limit,
                after=after,
                label=label,
                before_day=before_day,
                with_files=with_files,
            )
            if not found:
                return
            chosen = [event for event in found if event.secured or not secured_only][:limit]
            after = (chosen if len(chosen) == limit else found)[-1].place
            self._delete(chosen, done)

    def _delete(self, events: list[Candidate], done: Pruned) -> None:
        if events:
            removed = self._remover.remove(events)
            done.events += len(removed)
            done.unsecured += sum(not event.secured for event in removed)
            self._unlink(done)
        if self._space.is_tight:
            self._remover.checkpoint()
        done.more = done.more or not self._pause()

    def _unlink(self, done: Pruned) -> None:
        after = ""
        while not done.more and (after := self._remover.unlink(BATCH, after)):
            done.more = not self._pause()

    def _wanted(self) -> int:
        """How many events to delete next because there is too much; 0: enough."""
        files = self._remover.total_bytes()
        over = files - self._settings.max_mb * MB if self._settings.max_mb else 0
        missing = self._free_target(files) - self._space.free_bytes()
        needed = max(over, missing)
        if needed <= 0:
            return 0
        return min(TIGHT_BATCH if self._space.is_tight else BATCH, 1 + needed // self._remover.mean_bytes())

    def _free_target(self, files_bytes: int) -> int:
        """When deleting everything would not free enough, others have filled the card: then only what new pictures need."""
        target = min_free_bytes(self._settings, self._space.total_bytes())
        if self._space.free_bytes() + files_bytes >= target:
            return target
        return min(target, 2 * self._space.reserve_bytes)


def min_free_bytes(settings: config.Retention, total_bytes: int) -> int:
    """Of a small card no more than a tenth."""
    return min(settings.min_free_mb * MB, total_bytes // 10)
