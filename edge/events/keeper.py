"""Keeps what happened: picture first, then event and outbox row in one transaction, then the sender is woken.

A thread of its own, so that a slow card holds up neither the camera nor recognition.
"""

import logging
import queue
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import NamedTuple, TypeVar

import msgspec

from edge import config
from edge.camera.port import Frame
from edge.clock import local_day
from edge.errors import StoreError
from edge.events.message import crossing_message, message_of
from edge.events.port import Change, Kind, Outcome
from edge.geometry import Size
from edge.pictures import encode_jpeg
from edge.store.events import EventStore
from edge.store.pictures import PictureFolder
from edge.store.port import Event, Message, Picture, Record

log = logging.getLogger(__name__)

QUEUE = 16
"""Outcomes that wait with their frames; when it is full the submitter waits: recognition slows down rather than losing an event."""
BATCH = 32
BACKLOG = 10_000
"""Records, without frames, that wait for a database that cannot be written; beyond it the oldest are given up, and counted."""
RETRY_S = 2.0
REMEMBERED = 4
"""Frames whose picture is kept at hand: several things in one frame share it."""

Jpeg = tuple[bytes, Size]
Key = tuple[str, int, float]
V = TypeVar("V")


class _Receipt(NamedTuple):
    """An outcome whose submitter waits until it is kept."""

    outcome: Outcome
    kept: threading.Event


