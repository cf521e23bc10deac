"""How the card is: room, what was written to it today, and whether the store can use it."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from edge import config
from edge.clock import Clock, date_of, iso_utc, local_day
from edge.errors import StoreError
from edge.health import Health, State
from edge.store.port import Message
from edge.store.retention import min_free_bytes
from edge.store.space import Space
from edge.store.written import WrittenDays

TOPIC = "card"
NAME = "data"
SAVE_S = 300.0
IO_FILE = Path("/proc/self/io")
MB = 1_000_000
NEAR = 0.8
"""Of the room that should be free: new events take some of it between two rounds of retention."""


class CardMessage(msgspec.Struct, frozen=True, kw_only=True):
    """The card in numbers. `files_bytes`: of pictures and clips. `written_bytes`: by this program since midnight; null: not known here."""

    schema: Literal[1] = 1
    device: str
    at: str
    day: str
    total_bytes: int
    free_bytes: int
    files_bytes: int
    written_bytes: int | None
    budget_bytes: int | None


def bytes_written() -> int | None:
    """What this process and its children that have ended had the kernel write to block devices; None: nobody can tell."""
    try:
        lines = IO_FILE.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("write_bytes:")), None)


class CardWatch:
    """Reports the part `card` and publishes the numbers.

    Thread: `trouble` any; the rest the housekeeper's.
    """

    def __init__(
        self,
        data_dir: Path,
        device: str,
        settings: config.Card,
        retention: config.Retention,
        clock: Clock,
        health: Health,
        publish: Callable[[Message], None],
        written: Callable[[], int | None] = bytes_written,
    ) -> None:
        self._space = Space(data_dir)
        self._device = device
        self._budget_bytes = settings.budget_mb_per_day * MB
        self._retention = retention
        self._clock = clock
        self._health = health
        self._publish = publish
        self._written = written
        self._days = WrittenDays(data_dir)
        self._counted = written() or 0
        self._unsaved = 0
        self._saved_s: float | None = None
        self._troubles: dict[str, StoreError] = {}

    def close(self) -> None:
        with contextlib.suppress(StoreError):  # what a full card did not take is not worth an error at the end
            self._save(self._today)
        self._days.close()

    def trouble(self, what: str, error: StoreError | None) -> None:
        """The store failed at `what`; None: it works again."""
        if error is None:
            self._troubles.pop(what, None)
        else:
            self._troubles[what] = error

    @property
    def is_troubled(self) -> bool:
        return bool(self._troubles) or self._space.is_full

    def look(self, files_bytes: int) -> None:
        """Count what was written, report the state, and every few minutes keep and publish the numbers.

        Raises:
            StoreError: the database failed.
            OSError: the folder cannot be asked.
        """
        written = self._written()
        if written is not None:
            self._unsaved += written - self._counted
            self._counted = written
        self._health.report("card", NAME, *self.state())
        now = self._clock.now()
        if self._saved_s is None or now.boot_s - self._saved_s >= SAVE_S:
            self._saved_s = now.boot_s
            self._save(self._today)
            self._publish(self._message(files_bytes))

    def state(self) -> tuple[State, str]:
        """The state, and in words why."""
        if self._space.is_read_only:
            return "failed", "the file system is mounted read-only: check the card"
        if self._space.is_full:
            return "full", "no room for pictures: only rows are kept until something is deleted"
        other = [error for error in list(self._troubles.values()) if not error.full]
        if other:
            return "failed", str(other[0])
        free, wanted = self._space.free_bytes(), min_free_bytes(self._retention, self._space.total_bytes())
        if free < wanted * NEAR:
            return (
                "degraded",
                f"{free // MB} MB are free where {wanted // MB} MB should be: something else has filled the card",
            )
        today = self.written_today
        if self._budget_bytes and today > self._budget_bytes:
            return "degraded", f"{today // MB} MB were written today, the budget is {self._budget_bytes // MB} MB"
        return "running", ""

    @property
    def written_today(self) -> int:
        return self._days.of(self._today) + self._unsaved

    @property
    def _today(self) -> int:
        return local_day(self._clock.now().wall_s)

    def _save(self, today: int) -> None:
        if self._unsaved:
            self._days.add(today, self._unsaved)
            self._unsaved = 0

    def _message(self, files_bytes: int) -> Message:
        body = CardMessage(
            device=self._device,
            at=iso_utc(self._clock.now().wall_s),
            day=date_of(self._today).isoformat(),
            total_bytes=self._space.total_bytes(),
            free_bytes=self._space.free_bytes(),
            files_bytes=files_bytes,
            written_bytes=self.written_today if self._written() is not None else None,
            budget_bytes=self._budget_bytes or None,
        )
        return Message(TOPIC, msgspec.json.encode(body))
