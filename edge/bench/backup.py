"""`edge bench backup`: what a snapshot of 100 new pictures costs as what is kept grows."""

import hashlib
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from edge.backup.restore import Choice, restore_database, restore_files
from edge.backup.room import Room
from edge.backup.target import Target, save
from edge.bench.backup_peers import Loose, Restic, served_s3
from edge.bench.report import BenchReport, Figure
from edge.bench.tree_memory import Held, peak_bytes
from edge.clock import SystemClock, local_day
from edge.files import make_folder
from edge.store.database import open_database, transaction
from edge.store.port import path_of_hash

NEW = 100
PICTURE_BYTES = 1000
BEGIN_S = 1_790_000_000.0
CHUNK = 10_000
BOUND, BOUND_MB, TIMES = 1.2, 120.0, 5.0
PEER_ROUNDS = 3
"""At the most, of what takes long."""
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

    @property
    def pictures(self) -> Path:
        return self.folder / "pictures"

    def add(self, count: int) -> list[str]:
        """Paths below the picture folder."""
        added: list[str] = []
        with closing(open_database(self.folder)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            rows = self._rows(count)
            while chunk := list(islice(rows, CHUNK)):
                with transaction(connection):
                    connection.executemany(_EVENT, chunk)
                    connection.executemany(_PICTURE, [(row[0], row[5], PICTURE_BYTES) for row in chunk])
                added += [path_of_hash(row[5]) for row in chunk]
        return added

    def _rows(self, count: int) -> Iterator[tuple[str, float, float, float, float, str, int]]:
        for _ in range(count):
            self._number += 1
            content = self._chance.randbytes(PICTURE_BYTES)
            sha256 = hashlib.sha256(content).hexdigest()
            path = self.pictures / path_of_hash(sha256)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            wall_s = BEGIN_S + self._number * 20
            id_ = f"{int(wall_s * 1000):012x}7000{self._chance.getrandbits(64):016x}"
            yield (id_, wall_s, self._number, wall_s + 5, self._number + 5, sha256, local_day(wall_s))


def run(parent: Path, *, sizes: tuple[int, ...], rounds: int, s3: int) -> BenchReport:
    """Fill a store for each size in a folder below `parent`, back it up to a folder beside it, encrypted, and remove all.

    Args:
        s3: pictures that go to an S3 server of rclone's and back.
    """
    make_folder(parent)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as name:
        folder = Path(name)
        cards, first = {}, {}
        for size in sizes:
            cards[size] = _made(folder / str(size), size, {"type": "local"}, str(folder / str(size) / "remote"))
            first[size] = _take(cards[size]).seconds
        costs: dict[int, list[_Cost]] = {size: [] for size in sizes}
        for _ in range(rounds):
            for size, card in cards.items():  # in turn, so that a busy machine is unfair to all alike
                card.add(NEW)
                costs[size].append(_take(card))
        small, large = sizes[0], sizes[-1]
        memory = {size: _memory(cards[size]) for size in (small, large)}
        peers = {size: _beside_peers(folder / str(size), cards[size], rounds) for size in sizes}
        requests = {size: _requests(folder / f"requests-{size}", cards[size]) for size in (small, large)}
        trips = _beside_copy(folder / "trips", s3, rounds)
    best = {size: min(cost.seconds for cost in took) for size, took in costs.items()}
    commands = {size: sorted({cost.commands for cost in took}) for size, took in costs.items()}
    ours_up, ours_down, copy_up, copy_down = (min(each) for each in zip(*trips, strict=True))
    return BenchReport(
        "backup",
        [
            Figure.of("growth_ratio", best[large] / best[small], "", "lower", BOUND),
            Figure.of("same_commands", float(commands[small] == commands[large]), "", "higher", 1.0),
            Figure.of("same_requests", float(requests[small] == requests[large]), "", "higher", 1.0),
            Figure.of("memory_mb", max(held.all for held in memory.values()) / 1e6, "MB", "lower", BOUND_MB),
            Figure.of("first_beside_copy", copy_up / ours_up, "times", "higher", TIMES),
            Figure.of("restore_beside_copy", copy_down / ours_down, "times", "higher", TIMES),
        ],
        {
            "new": NEW,
            **{f"first_{size}_s": round(seconds, 2) for size, seconds in first.items()},
            **{f"next_at_{size}_s": round(seconds, 3) for size, seconds in best.items()},
            **{f"{name}_at_{size}_s": round(took, 3) for size, each in peers.items() for name, took in each.items()},
            **{f"rclone_commands_at_{size}": commands[size] for size in sizes},
            **{f"s3_requests_at_{size}": count for size, count in requests.items()},
            **{f"memory_at_{size}_mb": round(held.all / 1e6, 1) for size, held in memory.items()},
            **{f"memory_at_{size}_own_mb": round(held.own / 1e6, 1) for size, held in memory.items()},
            "s3_pictures": s3,
            **{f"s3_{name}_s": [round(trip[at], 2) for trip in trips] for at, name in enumerate(_Trip._fields)},
        },
    )


def _made(folder: Path, size: int, options: dict[str, str], path: str) -> _Card:
    """A card with so many pictures, whose backup goes to these options."""
    card = _Card(folder / "card", size)
    make_folder(card.folder)
    card.add(size)
    save(card.folder, _target(options, path))
    return card


def _target(options: dict[str, str], path: str) -> Target:
    """A repository of its own for each path: what is secured in one is not in another."""
    repository = hashlib.sha256(path.encode()).hexdigest()
    return Target(device="bench", repository=repository, path=path, options=options, password="bench", salt="bench")


def _take(card: _Card) -> _Cost:
    os.sync()
    begin_s = time.perf_counter()
    room = Room.of(card.folder)
    with room.repository() as repository:
        room.take(repository, SystemClock())
        return _Cost(time.perf_counter() - begin_s, repository.remote.commands)


def _memory(card: _Card) -> Held:
    """Of `edge backup now` and of rclone below it."""
    card.add(NEW)
    return peak_bytes([sys.executable, "-m", "edge", "backup", "now", "--data", str(card.folder)])


def _restore(card: _Card, target: Path) -> float:
    os.sync()  # a restore syncs what it has written: it must not pay for what this bench has
    begin_s = time.perf_counter()
    with Room.of(card.folder).repository() as repository:
        name = repository.heads().snapshots[-1]
        manifest = repository.manifest(name)
        restore_database(repository, name, manifest, target)
        restore_files(repository, manifest, target, Choice())
    return time.perf_counter() - begin_s


def _beside_peers(folder: Path, card: _Card, rounds: int) -> dict[str, float]:
    """Seconds of each for 100 new pictures, the best; into folders, encrypted."""
    loose = Loose(card.pictures, folder / "loose.conf", _target({"type": "local"}, str(folder / "loose")))
    took: dict[str, list[float]] = {"rclone_sync": [], "rclone_copy_files_from": [], "ours_beside": []}
    loose.copy()
    restic = Restic(card.pictures, folder / "restic") if Restic.is_installed() else None
    if restic:
        restic.backup()
        took["restic"] = []
    for _ in range(min(rounds, PEER_ROUNDS)):
        card.add(NEW)
        took["ours_beside"].append(_take(card).seconds)
        took["rclone_sync"].append(loose.sync())
        if restic:
            took["restic"].append(restic.backup())
        took["rclone_copy_files_from"].append(loose.copy_new(card.add(NEW)))
    return {name: min(each) for name, each in took.items()}


def _requests(folder: Path, card: _Card) -> int:
    """That 100 new pictures cost on S3."""
    with served_s3(folder, tells=True) as server:
        save(card.folder, _target(server.options, f"bucket/{folder.name}"))
        _take(card)
        before = server.requests()
        card.add(NEW)
        _take(card)
        return server.requests() - before


class _Trip(NamedTuple):
    """Seconds for the same pictures, by us and by `rclone copy` of loose files; up and down again."""

    ours_up: float
    ours_down: float
    copy_up: float
    copy_down: float


def _beside_copy(folder: Path, count: int, rounds: int) -> Sequence[_Trip]:
    """Against rclone's own S3 server, both encrypted; in turns."""
    with served_s3(folder / "s3") as server:
        card = _made(folder, count, server.options, "bucket/ours")
        return [_trip(folder / str(number), card, server.options) for number in range(min(rounds, PEER_ROUNDS))]


def _trip(folder: Path, card: _Card, options: dict[str, str]) -> _Trip:
    make_folder(folder)
    save(card.folder, _target(options, f"bucket/ours-{folder.name}"))
    loose = Loose(card.pictures, folder / "loose.conf", _target(options, f"bucket/loose-{folder.name}"))
    ours_up, copy_up = _take(card).seconds, loose.copy()
    ours_down, copy_down = _restore(card, folder / "restored"), loose.copy_back(folder / "copied")
    shutil.rmtree(folder)
    return _Trip(ours_up, ours_down, copy_up, copy_down)
