"""`edge bench backup`: what a snapshot of 100 new pictures costs as what is kept grows."""

import hashlib
import random
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from edge.backup.restore import Choice, restore_database, restore_files
from edge.backup.room import Room
from edge.backup.target import Target, obscured, rclone_path, save
from edge.bench.report import BenchReport, Figure
from edge.clock import SystemClock, local_day
from edge.files import make_folder
from edge.store.database import open_database, transaction
from edge.store.port import path_of_hash

NEW = 100
PICTURE_BYTES = 1000
BEGIN_S = 1_790_000_000.0
CHUNK = 10_000
BOUND = 1.2
_EVENT = """
    INSERT INTO events (id, revision, camera, label, score, box_left, box_top, box_right, box_bottom,
        started_wall_s, started_boot_s, seen_wall_s, seen_boot_s, boot_id, end_reason, picture, day)
    VALUES (?, 2, 'door', 'Person', 0.75, 0.1, 0.2, 0.3, 0.4, ?, ?, ?, ?, 'bench', 'left', ?, ?)"""
_PICTURE = "INSERT INTO event_pictures VALUES (?, ?, 64, 48, ?, 0)"


class _Cost(NamedTuple):
    seconds: float
    commands: int


class _Card:
    """A data folder with events and real files, made quickly: nothing is synced."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder = folder
        self._chance = random.Random(seed)
        self._number = 0

    def add(self, count: int) -> None:
        with closing(open_database(self.folder)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            rows = self._rows(count)
            while chunk := list(islice(rows, CHUNK)):
                with transaction(connection):
                    connection.executemany(_EVENT, chunk)
                    connection.executemany(_PICTURE, [(row[0], row[5], PICTURE_BYTES) for row in chunk])

    def _rows(self, count: int) -> Iterator[tuple[str, float, float, float, float, str, int]]:
        for _ in range(count):
            self._number += 1
            content = self._chance.randbytes(PICTURE_BYTES)
            sha256 = hashlib.sha256(content).hexdigest()
            path = self.folder / "pictures" / path_of_hash(sha256)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            wall_s = BEGIN_S + self._number * 20
            id_ = f"{int(wall_s * 1000):012x}7000{self._chance.getrandbits(64):016x}"
            yield (id_, wall_s, self._number, wall_s + 5, self._number + 5, sha256, local_day(wall_s))


def run(parent: Path, *, sizes: tuple[int, ...], rounds: int) -> BenchReport:
    """Fill a store for each size in a folder below `parent`, back it up to a folder beside it, encrypted, and remove all."""
    make_folder(parent)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as name:
        folder = Path(name)
        cards, first = {}, {}
        for size in sizes:
            cards[size] = _made(folder / str(size), size)
            first[size] = _take(cards[size]).seconds
        costs: dict[int, list[_Cost]] = {size: [] for size in sizes}
        for _ in range(rounds):
            for size, card in cards.items():  # in turn, so that a busy machine is unfair to all alike
                card.add(NEW)
                costs[size].append(_take(card))
        small, large = sizes[0], sizes[-1]
        peer_s = _peer(folder, cards[small])
        restored_s = _restore(cards[small], folder / "restored")
    best = {size: min(cost.seconds for cost in took) for size, took in costs.items()}
    commands = {size: sorted({cost.commands for cost in took}) for size, took in costs.items()}
    return BenchReport(
        "backup",
        [
            Figure.of("growth_ratio", best[large] / best[small], "", "lower", BOUND),
            Figure.of("same_commands", float(commands[small] == commands[large]), "", "higher", 1.0),
        ],
        {
            "new": NEW,
            **{f"first_{size}_s": round(seconds, 2) for size, seconds in first.items()},
            **{f"next_at_{size}_s": round(seconds, 3) for size, seconds in best.items()},
            **{f"rclone_commands_at_{size}": commands[size] for size in sizes},
            f"rclone_copy_of_{small}_loose_files_s": round(peer_s, 2),
            f"restore_of_{small}_s": round(restored_s, 2),
        },
    )


def _made(folder: Path, size: int) -> _Card:
    card = _Card(folder / "card", size)
    make_folder(card.folder)
    card.add(size)
    target = Target(
        device="bench", repository="bench", path=str(folder / "remote"), options={"type": "local"}, password="bench", salt="bench"
    )  # fmt: skip
    save(card.folder, target)
    return card


def _take(card: _Card) -> _Cost:
    begin_s = time.perf_counter()
    room = Room.of(card.folder)
    with room.repository() as repository:
        room.take(repository, SystemClock())
        return _Cost(time.perf_counter() - begin_s, repository.remote.commands)


def _restore(card: _Card, target: Path) -> float:
    begin_s = time.perf_counter()
    with Room.of(card.folder).repository() as repository:
        name = repository.heads().snapshots[-1]
        manifest = repository.manifest(name)
        restore_database(repository, name, manifest, target)
        restore_files(repository, manifest, target, Choice())
    return time.perf_counter() - begin_s


def _peer(folder: Path, card: _Card) -> float:
    """The same pictures as loose files into an encrypted folder, by rclone alone."""
    config = folder / "peer.conf"
    lines = ["[edge]", "type = crypt", f"remote = {folder / 'peer'}", f"password = {obscured('bench')}"]
    config.write_text("\n".join(lines), encoding="utf-8")
    begin_s = time.perf_counter()
    command = [rclone_path(), "copy", str(card.folder / "pictures"), "edge:", "--config", str(config)]
    subprocess.run(command, check=True, capture_output=True)
    took_s = time.perf_counter() - begin_s
    shutil.rmtree(folder / "peer")
    return took_s
