"""What is so now, as retained topics: who is there, the latest pictures, the state and the figures of the device.

It hears of events when they have been committed, never before. A thread of its own, so that pictures are scaled and topics are written
down where nobody waits.
"""

import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge.actions.standard import SNAPSHOT
from edge.clock import Clock, Instant
from edge.errors import StoreError
from edge.health import Condition
from edge.mqtt.messages import StatsMessage, SummaryMessage
from edge.mqtt.presence import Presence, Shown
from edge.mqtt.shelf import Shelf
from edge.mqtt.showing import Showing
from edge.mqtt.summary import Figures, Sources, stats, summary
from edge.store.events import EventStore
from edge.store.outbox import Outbox
from edge.store.port import Message, Record
from edge.store.retained import RetainedStore

log = logging.getLogger(__name__)

PAUSE_S = 0.5
"""Between two rounds: what changes more often is published as it is then."""
FIRST_STATS_S, STATS_S = 5.0, 60.0
SWEEP_S = 20.0
"""After the start: by then everything that is there has said how it is, and what is left of earlier runs is taken away."""
WRITE_S = 600.0
"""How often the newest event of each label is written down."""
LOOK_BACK = 500
"""Events that a start looks through, for what was not written down any more."""


class View(NamedTuple):
    """All that is known in one round. `stats` is None before the first."""

    shown: Sequence[Shown]
    summary: SummaryMessage
    stats: StatsMessage | None
    conditions: Sequence[Condition] = ()


Sheet = Callable[[View], Iterable[Message]]
"""Makes retained messages of what is known, the same for the same; called in the showcase's thread."""


