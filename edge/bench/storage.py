"""`edge bench storage`: bytes that the program writes to the card for an event ÷ bytes of its picture and its row.

The real keeper, sender and broker, with realistic pictures. Written is what the kernel counts for this process (`write_bytes` of
/proc/self/io: every 4 KiB page that it makes dirty, each time), up to the end of a checkpoint; the broker is another process, and the file
system's own journal is counted nowhere. The row is what SQLite needs for the event and its picture's row without page slack: the sizes of
their values.
"""

import os
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import msgspec
import numpy as np

from edge import config
from edge.bench.report import BenchReport, Figure
from edge.bench.rig import DEVICE, broker_and_folder
from edge.bench.scenes import moving
from edge.camera.port import Frame, Pixels
from edge.clock import SystemClock
from edge.errors import EdgeError
from edge.events.card import bytes_written
from edge.events.keeper import Keeper
from edge.events.port import Change, Outcome
from edge.geometry import Box
from edge.ids import IdSource
from edge.mqtt.sender import Sender
from edge.runtime import Fatal
from edge.store.database import open_database
from edge.store.pictures import FOLDER_NAME
from edge.store.port import Event

BOUND = 2.0
APART_S = 0.02
DRAIN_S = 30.0


def run(pictures: list[Path], parent: Path, *, events: int) -> BenchReport:
    """So many events, begun and ended one after the other, each with a picture of its own."""
    if bytes_written() is None:
        raise EdgeError("bench storage: /proc/self/io cannot be read", hint="this needs Linux with task I/O accounting")
    scenes, fatal = moving(pictures), Fatal()
    with broker_and_folder(parent) as (broker, data_dir):
        with closing(open_database(data_dir)):
            pass
        sender = Sender(data_dir, config.Mqtt(host=broker.host, port=broker.port), DEVICE, fatal)
        keeper = Keeper(data_dir, DEVICE, config.Pictures(), sender.wake, fatal)
        keeper.start()
        sender.start()
        sender.wait_drained(DRAIN_S)
        os.sync()
        before = bytes_written() or 0
        _events(keeper.submit, scenes, events)
        keeper.stop()
        sender.wait_drained(DRAIN_S)
        sender.stop()
        with closing(open_database(data_dir)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        written = (bytes_written() or 0) - before
        fatal.reraise()
        picture_bytes, row_bytes = _kept(data_dir)
    ratio = written / (picture_bytes + row_bytes)
    return BenchReport(
        "storage",
        [Figure.of("write_ratio", ratio, "", "lower", BOUND)],
        {
            "events": events,
            "written_bytes_per_event": round(written / events),
            "picture_bytes_per_event": round(picture_bytes / events),
            "row_bytes_per_event": round(row_bytes / events),
            "beside_the_picture_bytes_per_event": round((written - picture_bytes) / events),
        },
    )


def _events(submit: Callable[[Outcome], None], scenes: list[Pixels], events: int) -> None:
    clock = SystemClock()
    ids, chance = IdSource(clock), np.random.default_rng(7)
    for number in range(events):
        pixels = scenes[number % len(scenes)].copy()
        pixels[:8, :8] = chance.integers(0, 255, (8, 8, 3), dtype=np.uint8)  # no two pictures are the same
        now = clock.now()
        event = Event(
            id=ids.next(), camera="door", label="Person", score=0.8, box=Box(0.1, 0.2, 0.3, 0.4), started=now, seen=now,
            boot_id=clock.boot_id,
        )  # fmt: skip
        submit(Outcome([Change("started", event, Frame("door", number, pixels, now))]))
        time.sleep(APART_S)
        submit(Outcome([Change("ended", _ended(event), None)]))
        time.sleep(APART_S)


def _ended(event: Event) -> Event:
    return msgspec.structs.replace(event, revision=2, end_reason="left")


def _kept(data_dir: Path) -> tuple[int, int]:
    """Bytes of all pictures, and of the values of all rows of events and their pictures."""
    pictures = sum(path.stat().st_size for path in (data_dir / FOLDER_NAME).rglob("*.jpg"))
    rows = 0
    with closing(open_database(data_dir)) as connection:
        for query in ("SELECT * FROM events", "SELECT * FROM event_pictures"):
            rows += sum(_size(value) for row in connection.execute(query) for value in row)
    return pictures, rows


def _size(value: object) -> int:
    if value is None:
        return 1
    return len(value.encode()) + 1 if isinstance(value, str) else 9 if isinstance(value, float) else 5