class Keeper:
    """Takes outcomes from recognition and makes them durable.

    Args:
        wake: called after each commit that left messages in the outbox. Must not block.
        failed: called when the thread dies of something unforeseen.
        trouble: called when "picture" or "database" begins to fail, with the error, and with None when it works again. Must not block.
        folder: where pictures go, when somebody else deletes from it beside.
        mark: says of each event what its wall times are worth, and puts them right when it can.
        also: makes further messages of a change, kept in the same transaction; called in the keeper's thread.

    Thread: `submit`, `keep` and `submit_message` any; the rest the owner.
    """

    def __init__(
        self,
        data_dir: Path,
        device: str,
        pictures: config.Pictures,
        wake: Callable[[], None],
        failed: Callable[[BaseException], None],
        *,
        trouble: Callable[[str, StoreError | None], None] = lambda _what, _error: None,
        folder: PictureFolder | None = None,
        mark: Callable[[Event], Event] = lambda event: event,
        also: Callable[[Kind, Event], Iterable[Message]] | None = None,
    ) -> None:
        self._data_dir = data_dir
        self._device = device
        self._settings = pictures
        self._wake = wake
        self._failed = failed
        self._trouble = trouble
        self._mark = mark
        self._folder = folder or PictureFolder(data_dir)
        self._also = also
        self._queue: queue.SimpleQueue[Outcome | _Receipt | Record | Message | None] = queue.SimpleQueue()
        self._room = threading.Semaphore(QUEUE)  # for all but messages
        self._thread = threading.Thread(target=self._run, name="keeper", daemon=True)
        self._kept: dict[str, Picture | None] = {}
        self._encoded: OrderedDict[Key, Jpeg] = OrderedDict()
        self._kept_frames: OrderedDict[Key, Picture] = OrderedDict()
        self._new_pictures: set[str] = set()
        self._backlog: list[Record] = []
        self._broken: set[str] = set()
        self._receipts: list[threading.Event] = []
        self._listeners: list[Callable[[Sequence[Record]], None]] = []
        self._ended = False
        self.events = 0
        self.pictures = 0
        self.lost = 0
        """Records that were given up because the database could not be written for too long."""

    def listen(self, listener: Callable[[Sequence[Record]], None]) -> None:
        """Be told, in the keeper's thread, of what has been committed; must not block. Before `start`."""
        self._listeners.append(listener)

    def start(self) -> None:
        """Begin to keep; first of all the ends of the events that a killed program left open.

        Raises:
            StoreError: the database cannot be used.
        """
        store = EventStore(self._data_dir)
        try:
            for event in store.open_events():
                ended = msgspec.structs.replace(event, revision=event.revision + 1, end_reason="interrupted")
                self._backlog.append(Record((ended,), self._messages("ended", ended)))
        finally:
            store.close()
        if self._backlog:
            log.info("ending events that the last stop interrupted count=%d", len(self._backlog))
        self._thread.start()

    def submit(self, outcome: Outcome) -> None:
        """Hand over; waits while the queue is full."""
        if outcome.changes or outcome.still is not None or outcome.crossings:
            self._put(outcome)
        elif any(frame.key not in self._encoded for frame in outcome.likely):  # a favour, not a duty
            self._put(outcome, wait=False)

    def keep(self, outcome: Outcome, timeout_s: float) -> bool:
        """Hand over and wait until it is in the database; False: it is not so yet."""
        receipt = _Receipt(outcome, threading.Event())
        self._put(receipt)
        return receipt.kept.wait(timeout_s)

    @property
    def waiting(self) -> int:
        """Outcomes that are not on the card yet. Thread: any."""
        return self._queue.qsize() + len(self._backlog)

    def submit_message(self, message: Message) -> None:
        """Hand over a message of no event, to be kept in the outbox; behind the end it is let go. Does not wait: it holds no frames."""
        if not self._ended:
            self._queue.put(message)

    def submit_record(self, record: Record) -> None:
        """Hand over what is ready to be committed, behind all that was submitted before; waits while the queue is full."""
        self._put(record)

    def stop(self) -> None:
        """Keep all that was submitted, then end."""
        self._ended = True
        self._put(None)
        self._thread.join()

    def _put(self, item: Outcome | _Receipt | Record | None, *, wait: bool = True) -> None:
        if self._room.acquire(blocking=wait):
            self._queue.put(item)

    def _run(self) -> None:
        try:
            store = EventStore(self._data_dir)
            try:
                going_on = True
                while going_on:
                    self._commit(store)
                    going_on = self._take()
                self._commit(store)
            finally:
                store.close()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the owner must know that nothing is kept any more
            self._failed(error)
        if self._backlog:
            log.error("events lost at the end count=%d", len(self._backlog))
            self.lost += len(self._backlog)

    def _take(self) -> bool:
        """Wait for an outcome and add it and those behind it to the backlog; False after the last."""
        wait_s = RETRY_S if self._backlog else None
        for _ in range(BATCH):
            try:
                item = self._queue.get(timeout=wait_s)
            except queue.Empty:
                break
            if not isinstance(item, Message):
                self._room.release()
            if item is None:
                return False
            self._add(item)
            wait_s = 0
        return True

    def _add(self, item: Outcome | _Receipt | Record | Message) -> None:
        if isinstance(item, Message):
            item = Record((), (item,))
        if isinstance(item, Record):
            self._backlog.append(item)
            return
        if isinstance(item, _Receipt):
            self._receipts.append(item.kept)
            item = item.outcome
        if item.changes or item.still is not None or item.crossings:
            self._backlog.append(self._record(item))
        for frame in item.likely:
            self._encode(frame)

    def _record(self, outcome: Outcome) -> Record:
        changes = [change._replace(event=self._mark(change.event)) for change in outcome.changes]
        events = {change.event.id: self._with_picture(change) for change in changes}
        messages = [
            message
            for change in changes
            for message in self._messages(
                change.kind, msgspec.structs.replace(change.event, picture=events[change.event.id].picture)
            )
        ]
        new_pictures, self._new_pictures = frozenset(self._new_pictures), set()
        messages += [crossing_message(crossing, outcome.at, self._device) for crossing in outcome.crossings]
        crossings = tuple((crossing, local_day(outcome.at.wall_s)) for crossing in outcome.crossings)
        return Record(tuple(events.values()), tuple(messages), outcome.still, new_pictures, crossings=crossings)

    def _messages(self, kind: Kind, event: Event) -> tuple[Message, ...]:
        return message_of(kind, event, self._device), *(self._also(kind, event) if self._also else ())

    def _with_picture(self, change: Change) -> Event:
        event, frame = change.event, change.frame
        if frame is not None and (picture := self._keep_picture(frame)) is not None:
            self._kept[event.id] = picture
        picture = self._kept.get(event.id)
        if change.kind == "started":
            self.events += 1
        elif change.kind == "ended":
            self._kept.pop(event.id, None)
        return msgspec.structs.replace(event, picture=picture)

    def _keep_picture(self, frame: Frame) -> Picture | None:
        if frame.key in self._kept_frames:
            return self._kept_frames[frame.key]
        try:
            picture, is_new = self._folder.put(*self._encode(frame))
        except StoreError as error:
            self._report("picture", error)
            return None
        self._works("picture")
        if is_new:
            self._new_pictures.add(picture.sha256)
        _remember(self._kept_frames, frame.key, picture)
        self.pictures += 1
        return picture

    def _encode(self, frame: Frame) -> Jpeg:
        """JPEG and size; of the last few frames from memory."""
        if frame.key not in self._encoded:
            jpeg = encode_jpeg(frame.pixels, quality=self._settings.quality, max_edge_px=self._settings.max_edge_px)
            _remember(self._encoded, frame.key, jpeg)
        return self._encoded[frame.key]

    def _commit(self, store: EventStore) -> None:
        if not self._backlog:
            return
        try:
            store.commit(self._backlog)
        except StoreError as error:
            if not error.retryable:
                raise
            self._report("database", error)
            over = max(0, len(self._backlog) - BACKLOG)
            self.lost += over
            del self._backlog[:over]
            return
        self._works("database")
        for listener in self._listeners:
            listener(self._backlog)
        self._backlog.clear()
        self._folder.let_go([picture.sha256 for picture in self._kept_frames.values()])
        for kept in self._receipts:
            kept.set()
        self._receipts.clear()
        self._wake()

    def _report(self, what: str, error: StoreError) -> None:
        """Log a failure once, until the same works again."""
        if what not in self._broken:
            self._broken.add(what)
            log.error("store failed what=%s error=%s", what, error)
            self._trouble(what, error)

    def _works(self, what: str) -> None:
        if what in self._broken:
            self._broken.discard(what)
            self._trouble(what, None)


def _remember(known: OrderedDict[Key, V], key: Key, value: V) -> None:
    known[key] = value
    if len(known) > REMEMBERED:
        known.popitem(last=False)
