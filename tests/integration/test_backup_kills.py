"""Sixty kills at random moments, on three kinds of servers: what was promised comes back, and what is whole is never written again."""

import random
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from edge.backup.room import Room
from edge.backup.target import save
from edge.backup.verify import verify
from edge.errors import BackupError
from tests.backup_rig import Card, Content, content_of, restored, served, set_up, take, whole_files
from tests.support import ROOT, environment, until

KILLS = 20
"""Of each kind of server."""
SIZE_BYTES = 300_000


@pytest.fixture
def card(data_dir: Path) -> Iterator[Card]:
    made = Card(data_dir)
    yield made
    made.close()


class Killer:
    """A program that takes snapshots and is killed: started once, for all kills."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def __call__(self, after_s: float) -> float:
        """Seconds until the snapshot was taken or its program killed."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(after_s, file=self._process.stdin, flush=True)
        return float(self._process.stdout.readline())


@contextmanager
def killer(room: Room, log: Path) -> Iterator[Killer]:
    command = [sys.executable, "-m", "tests.backup_program", str(room.data_dir)]
    with log.open("wb") as words:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words, text=True
        )
    with process:
        try:
            yield Killer(process)
        finally:
            process.kill()


@pytest.mark.timeout(400)
@pytest.mark.parametrize("kind", ["webdav", "sftp", "s3"])
def test_kills_at_random_moments_cost_nothing(card: Card, tmp_path: Path, kind: str) -> None:
    chance = random.Random(kind)
    remote = tmp_path / "remote"
    (remote / "b").mkdir(parents=True)
    card.add(2, size=SIZE_BYTES)
    held = [content_of(card.data_dir)]
    with served(kind, remote) as options:
        room = set_up(card.data_dir, options, "b", encrypted=False)
        with killer(room, tmp_path / "killer.log") as kill:
            whole: set[str] = set()
            longest_s = kill(60.0)
            for number in range(KILLS):
                card.add(2, size=SIZE_BYTES, day=number + 1)
                if number % 5 == 4:
                    card.delete(1)
                held.append(content_of(card.data_dir))
                kill(chance.uniform(0.0, longest_s))
                now = whole_files(remote)
                assert whole <= now, "what was whole has been written again, or is gone"
                whole = now
        until(lambda: _is_free(room), 60, "the end of what a killed run had started")
        card.add(1, day=50)
        take(room, card)
        held.append(content_of(card.data_dir))
        with room.repository() as repository:
            assert verify(repository, sample=1000).problems == ()
    near = tmp_path / "near"
    save(near, msgspec.structs.replace(room.target, path=str(remote / "b"), options={"type": "local"}))
    _all_come_back(Room.of(near), tmp_path, held)


def _all_come_back(room: Room, tmp_path: Path, held: list[Content]) -> None:
    """Each snapshot is the card as it was before one of the runs, in their order; the newest as it is."""
    with room.repository() as repository:
        count = len(repository.heads().snapshots)
    assert count
    at = 0
    for number in range(count):
        content = restored(room, tmp_path / f"restored-{number}", number)
        at = next(later for later in range(at, len(held)) if held[later] == content)
    assert at == len(held) - 1


def _is_free(room: Room) -> bool:
    try:
        with room.repository():
            return True
    except BackupError:
        return False
