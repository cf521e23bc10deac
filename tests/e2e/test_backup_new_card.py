"""A second checkout of the program as the new card: it has the kit, and nothing else of the old one."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from edge.backup.fetching import AHEAD
from edge.backup.target import FOLDER, SCRATCH
from edge.store.events import EventStore
from tests.backup_rig import Card, files_of, rows_of, served
from tests.support import ROOT, edge, environment, until

EVENTS = 30


class Checkout:
    """The program's files in another folder, and a data folder that is not there yet."""

    def __init__(self, folder: Path) -> None:
        shutil.copytree(ROOT / "edge", folder / "edge", ignore=shutil.ignore_patterns("__pycache__"))
        self._folder = folder
        self.data_dir = folder / "data"

    def start(self, *arguments: object) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "edge", *map(str, arguments), "--data", str(self.data_dir)]
        variables = environment() | {"PYTHONPATH": str(self._folder), "PYTHONUNBUFFERED": "1"}
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self._folder, env=variables, text=True, stdin=pipe, stdout=pipe, stderr=pipe
        )

    def run(self, *arguments: object) -> str:
        with self.start(*arguments) as process:
            printed, said = process.communicate(timeout=100)
        assert process.returncode == 0, said
        return printed


def set_up(data_dir: Path, options: dict[str, str], secret: Path) -> str:
    """By the command; the kit."""
    secret.write_text(options.pop("secret_access_key") + "\n")
    settings = [word for key, value in options.items() if key != "type" for word in ("--set", f"{key}={value}")]
    secrets = ("--secret", f"secret_access_key={secret}")
    edge(
        "backup", "setup", "--type", "s3", "--path", "bucket/home", *settings, *secrets, "--data", data_dir, check=True
    )
    return edge("backup", "kit", "--data", data_dir, check=True).stdout


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_the_database_is_there_first_then_all_pictures_and_what_is_new_goes_up_alone(tmp_path: Path) -> None:
    old = Card(tmp_path / "old")
    old.add(EVENTS, size=400_000)
    (tmp_path / "remote" / "bucket").mkdir(parents=True)
    with served("s3", tmp_path / "remote") as options:
        kit = set_up(old.data_dir, options, tmp_path / "secret")
        edge("backup", "now", "--data", old.data_dir, check=True)
        old.close()
        new = Checkout(tmp_path / "checkout")
        config = tmp_path / "slow.toml"
        config.write_text("[backup]\nlimit_kb_per_s = 4000\n")
        with new.start("restore", "--new-device", "--kit", "-", "--config", config) as restore:
            assert restore.stdin is not None
            assert restore.stdout is not None
            assert restore.stderr is not None
            restore.stdin.write(kit)  # as if typed
            restore.stdin.close()
            while "events are back; now the pictures" not in (line := restore.stderr.readline()):
                assert line, "it ended before"
            fetched = new.data_dir / FOLDER / SCRATCH / AHEAD
            until(fetched.exists, 60, "pictures on their way: until then it writes into the database, and may hold it")
            os.kill(restore.pid, signal.SIGSTOP)
            try:
                store = EventStore(new.data_dir)
                assert store.count() == EVENTS
                store.close()
                assert len(files_of(new.data_dir)) < EVENTS
            finally:
                os.kill(restore.pid, signal.SIGCONT)
            assert f"{EVENTS} files restored" in restore.stdout.read()
        assert restore.returncode == 0
        assert files_of(new.data_dir) == files_of(old.data_dir)
        assert rows_of(new.data_dir) == rows_of(old.data_dir)

        assert new.run("backup", "now") == "nothing is new\n"
        card = Card(new.data_dir, seed=2)
        card.add(3, day=1)
        card.close()
        before = packs(tmp_path / "remote")
        taken: dict[str, Any] = json.loads(new.run("backup", "now", "--json"))
        assert (taken["files"], taken["packs"]) == (3, 1)
        (added,) = packs(tmp_path / "remote") - before
        assert added.stat().st_size < 20_000, "three small pictures"


def packs(remote: Path) -> set[Path]:
    """Names are encrypted: all files that are larger than documents and rows."""
    return {path for path in remote.rglob("*") if path.is_file() and path.stat().st_size > 9_000}
