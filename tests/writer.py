"""A program that keeps events and deletes old ones as fast as it can, until it is killed: the real keeper and housekeeper, no recognition.

python -m tests.writer DATA_FOLDER
"""

import itertools
import logging
import sys
from pathlib import Path

import msgspec
import numpy as np

from edge import config
from edge.camera.port import Frame
from edge.clock import SystemClock
from edge.events import housekeeping
from edge.events.housekeeping import Housekeeper
from edge.events.keeper import Keeper
from edge.events.port import Change, Outcome
from edge.geometry import Box
from edge.health import Health
from edge.identity import locked
from edge.ids import IdSource
from edge.runtime import Fatal
from edge.store.events import EventStore
from edge.store.pictures import PictureFolder
from edge.store.port import Event

LIMIT = config.Retention(days=0, max_mb=1, min_free_mb=0)


def main(data_dir: Path) -> None:
    housekeeping.INTERVAL_S = 0.02
    clock, fatal, pictures = SystemClock(), Fatal(), PictureFolder(data_dir)
    housekeeper = Housekeeper(
        data_dir, "dev", LIMIT, config.Card(), clock, Health(clock), pictures, lambda _message: None, fatal
    )
    keeper = Keeper(data_dir, "dev", config.Pictures(), lambda: None, fatal, folder=pictures)
    store = EventStore(data_dir)
    ids = IdSource(clock, store.newest_id())
    store.close()
    housekeeper.start()
    keeper.start()
    print("started", flush=True)
    for number in itertools.count():
        fatal.reraise()
        pixels = np.random.default_rng(number % 200).integers(0, 255, (120, 160, 3), dtype=np.uint8)  # each comes again
        now = clock.now()
        frame = Frame("door", number, pixels, now)
        for label in ("Car", "Person"):  # two things share the picture
            event = Event(
                id=ids.next(), camera="door", label=label, score=0.5, box=Box(0, 0, 1, 1), started=now, seen=now,
                boot_id=clock.boot_id,
            )  # fmt: skip
            keeper.submit(Outcome([Change("started", event, frame)]))
            if number % 10:
                ended = msgspec.structs.replace(event, revision=2, end_reason="left")
                keeper.submit(Outcome([Change("ended", ended, None)]))


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO)
    with locked(Path(sys.argv[1])):
        main(Path(sys.argv[1]))
