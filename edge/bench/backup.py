"""`edge bench backup`: what a snapshot of 100 new pictures costs as what is kept grows."""

import hashlib
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from edge.backup.restore import Choice, restore_database, restore_files
from edge.backup.room import Room
from edge.backup.target import Target, rclone_config, rclone_path, save
from edge.bench.report import BenchReport, Figure
from edge.bench.tree_memory import Held, peak_bytes
from edge.clock import SystemClock, local_day
from edge.errors import BackupError
from edge.files import make_folder
from edge.store.database import open_database, transaction
from edge.store.port import path_of_hash

NEW = 100
PICTURE_BYTES = 1000
BEGIN_S = 1_790_000_000.0
CHUNK = 10_000
BOUND, BOUND_MB, TIMES = 1.2, 120.0, 5.0
PEER = 10_000
"""Pictures that are also copied as loose files, to an S3 server of rclone's."""
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
        memory = {size: _memory(cards[size]) for size in (small, large)}
        peer = _beside_rclone(folder)
    best = {size: min(cost.seconds for cost in took) for size, took in costs.items()}
    commands = {size: sorted({cost.commands for cost in took}) for size, took in costs.items()}
    return BenchReport(
        "backup",
        [
            Figure.of("growth_ratio", best[large] / best[small], "", "lower", BOUND),
            Figure.of("same_commands", float(commands[small] == commands[large]), "", "higher", 1.0),
            Figure.of("memory_mb", max(held.all for held in memory.values()) / 1e6, "MB", "lower", BOUND_MB),
            Figure.of("first_beside_copy", peer.copy_up / peer.ours_up, "times", "higher", TIMES),
            Figure.of("restore_beside_copy", peer.copy_down / peer.ours_down, "times", "higher", TIMES),
        ],
        {
            "new": NEW,
            **{f"first_{size}_s": round(seconds, 2) for size, seconds in first.items()},
            **{f"next_at_{size}_s": round(seconds, 3) for size, seconds in best.items()},
            **{f"rclone_commands_at_{size}": commands[size] for size in sizes},
            **{f"memory_at_{size}_mb": round(held.all / 1e6, 1) for size, held in memory.items()},
            **{f"memory_at_{size}_own_mb": round(held.own / 1e6, 1) for size, held in memory.items()},
            **{f"s3_{PEER}_{name}_s": round(seconds, 2) for name, seconds in peer._asdict().items()},
        },
    )


def _made(folder: Path, size: int, options: dict[str, str] | None = None, path: str = "") -> _Card:
    """A card with so many pictures, whose backup goes to these options, or to a folder beside it."""
    card = _Card(folder / "card", size)
    make_folder(card.folder)
    card.add(size)
    save(card.folder, _target(options or {"type": "local"}, path or str(folder / "remote")))
    return card


def _target(options: dict[str, str], path: str) -> Target:
    return Target(device="bench", repository="bench", path=path, options=options, password="bench", salt="bench")


def _take(card: _Card) -> _Cost:
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


class _Peer(NamedTuple):
    """Seconds for the same pictures, by us and by `rclone copy` of loose files; up and down again."""

    ours_up: float
    ours_down: float
    copy_up: float
    copy_down: float


def _beside_rclone(folder: Path) -> _Peer:
    """Against rclone's own S3 server, both encrypted."""
    store = folder / "s3"
    (store / "bucket").mkdir(parents=True)
    with _served_s3(store) as options:
        card = _made(folder / "peer", PEER, options, "bucket/ours")
        ours_up = _take(card).seconds
        ours_down = _restore(card, folder / "restored")
        config = folder / "peer.conf"
        config.write_text(rclone_config(_target(options, "bucket/loose")), encoding="utf-8")
        copy_up = _copy(config, str(card.folder / "pictures"), "edge:")
        copy_down = _copy(config, "edge:", str(folder / "copied"))
    return _Peer(ours_up, ours_down, copy_up, copy_down)


def _copy(config: Path, source: str, target: str) -> float:
    os.sync()
    begin_s = time.perf_counter()
    subprocess.run([rclone_path(), "copy", source, target, "--config", str(config)], check=True, capture_output=True)
    return time.perf_counter() - begin_s


@contextmanager
def _served_s3(store: Path) -> Iterator[dict[str, str]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    command = [
        rclone_path(),
        "serve",
        "s3",
        str(store),
        "--addr",
        address,
        "--auth-key",
        "bench,benchbench",
        "--config",
        "/dev/null",
    ]
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _wait_for(address)
        yield {
            "type": "s3", "provider": "Rclone", "endpoint": f"http://{address}", "access_key_id": "bench",
            "secret_access_key": "benchbench", "region": "us-east-1", "force_path_style": "true",
        }  # fmt: skip
    finally:
        server.kill()
        server.wait()


def _wait_for(address: str) -> None:
    host, _, port = address.partition(":")
    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                return
        time.sleep(0.1)
    raise BackupError("rclone serve s3 does not begin")
