"""What cuts a backup off: kills, servers that fail, hang and refuse. Every snapshot that is there restores exactly."""

import http.server
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from edge.backup import prune as pruning
from edge.backup import remote as remotes
from edge.backup.prune import prune
from edge.backup.restore import take_over
from edge.backup.room import Room
from edge.backup.target import save
from edge.config import Backup
from edge.errors import BackupError
from tests.backup_program import STEPS
from tests.backup_rig import NOW_S, Card, Content, content_of, restored, served, set_up, take, whole_files
from tests.support import ROOT, environment


@pytest.fixture
def card(data_dir: Path) -> Iterator[Card]:
    made = Card(data_dir)
    yield made
    made.close()


def run_program(room: Room, step: str = "", count: int = 1) -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", "tests.backup_program", str(room.data_dir), step, str(count)]
    return subprocess.Popen(command, cwd=ROOT, env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def test_a_kill_at_any_step_costs_nothing(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))
    promised = 0
    for day, step in enumerate(STEPS):
        event = card.add(2, day=day)[0]
        card.clip(event)
        assert run_program(room, step).wait(60) == -signal.SIGKILL, step
        promised += step in ("manifest-put", "finished")
        with room.repository() as repository:
            assert len(repository.heads().snapshots) == promised, step
    take(room, card)
    assert restored(room, tmp_path / "after") == content_of(card.data_dir)


def test_a_stop_in_the_middle_of_a_pack_takes_seconds_and_the_next_run_goes_on(card: Card, tmp_path: Path) -> None:
    (tmp_path / "remote" / "b").mkdir(parents=True)
    with served("sftp", tmp_path / "remote") as options:
        room = set_up(card.data_dir, options, "b")
        slow = Room(room.data_dir, room.target, limit_kb_per_s=200)
        card.add(8, size=500_000)
        moving = threading.Event()
        with slow.repository(lambda transfer: moving.set() if transfer.done_bytes > 100_000 else None) as repository:
            stopped_at_s: list[float] = []

            def stop() -> None:
                moving.wait(30)
                stopped_at_s.append(time.monotonic())
                repository.remote.stop()

            threading.Thread(target=stop).start()
            with pytest.raises(BackupError, match="stopped"):
                slow.take(repository, card.clock)
            assert time.monotonic() - stopped_at_s[0] < 5
        assert take(room, card).files == 8
        assert restored(room, tmp_path / "new") == content_of(card.data_dir)


def test_a_server_that_dies_on_the_way_is_no_loss(card: Card, tmp_path: Path) -> None:
    (tmp_path / "remote" / "b").mkdir(parents=True)
    card.add(6, size=500_000)
    with served("webdav", tmp_path / "remote") as options:
        room = set_up(card.data_dir, options, "b")
        slow = Room(room.data_dir, room.target, limit_kb_per_s=300)
        moving = threading.Event()
        outcome: list[BaseException] = []

        def back_up() -> None:
            try:
                with slow.repository(lambda transfer: moving.set() if transfer.done_bytes else None) as repository:
                    slow.take(repository, card.clock)
            except BackupError as error:
                outcome.append(error)

        thread = threading.Thread(target=back_up)
        thread.start()
        assert moving.wait(30)
    thread.join(60)
    assert isinstance(outcome[0], BackupError)
    assert outcome[0].retryable
    with served("webdav", tmp_path / "remote") as options:
        room = set_up(card.data_dir, options, "b")
        assert take(room, card).files == 6
        assert restored(room, tmp_path / "new") == content_of(card.data_dir)


