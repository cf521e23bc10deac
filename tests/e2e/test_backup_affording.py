"""The program backs itself up while the device can afford it: a real UPS of NUT's, and a cable that is pulled."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from edge.backup.journal import Journal
from edge.backup.room import Room
from edge.work.client import WorkClient
from edge.work.states import StopReason, WorkState
from edge.work.table import Work
from tests.backup_rig import NOW_S, Card, files_of, served, set_up
from tests.device_networks import ADDRESS, GATEWAY, Namespace, cable, namespace
from tests.device_nut import Nut, nut
from tests.device_rig import server
from tests.support import ROOT, environment, until, write_pictures

PICTURE_BYTES, FILES = 500_000, 144
"""Twice three packs, and three are uploaded at once."""
LIMIT_KB_PER_S = 5000
WAIT_S = 90.0


def configuration(folder: Path, models: Path, ups: Nut) -> Path:
    write_pictures(folder / "inbox", 1)
    path = folder / "edge.toml"
    path.write_text(
        f"""
        [paths]
        data = "{folder / "data"}"
        models = "{models}"
        [[camera]]
        name = "inbox"
        source = "folder:{folder / "inbox"}"
        [power]
        nut = "dummy@127.0.0.1:{ups.port}"
        [network]
        source = "netlink"
        metered = "no"
        [backup]
        limit_kb_per_s = {LIMIT_KB_PER_S}
        """
    )
    return path


class Backup:
    """The program's works, as its database says."""

    def __init__(self, room: Room) -> None:
        self._room = room
        self._client = WorkClient(room.data_dir)

    def close(self) -> None:
        self._client.store.close()

    def find(self, name: str) -> list[Work]:
        return self._client.store.find("name", name)

    def until(self, what: str, fits: Callable[[Work], object]) -> Work:
        found: list[Work] = []

        def there() -> bool:
            found[:] = self.find("backup")
            return any(fits(work) for work in found)

        try:
            until(there, WAIT_S, what)
        except AssertionError as error:
            raise AssertionError(f"{error}; last: {found}") from None
        return found[0]

    def uploads(self) -> Work:
        """Wait until a run has begun to move packs."""
        return self.until("an upload", lambda work: is_running(work) and moved_bytes(work) > 0)

    def stops(self, reason: StopReason) -> float:
        """Wait until the run has stopped, for this reason; how long that took."""
        begin_s = time.monotonic()
        stopped = self.until("a stop", lambda work: work.state is WorkState.ENQUEUED)
        assert stopped.stop_reason is reason
        return time.monotonic() - begin_s

    def goes_on(self) -> None:
        """Without its back-off."""
        (work,) = self.find("backup")
        assert self._client.make_due(work.id)

    def secured(self) -> int:
        """Files that are known to be on the remote."""
        with closing(Journal(self._room.data_dir)) as journal:
            return sum(pack.files for pack in journal.packs())


def is_running(work: Work) -> bool:
    return work.state is WorkState.RUNNING


def moved_bytes(work: Work) -> int:
    return int(str(work.progress.get("bytes", 0)))


@contextmanager
def connected(folder: Path) -> Iterator[tuple[Namespace, Namespace]]:
    """The device's network with a cable to the other's, and an address and a route over it."""
    with namespace(folder / "here.log") as here, namespace(folder / "there.log") as there, cable(here, there):
        here.run("ip", "addr", "add", f"{ADDRESS}/24", "dev", "cable0")
        here.run("ip", "link", "set", "cable0", "up")
        here.run("ip", "route", "add", "default", "via", GATEWAY)
        yield here, there


@pytest.mark.e2e
@pytest.mark.timeout(400)
def test_it_waits_for_mains_stops_without_mains_or_network_and_goes_on_where_it_was(
    tmp_path: Path, models_dir: Path
) -> None:
    card = Card(tmp_path / "data")
    today = int((time.time() - NOW_S) / 86_400)  # retention deletes what is old
    card.add(FILES, size=PICTURE_BYTES, day=today)
    card.close()
    kept = set(files_of(card.data_dir))
    (tmp_path / "remote" / "bucket").mkdir(parents=True)
    with (
        connected(tmp_path) as (here, there),
        nut(tmp_path / "nut", here.prefix) as ups,
        served("s3", tmp_path / "remote", host=GATEWAY, prefix=there.prefix) as options,
    ):
        room = set_up(card.data_dir, options, "bucket/home")
        ups.becomes("OB DISCHRG", 60)
        command = [
            *here.prefix,
            sys.executable,
            "-m",
            "edge",
            "run",
            "--config",
            configuration(tmp_path, models_dir, ups),
        ]
        with server(command, tmp_path / "log", cwd=ROOT, env=environment()), closing(Backup(room)) as backup:
            rows = "backup-rows"  # needs neither mains nor unmetered: when it has run, the program is up and has judged
            until(lambda: any(work.periods for work in backup.find(rows)), WAIT_S, "the work without constraints")
            assert not any(work.runs for work in backup.find("backup"))
            ups.becomes("OL CHRG", 60)
            backup.until("three packs", lambda work: backup.secured() == FILES // 2)
            backup.uploads()
            ups.becomes("OB DISCHRG", 50)
            without_mains_s = backup.stops(StopReason.CHARGING)
            assert backup.secured() == FILES // 2

            ups.becomes("OL CHRG", 51)
            backup.goes_on()
            backup.uploads()
            there.run("ip", "link", "set", "cable0", "down")
            without_network_s = backup.stops(StopReason.CONNECTIVITY)
            assert backup.secured() == FILES // 2

            there.run("ip", "link", "set", "cable0", "up")
            backup.goes_on()
            done = backup.until("the snapshot", lambda work: work.periods == 1)
            assert FILES // 2 <= int(str(done.output["files"])) < FILES
    print(f"stopped {without_mains_s:.1f} s after mains went, {without_network_s:.1f} s after the network went")
    assert set(files_of(card.data_dir)) >= kept
