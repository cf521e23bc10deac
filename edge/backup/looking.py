"""What is on the remote, and what a restore would fetch: looked at in a process of its own: the running program does not notice."""

import os
import shutil
import threading
from pathlib import Path
from typing import TypeVar

import msgspec

from edge.backup.repository import Repository, chosen
from edge.backup.restore import Choice, plan, restore_database
from edge.backup.room import Room
from edge.channel import Channel, Failure
from edge.clock import iso_utc
from edge.errors import BackupError, EdgeError, IsolateError, RefusedError
from edge.isolate import Isolate

WORKER = "edge.backup.looking:serve"
LIST_S, PLAN_S = 90.0, 900.0
NICE = 10
Answer = TypeVar("Answer")


class ListSnapshots(msgspec.Struct, frozen=True, tag=True):
    data_dir: str
    limit_kb_per_s: int = 0


class PlanRestore(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """`snapshot`: the beginning of its time or id; empty: the newest. `days` as the store counts them."""

    data_dir: str
    limit_kb_per_s: int = 0
    snapshot: str = ""
    days: tuple[int, ...] = ()
    labels: tuple[str, ...] = ()
    database_only: bool = False


class KeptSnapshot(msgspec.Struct, frozen=True):
    stamp: str
    id: str
    made_at: str


class Snapshots(msgspec.Struct, frozen=True, tag=True):
    """Newest first."""

    snapshots: list[KeptSnapshot]


class RestorePlan(msgspec.Struct, frozen=True, tag=True):
    """What would be fetched: the database, and files out of so many packs."""

    snapshot: str
    events: int
    files: int
    size_bytes: int
    packs: int
    packs_bytes: int


class Looking:
    """Thread: any; every method but `end` waits for the remote.

    Raises (every method but `end`):
        BackupError: none is set up, the remote cannot be reached, another run has it, or `end` was called.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._isolates = set[Isolate]()
        self._ended = False

    def list_snapshots(self, asked: ListSnapshots) -> Snapshots:
        return self._asked(asked, Snapshots, LIST_S)

    def plan_restore(self, asked: PlanRestore) -> RestorePlan:
        """Fetches the database to know; nothing of it stays."""
        return self._asked(asked, RestorePlan, PLAN_S)

    def end(self) -> None:
        """Whoever waits for a remote waits no more, for good."""
        with self._lock:
            self._ended = True
            for isolate in self._isolates:
                isolate.end()

    def _asked(self, asked: ListSnapshots | PlanRestore, answer: type[Answer], timeout_s: float) -> Answer:
        try:
            isolate = self._begun()
            try:
                return isolate.request(asked, answer, timeout_s)
            finally:
                isolate.end()
                with self._lock:
                    self._isolates.discard(isolate)
        except RefusedError as error:
            raise BackupError(str(error.args[0]), hint=error.hint) from error
        except IsolateError as error:
            raise BackupError(str(error.args[0]), hint="ask again", retryable=True) from error

    def _begun(self) -> Isolate:
        with self._lock:
            if self._ended:
                raise BackupError("the program ends", hint="ask again", retryable=True)
            isolate = Isolate(WORKER, name="backup")
            self._isolates.add(isolate)
            return isolate


def serve(channel: Channel, _: list[int]) -> None:
    """In the other process."""
    os.nice(NICE)
    asked: ListSnapshots | PlanRestore = channel.receive(ListSnapshots | PlanRestore)
    try:
        with Room.of(Path(asked.data_dir), asked.limit_kb_per_s).repository() as repository:
            repository.required()
            channel.send(_listed(repository) if isinstance(asked, ListSnapshots) else _planned(repository, asked))
    except EdgeError as error:
        channel.send(Failure(str(error.args[0]), error.hint))


def _listed(repository: Repository) -> Snapshots:
    names = reversed(repository.heads().snapshots)
    return Snapshots([KeptSnapshot(name.stamp, name.id, iso_utc(name.made.timestamp())) for name in names])


def _planned(repository: Repository, asked: PlanRestore) -> RestorePlan:
    name = chosen(repository.heads().snapshots, asked.snapshot)
    manifest = repository.manifest(name)
    folder = repository.remote.scratch / "look"
    shutil.rmtree(folder, ignore_errors=True)
    try:
        restore_database(repository, name, manifest, folder)
        days = (asked.days[0], asked.days[-1]) if asked.days else None
        made = plan(folder, manifest, Choice(days, asked.labels, asked.database_only))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return RestorePlan(name.stamp, manifest.events, *made)
