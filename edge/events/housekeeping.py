"""Looks after the card beside the keeper: deletes what has to go, and says how the card is. A thread of its own, in small transactions."""

import logging
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from edge import config
from edge.clock import Clock, local_day
from edge.errors import StoreError
from edge.events.card import CardWatch
from edge.health import Health
from edge.identity import cut_since, put_in_order
from edge.store.check import Checker
from edge.store.events import EventStore
from edge.store.pictures import PictureFolder
from edge.store.port import Message
from edge.store.removal import Remover
from edge.store.retention import BATCH, Pruned, Retention
from edge.store.space import Space

log = logging.getLogger(__name__)

INTERVAL_S = 60.0
TROUBLED_S = 2.0
"""Between rounds while the card is full or fails."""
PAUSE_S = 0.005
"""Between transactions, so that the keeper is never kept waiting by more than one."""


class Housekeeper:
    """Rounds of retention and of looking at the card.

    Args:
        pictures: the folder that the keeper puts into.
        publish: takes a retained message with the card's numbers. Must not block.
        protect_unsecured: a backup is configured: what is not in it goes last.
        failed: called when the thread dies of something unforeseen.
        today: the day in local time; None while the clock is not right, which is no time to delete by age.
        correct: puts some wall times right that were kept while the clock was not; how many.

    Thread: `trouble` any; the rest the owner.
    """

    def __init__(
        self,
        data_dir: Path,
        device: str,
        retention: config.Retention,
        card: config.Card,
        clock: Clock,
        health: Health,
        pictures: PictureFolder,
        publish: Callable[[Message], None],
        failed: Callable[[BaseException], None],
        *,
        protect_unsecured: bool = False,
        today: Callable[[], int | None] | None = None,
        correct: Callable[[EventStore], int] = lambda _store: 0,
    ) -> None:
        self._data_dir = data_dir
        self._settings = retention
        self._today = today or (lambda: local_day(clock.now().wall_s))
        self._health = health
        self._pictures = pictures
        self._failed = failed
        self._protect = protect_unsecured
        self._correct = correct
        self._make_card: Callable[[], CardWatch] = lambda: CardWatch(
            data_dir, device, card, retention, clock, health, publish
        )
        self._space = Space(data_dir)
        self._troubles: list[tuple[str, StoreError | None]] = []
        self._nudged = threading.Event()
        self._stopping = threading.Event()
        self._broken = False
        self._thread = threading.Thread(target=self._run, name="housekeeper", daemon=True)
        self.deleted = 0
        """Events since the start."""

    def start(self) -> None:
        """Put in order what a cut has left, if the last run was cut off; then begin. Before the keeper and the clips, which would take
        the files of deleted clips for ones that are not known yet. A card that does not let it is reported: the next start tries again.

        Raises:
            StoreError: the database cannot be used.
        """
        try:
            self._put_in_order()
        except OSError as error:
            log.error("not put in order at the start error=%s", error)
            self._health.report("card", "check", "degraded", f"not put in order at the start: {error}")
        self._thread.start()

    def _put_in_order(self) -> None:
        if (began_s := cut_since(self._data_dir, before=True)) is not None:
            self._after_cut(began_s)
        with closing(Remover(self._data_dir, self._pictures)) as remover:
            after = ""
            while after := remover.unlink(BATCH, after):
                pass

    def _after_cut(self, began_s: float) -> None:
        findings = Checker(self._data_dir, cut_since_s=began_s, repair=True).check_after_cut()
        for finding in findings:
            log.info("after a cut what=%s explained=%s %s", finding.what, finding.explained, finding.text)
        lost = [finding.text for finding in findings if not finding.explained]
        log.info(
            "the last run was cut off: looked at what it left differences=%d unexplained=%d", len(findings), len(lost)
        )
        if lost:
            self._health.report(
                "card", "check", "degraded", f"after a cut: {lost[0]}" + (" …" if len(lost) > 1 else "")
            )
        put_in_order(self._data_dir)

    def stop(self) -> None:
        """End behind the transaction that is under way."""
        self._stopping.set()
        self._nudged.set()
        self._thread.join()

    def trouble(self, what: str, error: StoreError | None) -> None:
        """The keeper failed at `what`; None: it works again. A round begins at once. Does not block."""
        self._troubles.append((what, error))
        self._nudged.set()

    def _run(self) -> None:
        try:
            remover, events = Remover(self._data_dir, self._pictures), EventStore(self._data_dir)
            card = self._make_card()
            retention = Retention(remover, self._space, self._settings, self._pause, protect_unsecured=self._protect)
            try:
                while not self._stopping.is_set():
                    self._nudged.clear()
                    is_well = self._round(remover, events, retention, card)
                    self._nudged.wait(INTERVAL_S if is_well else TROUBLED_S)
            finally:
                remover.close()
                events.close()
                card.close()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the owner must know that nothing is deleted any more
            self._failed(error)

    def _round(self, remover: Remover, events: EventStore, retention: Retention, card: CardWatch) -> bool:
        """Whether all is well, so that the next may come later."""
        while self._troubles:
            card.trouble(*self._troubles.pop(0))
        try:
            self._correct_and_prune(events, retention)
            card.look(remover.total_bytes())
            if not self._space.is_full:
                self._space.hold()
            self._broken = False
            return not card.is_troubled
        except (StoreError, OSError) as error:
            if isinstance(error, StoreError) and not error.retryable:
                raise
            self._report(error, card)
            return False

    def _correct_and_prune(self, events: EventStore, retention: Retention) -> None:
        """In this order: only then the oldest are known. On a full card what makes room comes first."""
        try:
            self._correct_all(events)
            self._prune(retention)
        except StoreError as error:
            if not error.full:
                raise
            if self._space.release():
                log.warning("card full: the reserve is given up, so that old events can be deleted")
            self._prune(retention)
            self._correct_all(events)

    def _correct_all(self, events: EventStore) -> None:
        corrected = 0
        while (batch := self._correct(events)) and self._pause():
            corrected += batch
        if corrected:
            log.info("the clock is right now: wall times were corrected events=%d", corrected)

    def _prune(self, retention: Retention) -> None:
        done = retention.run(self._today())
        self.deleted += done.events
        if done.events:
            log.info("retention deleted events=%d unsecured=%d", done.events, done.unsecured)
        self._announce(done)

    def _announce(self, done: Pruned) -> None:
        if done.unsecured and self._protect:
            cause = f"{done.unsecured} events that are in no backup had to be deleted: there was no room"
            self._health.report("card", "unsecured", "degraded", cause)
        elif self._protect:
            self._health.report("card", "unsecured", "running")

    def _report(self, error: Exception, card: CardWatch) -> None:
        """Say it once, until a round succeeds again; the state says it too, and may fail of the same."""
        if not self._broken:
            self._broken = True
            log.error("housekeeping failed error=%s", error)
        try:
            state, cause = card.state()
        except (StoreError, OSError):
            state, cause = "failed", str(error)
        self._health.report("card", "data", state, cause)

    def _pause(self) -> bool:
        return not self._stopping.wait(PAUSE_S)