@contextmanager
def refusing(status: int) -> Iterator[str]:
    """A server that answers everything with this status."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65_537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            length = int(self.headers.get("Content-Length") or 0)
            self.rfile.read(length)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(
    ("status", "words", "retryable"),
    [(403, "refuses us", False), (429, "asks us to wait", True), (507, "is full", True)],
)
def test_what_a_server_answers_is_told(card: Card, status: int, words: str, retryable: bool) -> None:
    card.add(1)
    with refusing(status) as url:
        room = set_up(card.data_dir, {"type": "webdav", "url": url, "vendor": "other"}, "b")
        with pytest.raises(BackupError, match=words) as caught:
            take(room, card)
    assert caught.value.retryable is retryable
    assert caught.value.hint


def test_a_server_that_says_nothing_is_given_up(card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remotes, "FLAGS", tuple(flag.replace("20s", "1s") for flag in remotes.FLAGS))
    card.add(1)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(50)
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        room = set_up(card.data_dir, {"type": "webdav", "url": url, "vendor": "other"}, "b")
        with pytest.raises(BackupError) as caught:
            take(room, card)
    assert caught.value.retryable


def test_old_snapshots_go_and_what_stays_is_whole(card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "GRACE_S", -1e10)
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"), encrypted=False)
    for day in range(3):
        card.add(2, day=day)
        take(room, card)
    card.delete(4)
    card.add(1, day=9)
    take(room, card)
    keep = Backup(keep_last=1, keep_daily=0, keep_weekly=0, keep_monthly=0, keep_yearly=0)
    with room.repository() as repository:
        planned = prune(repository, keep, NOW_S, dry_run=True)
        assert prune(repository, keep, NOW_S) == planned
        assert (planned.snapshots, planned.left) == (3, 0)
        assert planned.files == 2  # the packs of what was deleted on the card
    assert restored(room, tmp_path / "new") == content_of(card.data_dir)


def test_a_clock_that_was_years_ahead_once_does_not_end_the_history(card: Card, tmp_path: Path) -> None:
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"))

    def taken(wall_s: float) -> None:
        card.clock.set_wall(wall_s)
        card.add(1)
        take(room, card)

    day_s = 86_400
    taken(NOW_S)
    taken(NOW_S + 3650 * day_s)
    for day in range(1, 6):
        for hour in range(2):
            taken(NOW_S + day * day_s + hour * 3600)
    keep = Backup(keep_last=1, keep_daily=4, keep_weekly=0, keep_monthly=0, keep_yearly=0)
    with room.repository() as repository:
        prune(repository, keep, NOW_S + 6 * day_s)
        made = [repository.manifest(name).made_at[:10] for name in repository.heads().snapshots]
    assert made == ["2025-11-23", "2025-11-24", "2025-11-25", "2025-11-26"]


def test_what_a_run_that_was_cut_off_has_put_there_is_not_swept(
    card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "GRACE_S", -1e10)
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"), encrypted=False)
    card.add(2)
    take(room, card)
    card.add(2, day=1)
    assert run_program(room, "packs-marked").wait(60) == -signal.SIGKILL
    with room.repository() as repository:
        assert prune(repository, Backup(), NOW_S, spared=room.paths()).files == 0
    assert take(room, card).files == 0, "they are up already"
    assert restored(room, tmp_path / "new") == content_of(card.data_dir)


def test_nothing_is_swept_while_a_snapshot_that_stays_cannot_be_read(
    card: Card, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pruning, "GRACE_S", -1e10)
    room = set_up(card.data_dir, {"type": "local"}, str(tmp_path / "remote"), encrypted=False)
    card.add(2)
    take(room, card)
    (manifest,) = (path for path in (tmp_path / "remote").rglob("snapshots/*.json") if path.stem.count("-") == 2)
    manifest.write_bytes(manifest.read_bytes() + b" ")
    before = sorted((tmp_path / "remote").rglob("*"))
    with room.repository() as repository, pytest.raises(BackupError, match="not what its name says"):
        prune(repository, Backup(), NOW_S)
    assert sorted((tmp_path / "remote").rglob("*")) == before


class Backups(RuleBasedStateMachine):
    """Backup, change, kill, prune, restore, a clock that jumps and new cards at random: every snapshot is the card as it was, and what is
    whole on the remote stays as it is until it is pruned."""

    make_folder: Callable[[], Path]

    @initialize(seed=st.integers(0, 1000))
    def begin(self, seed: int) -> None:
        self.folder = type(self).make_folder()
        self.card = Card(self.folder / "card", seed)
        self.room = set_up(self.card.data_dir, {"type": "local"}, str(self.folder / "remote"), encrypted=False)
        self.whole: set[str] = set()
        self.promised: dict[str, Content] = {}
        self.days = 0
        self.events = self.card.add(2)

    @rule(count=st.integers(1, 4))
    def add(self, count: int) -> None:
        self.days += 1
        self.events += self.card.add(count, day=self.days)

    @rule()
    def clip(self) -> None:
        self.card.clip(self.events[-1])

    @rule(count=st.integers(1, 3))
    def delete(self, count: int) -> None:
        self.card.delete(count)

    @rule(step=st.sampled_from(STEPS))
    def cut_off(self, step: str) -> None:
        before = content_of(self.card.data_dir)
        run_program(self.room, step).wait(60)
        self._note(before)

    @rule()
    def back_up(self) -> None:
        before = content_of(self.card.data_dir)
        take(self.room, self.card)
        self._note(before)

    @rule(wall_s=st.sampled_from((1_000_000_000.0, NOW_S, 3_000_000_000.0)))
    def set_clock(self, wall_s: float) -> None:
        self.card.clock.set_wall(wall_s)

    @rule()
    def move_to_a_new_card(self) -> None:
        """The old one has taken no snapshot of what came since the newest: that is lost with it."""
        if not self.promised:
            return
        self.days += 1
        folder = self.folder / f"card-{self.days}"
        save(folder, self.room.target)
        room = Room.of(folder)
        restored(room, folder)
        with room.repository() as repository:
            take_over(repository, folder, room.target.repository, self.card.clock)
        old, self.room = self.room, room
        with old.repository() as repository, pytest.raises(BackupError, match="taken over"):
            old.take(repository, self.card.clock)
        self.card.close()
        self.card = Card(folder, seed=self.days)
        self.events = self.card.add(1, day=self.days)

    @invariant()
    def nothing_is_written_again(self) -> None:
        now = whole_files(self.folder / "remote")
        assert self.whole <= now
        self.whole = now

    def _note(self, content: Content) -> None:
        with self.room.repository() as repository:
            for name in repository.heads().snapshots:
                self.promised.setdefault(name.id, content)

    @rule(at=st.integers(0, 20))
    def restore(self, at: int) -> None:
        with self.room.repository() as repository:
            names = repository.heads().snapshots
        if names:
            at %= len(names)
            self.days += 1
            assert restored(self.room, self.folder / f"restored-{at}-{self.days}", at) == self.promised[names[at].id]

    @rule(last=st.integers(1, 3))
    def prune(self, last: int) -> None:
        if self.promised:
            keep = Backup(keep_last=last, keep_daily=0, keep_weekly=0, keep_monthly=0, keep_yearly=0)
            with self.room.repository() as repository:
                prune(repository, keep, NOW_S, spared=self.room.paths())
            self.whole = whole_files(self.folder / "remote")

    def teardown(self) -> None:
        self.card.close()


@pytest.mark.timeout(600)
def test_any_order_of_things_keeps_every_promise(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "GRACE_S", -1e10)
    numbers = iter(range(1000))

    class Here(Backups):
        def make_folder() -> Path:  # type: ignore[misc]
            folder = tmp_path / str(next(numbers))
            folder.mkdir()
            return folder

    quick = settings(
        max_examples=3, stateful_step_count=9, deadline=None, suppress_health_check=list(HealthCheck), database=None
    )
    run_state_machine_as_test(Here, settings=quick)