class Showcase:
    """Lives from `start` to `stop`.

    Args:
        labels: shown from the start, at every camera, and no others; empty: every label once it was seen.
        publish: publishes a retained message, now and after each connection, an empty one to remove it; must not block.
        failed: called with whatever unforeseen thing the thread died of.
        sweep_s: after how many seconds the retained topics of earlier runs that are no longer true are emptied.
        stats_s: after how many seconds the figures are published first, and how often.

    Thread: `committed`, `put` and `poke` any; the rest the owner.
    """

    def __init__(
        self,
        data_dir: Path,
        sources: Sources,
        labels: Sequence[str],
        publish: Callable[[Message], None],
        clock: Clock,
        failed: Callable[[BaseException], None],
        *,
        stats_s: tuple[float, float] = (FIRST_STATS_S, STATS_S),
        sweep_s: float = SWEEP_S,
    ) -> None:
        self._data_dir = data_dir
        self._sources = sources
        self._labels = tuple(labels)
        self._clock = clock
        self._failed = failed
        self._stats_s = stats_s
        self._sweep_s = sweep_s
        self._shelf = Shelf(publish)
        self._showing = Showing(data_dir, sources.device, self._shelf)
        self._presence = Presence(sources.cameras, lambda label: not labels or label in (*labels, SNAPSHOT))
        self._lock = threading.Lock()
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="showcase", daemon=True)
        self._sheets: list[Sheet] = [_state]
        self._told: dict[str, bytes] = {}
        self._stats: StatsMessage | None = None
        self._last_words: list[Message] = []
        self._broken = False

    def add(self, sheet: Sheet) -> None:
        """Publish also what this makes, whenever it is different. Before `start`."""
        self._sheets.append(sheet)

    def mirror(self, topic: Callable[[str, str], str]) -> None:
        """Publish each label's picture also on what this makes of camera and label. Before `start`."""
        self._showing.mirrors.append(topic)

    def say_last(self, message: Message) -> None:
        """Publish this when everything has been shown that will be. Before `start`."""
        self._last_words.append(message)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Publish what has changed, then end."""
        self._stopping.set()
        self._woken.set()
        self._thread.join()

    def committed(self, records: Sequence[Record]) -> None:
        """The events of these are on the card. Does not block."""
        with self._lock:
            for record in records:
                for event in record.events:
                    self._presence.take(event)
        self._woken.set()

    def put(self, message: Message) -> None:
        """Publish something else that is retained, and remember its topic. Does not block."""
        self._shelf.put(message)
        self._woken.set()

    def again(self, topic: str) -> None:
        """Publish what is on a topic once more, though it is the same. Does not block."""
        with self._lock:
            self._told.pop(topic, None)
        self._woken.set()

    def poke(self) -> None:
        """Something of the device's state has changed. Does not block."""
        self._woken.set()

    def _run(self) -> None:
        try:
            retained, outbox = RetainedStore(self._data_dir), Outbox(self._data_dir)
            try:
                self._live(retained, outbox)
            finally:
                retained.close()
                outbox.close()
        except BaseException as error:  # noqa: BLE001 - the owner must know that nothing is shown any more
            self._failed(error)

    def _live(self, retained: RetainedStore, outbox: Outbox) -> None:
        started = self._clock.now()
        before = (started, Figures())
        self._recall(retained)
        self._round()
        stats_at_s, write_at_s = started.boot_s + self._stats_s[0], started.boot_s + WRITE_S
        sweep_at_s = started.boot_s + self._sweep_s
        while not self._stopping.is_set():
            self._woken.wait(max(0.0, min(stats_at_s, sweep_at_s) - self._clock.now().boot_s))
            self._woken.clear()
            now = self._clock.now()
            if now.boot_s >= stats_at_s:
                stats_at_s = now.boot_s + self._stats_s[1]
                before = self._publish_stats(before, now, started, outbox)
            self._round()
            self._write_down(lambda: self._shelf.remember(retained))
            if now.boot_s >= sweep_at_s:
                sweep_at_s = float("inf")
                self._write_down(lambda: self._shelf.sweep(retained, started.wall_s))
            if now.boot_s >= write_at_s:
                write_at_s = now.boot_s + WRITE_S
                self._write_down(lambda: self._remember(retained))
            self._stopping.wait(PAUSE_S)
        self._round()
        for message in self._last_words:
            self._shelf.put(message)
        self._write_down(lambda: self._shelf.remember(retained))
        self._write_down(lambda: self._remember(retained))

    def _recall(self, retained: RetainedStore) -> None:
        """What is expected, and what earlier runs saw."""
        store = EventStore(self._data_dir)
        try:
            seen = [event for _, _, newest in retained.labels_seen() for event in store.find(newest)]
            seen += reversed(store.newest(LOOK_BACK))
        finally:
            store.close()
        with self._lock:
            for camera in self._sources.cameras:
                for label in self._labels:
                    self._presence.expect(camera, label)
            for event in seen:
                self._presence.recall(event)

    def _remember(self, retained: RetainedStore) -> None:
        with self._lock:
            newest = [(*shown.place, shown.event) for shown in self._presence.shown if shown.event]
        retained.saw(newest)

    def _round(self) -> None:
        """Publish what has changed."""
        with self._lock:
            changed = [_copy(shown) for shown in self._presence.changed()]
            everything = [_copy(shown) for shown in self._presence.shown]
        self._showing.show(changed)
        view = View(everything, summary(self._sources), self._stats, self._sources.conditions())
        for sheet in self._sheets:
            for message in sheet(view):
                self._tell(message)

    def _tell(self, message: Message) -> None:
        with self._lock:
            known = self._told.get(message.topic) == message.payload
            self._told[message.topic] = message.payload
        if not known:
            self._shelf.put(message)

    def _publish_stats(
        self, before: tuple[Instant, Figures], now: Instant, started: Instant, outbox: Outbox
    ) -> tuple[Instant, Figures]:
        figures = self._sources.figures()
        try:
            waiting = outbox.count()
        except StoreError:
            waiting = None
        made = stats(self._sources, figures, before, now, started, waiting)
        if made.inference_ms is None and self._stats is not None:  # nothing moved: it would take as long as before
            made = msgspec.structs.replace(made, inference_ms=self._stats.inference_ms)
        self._stats = made
        self._shelf.put(Message("stats", msgspec.json.encode(made)))
        return now, figures

    def _write_down(self, write: Callable[[], object]) -> None:
        """A card that cannot be written costs only tidiness: it is said once."""
        try:
            write()
            self._broken = False
        except StoreError as error:
            if not self._broken:
                log.warning("retained topics not written down error=%s", error)
            self._broken = True


def _state(view: View) -> Iterable[Message]:
    return [Message("state", msgspec.json.encode(view.summary))]


def _copy(shown: Shown) -> Shown:
    return replace(shown, open=set(shown.open))
