"""Backup and restore as a person does it."""

import json
import re
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from edge.backup.room import Room
from tests.backup_rig import PASSWORD, Card, files_of, served, set_up, take
from tests.support import edge, start_edge, until


@pytest.mark.e2e
def test_a_card_dies_and_a_new_one_is_the_same_device_again(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    card = Card(old)
    card.add(6)
    card.add(2, label="Cat", day=3)
    card.close()
    password = tmp_path / "password"
    password.write_text(f"{PASSWORD}\n")
    (tmp_path / "remote" / "b").mkdir(parents=True)
    with served("webdav", tmp_path / "remote") as options:
        asked = ["--type", "webdav", "--path", "b/home", "--secret", f"pass={password}", "--data", old]
        for key in ("url", "vendor", "user"):
            asked += ["--set", f"{key}={options[key]}"]
        refused = edge("backup", "setup", *asked, "--set", "pass=x")
        assert (refused.returncode, "--secret pass=FILE" in refused.stderr) == (2, True)
        done = edge("backup", "setup", *asked, check=True)
        assert "the remote can be written, read and deleted from\n" in done.stdout
        kit = tmp_path / "kit"
        kit.write_text(edge("backup", "kit", "--data", old, check=True).stdout)
        page = tmp_path / "kit.html"
        edge("backup", "kit", "--svg", page, "--data", old, check=True)
        assert (page.stat().st_mode & 0o777, "<svg" in page.read_text()) == (0o600, True)
        taken = json.loads(edge("backup", "now", "--json", "--data", old, check=True).stdout)
        assert (taken["files"], taken["packs"]) == (8, 1)
        assert edge("backup", "now", "--data", old, check=True).stdout == "nothing is new\n"
        checked = edge("backup", "verify", "--drill", "--data", old, check=True).stdout
        assert "8 events and 8 files restored and compared" in checked
        planned = json.loads(edge("restore", "--dry-run", "--label", "Cat", "--json", "--data", old, check=True).stdout)
        assert planned["files"] == 2
        edge("restore", "--to", tmp_path / "folder", "--day", "2025-11-24", "--data", old, check=True)
        assert len(files_of(tmp_path / "folder")) == 2

        edge("restore", "--new-device", "--kit", kit, "--database-only", "--data", new, check=True)
        assert len(edge("events", "list", "--json", "--data", new, check=True).stdout.splitlines()) == 8
        edge("restore", "--new-device", "--kit", kit, "--data", new, check=True)
        assert files_of(new) == files_of(old)
        assert (new / "device-id").read_text() == (old / "device-id").read_text()
        edge("events", "check", "--data", new, check=True)
        assert edge("backup", "now", "--data", new, check=True).stdout == "nothing is new\n"
        fenced = edge("backup", "now", "--data", old)
        assert fenced.returncode == 1
        assert "another card has taken over" in fenced.stderr


@pytest.mark.e2e
def test_the_running_program_backs_itself_up_with_its_configuration(tmp_path: Path, models_dir: Path) -> None:
    config = tmp_path / "edge.toml"
    lines = ["[paths]", f'data = "{tmp_path / "data"}"', f'models = "{models_dir}"', "[[camera]]", 'name = "door"', 'source = "test:"',
             "[network]", 'metered = "no"', "[backup]", 'wait = "network"']  # fmt: skip
    config.write_text("\n".join(lines) + "\n")
    edge("backup", "setup", "--type", "local", "--path", tmp_path / "remote", "--config", config, check=True)
    program = start_edge("run", "--config", config, log=tmp_path / "log")
    try:

        def status() -> Any:
            return json.loads(edge("backup", "status", "--json", "--config", config, check=True).stdout)

        until(lambda: status()["finished_wall_s"], 60, "a first snapshot")
    finally:
        program.terminate()
        program.wait(30)
    edge("restore", "--to", tmp_path / "new", "--config", config, check=True)
    assert (tmp_path / "new" / "restored" / "edge.toml").read_text() == config.read_text()


def test_no_secret_is_seen_while_a_backup_runs(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    card = Card(tmp_path / "card")
    card.add(4, size=400_000)
    (tmp_path / "remote" / "b").mkdir(parents=True)
    with served("s3", tmp_path / "remote") as options:
        room = set_up(card.data_dir, options, "b")
        secrets = [options["secret_access_key"], room.target.password, room.target.salt]
        moving, seen = threading.Event(), set[bytes]()

        def look() -> None:
            while not moving.is_set():
                seen.update(_command_lines())
                time.sleep(0.02)

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            take(Room(room.data_dir, room.target, limit_kb_per_s=1000), card)
        finally:
            moving.set()
            watcher.join()
    card.close()
    ours = [line for line in seen if b"edge:v1" in line]
    assert ours
    assert not [line for line in ours for secret in secrets if secret.encode() in line]
    database = b"".join(path.read_bytes() for path in card.data_dir.glob("edge.db*"))
    assert not [secret for secret in secrets[:3] if secret.encode() in database or secret in caplog.text]
    assert not re.search(rb"password", b"".join(ours))


def _command_lines() -> set[bytes]:
    found = set()
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.add(process.read_bytes())
        except OSError:
            continue  # it has ended
    return found
