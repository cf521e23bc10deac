"""A device with events, and remotes that rclone serves."""

import hashlib
import random
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from edge.backup.restore import Choice, restore_database, restore_files
from edge.backup.room import Room
from edge.backup.snapshot import Taken
from edge.backup.target import Target, obscured, rclone_path, save
from edge.clock import Instant
from edge.demo.broker import free_port
from edge.geometry import Box
from edge.store.clips import ClipFolder
from edge.store.database import open_database
from edge.store.events import EventStore
from edge.store.pictures import PictureFolder
from edge.store.port import Clip, Event, Record
from edge.store.removal import Remover
from edge.testing.clock import SimulatedClock
from tests.support import until

NOW_S = 1_763_712_000.0
Content = tuple[dict[str, list[tuple[object, ...]]], dict[str, bytes]]
"""Of a card: rows of the tables that a backup promises, and files."""
USER, PASSWORD = "edge", "pass word'$(id)"
KEY, SALT, SERVER_KEY = "secret-one", "secret-two", "k" * 20


class Card:
    """A data folder that things happen to."""

    def __init__(self, data_dir: Path, seed: int = 1) -> None:
        self.data_dir = data_dir
        self.clock = SimulatedClock()
        self._random = random.Random(seed)
        self._count = 0
        self.store = EventStore(data_dir)
        self.pictures = PictureFolder(data_dir)

    def close(self) -> None:
        self.store.close()

    def add(self, count: int, *, label: str = "Person", size: int = 3000, day: int = 0) -> list[str]:
        return [self._event(label, size, day) for _ in range(count)]

    def _event(self, label: str, size: int, day: int) -> str:
        self._count += 1
        put = self.pictures.put(self._random.randbytes(size), (64, 48))
        at = Instant(NOW_S + day * 86_400 + self._count, float(self._count))
        id_ = f"{self._random.getrandbits(48):012x}"
        id_ = f"{int(at.wall_s * 1000) >> 16:08x}-{int(at.wall_s * 1000) & 0xFFFF:04x}-7000-8000-{id_}"
        event = Event(
            id=id_, camera="door", label=label, score=0.9, box=Box(0, 0, 1, 1), started=at, seen=at, boot_id="b",
            picture=put.picture, end_reason="left", sub_label="it's a \"test\";\r\nline",
        )  # fmt: skip
        self.store.commit([Record((event,), new_pictures=frozenset({put.picture.sha256} if put.is_new else ()))])
        self.pictures.let_go(())
        return id_

    def clip(self, event: str) -> None:
        content = self._random.randbytes(5000)
        id_ = event[:-12] + f"{self._random.getrandbits(48):012x}"
        path = ClipFolder(self.data_dir).path_of(id_)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        clip = Clip(
            id=id_, camera="door", trigger="track", started=Instant(NOW_S, 1.0), boot_id="b", duration_s=1.0,
            size_bytes=len(content), sha256=hashlib.sha256(content).hexdigest(), events=(event,),
        )  # fmt: skip
        self.store.commit([Record(clip=clip)])

    def change(self, event: str) -> None:
        found = self.store.find(event)[0]
        changed = msgspec.structs.replace(found, revision=found.revision + 1, score=self._random.random())
        self.store.commit([Record((changed,))])
        self.store.keep(event, not found.kept)

    def delete(self, count: int) -> None:
        remover = Remover(self.data_dir, self.pictures)
        try:
            remover.remove(remover.oldest(count))
            remover.unlink(1000)
        finally:
            remover.close()


TABLES = (
    "events",
    "event_pictures",
    "clips",
    "event_clips",
    "shared_pictures",
    "day_counts",
    "totals",
    "switches",
    "counts",
)


def rows_of(data_dir: Path) -> dict[str, list[tuple[object, ...]]]:
    connection = open_database(data_dir)
    try:
        return {table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in TABLES}  # noqa: S608 - constants only
    finally:
        connection.close()


def files_of(data_dir: Path) -> dict[str, bytes]:
    found = [path for folder in ("pictures", "clips") for path in (data_dir / folder).rglob("*") if path.is_file()]
    return {str(path.relative_to(data_dir)): path.read_bytes() for path in found}


def content_of(folder: Path) -> Content:
    """Without the column that says which pack a file is in."""
    rows = rows_of(folder)
    for table, column in (("event_pictures", 5), ("clips", 9)):
        rows[table] = [row[:column] for row in rows[table]]
    rows["totals"] = [row for row in rows["totals"] if row[1]]
    return rows, files_of(folder)


def restored(room: Room, target: Path, at: int = -1) -> Content:
    with room.repository() as repository:
        name = repository.heads().snapshots[at]
        manifest = repository.manifest(name)
        restore_database(repository, name, manifest, target)
        done = restore_files(repository, manifest, target, Choice())
        assert done.damaged == (), done.damaged
    return content_of(target)


def whole_files(folder: Path) -> set[str]:
    """Of a remote that is not encrypted: files that are what their names say."""
    found = set()
    for path in folder.rglob("*-*.json"):
        found |= {str(path)} if _is(path, path.stem.rpartition("-")[2]) else set()
    for path in (path for kind in ("packs", "database", "rows", "settings") for path in folder.rglob(f"{kind}/**/*.*")):
        found |= {str(path)} if _is(path, path.name.partition(".")[0]) else set()
    return found


def _is(path: Path, sha256: str) -> bool:
    return path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == sha256


def set_up(data_dir: Path, options: dict[str, str], path: str, *, encrypted: bool = True) -> Room:
    key = {"password": KEY, "salt": SALT} if encrypted else {}
    save(data_dir, Target(device="edge-1", repository="repo-1", path=path, options=options, **key))
    return Room.of(data_dir)


def take(room: Room, card: Card) -> Taken:
    with room.repository() as repository:
        return room.take(repository, card.clock)


@contextmanager
def served(
    kind: str, folder: Path, *flags: str, host: str = "127.0.0.1", prefix: Sequence[str] = ()
) -> Iterator[dict[str, str]]:
    """`rclone serve`; the options of a remote that reaches it.

    Args:
        prefix: what it is started with, such as `nsenter …`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    port = free_port()
    who = {"s3": ["--auth-key", f"{USER},{SERVER_KEY}"]}.get(kind, ["--user", USER, "--pass", PASSWORD])
    command = [
        *prefix,
        rclone_path(),
        "serve",
        kind,
        str(folder),
        "--addr",
        f"{host}:{port}",
        "--config",
        "/dev/null",
        *who,
        *flags,
    ]
    with (folder.parent / f"{folder.name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    try:
        until(lambda: _listens(host, port, prefix), 60, f"rclone serve {kind}")
        yield {
            "s3": {"type": "s3", "provider": "Rclone", "endpoint": f"http://{host}:{port}", "access_key_id": USER,
                   "secret_access_key": SERVER_KEY, "region": "us-east-1", "force_path_style": "true"},
            "sftp": {"type": "sftp", "host": host, "port": str(port), "user": USER, "pass": obscured(PASSWORD),
                     "shell_type": "none"},
            "webdav": {"type": "webdav", "url": f"http://{host}:{port}", "vendor": "other", "user": USER,
                       "pass": obscured(PASSWORD)},
        }[kind]  # fmt: skip
    finally:
        process.kill()
        process.wait()


_PROBE = "import socket, sys; socket.create_connection((sys.argv[1], int(sys.argv[2])), 1)"


def _listens(host: str, port: int, prefix: Sequence[str]) -> bool:
    command = [*prefix, sys.executable, "-c", _PROBE, host, str(port)]
    return subprocess.run(command, check=False, capture_output=True, timeout=60).returncode == 0
