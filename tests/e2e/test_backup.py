"""Backup and restore as a person does it."""

import json
import re
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from edge.backup.room import Room
from edge.backup.target import load
from edge.demo.broker import Broker, free_port
from edge.mqtt.subscriber import Subscriber
from tests.backup_rig import PASSWORD, Card, files_of, served, set_up, take
from tests.backup_watch import SECRETS, watching
from tests.support import Collector, edge, start_edge, until


@pytest.mark.e2e
@pytest.mark.timeout(400)
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
    with served("s3", tmp_path / "remote") as options, watching() as seen:
        room = set_up(card.data_dir, options, "b")
        take(Room(room.data_dir, room.target, limit_kb_per_s=1000), card)
    card.close()
    obscured = tuple(
        line.partition(" = ")[2]
        for line in (card.data_dir / "backup" / "rclone.conf").read_text().splitlines()
        if line.startswith("password")
    )
    assert len(obscured) == 2
    assert any(b"edge:v1" in words for words in seen.words), "rclone was seen"
    assert seen.leaks((*SECRETS, *obscured)) == []
    database = b"".join(path.read_bytes() for path in card.data_dir.glob("edge.db*"))
    assert not [secret for secret in (*SECRETS, *obscured) if secret.encode() in database or secret in caplog.text]


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_the_running_program_tells_its_secrets_to_nobody(tmp_path: Path, models_dir: Path, broker: Broker) -> None:
    """While it backs itself up: over MQTT, over HTTP, in its log, its database, its command lines and environments."""
    data, port, told = tmp_path / "data", free_port(), Collector()
    password, config = tmp_path / "password", tmp_path / "edge.toml"
    password.write_text(f"{PASSWORD}\n")
    (tmp_path / "remote" / "b").mkdir(parents=True)
    lines = ["[paths]", f'data = "{data}"', f'models = "{models_dir}"', "[[camera]]", 'name = "door"', 'source = "test:"',
             "[network]", 'metered = "no"', "[backup]", 'wait = "network"', "[web]", 'host = "127.0.0.1"', f"port = {port}",
             "[mqtt]", 'host = "127.0.0.1"', f"port = {broker.port}", 'commands = "admin"']  # fmt: skip
    config.write_text("\n".join(lines) + "\n")
    with served("webdav", tmp_path / "remote") as options, watching() as seen:
        remote = [f"--set={key}={options[key]}" for key in ("url", "vendor", "user")]
        edge("backup", "setup", "--type", "webdav", "--path", "b", *remote, "--secret", f"pass={password}", "--mirror", "b/look",
             "--config", config, check=True)  # fmt: skip
        target = load(data)
        secrets = (target.password, target.salt, target.options["pass"], PASSWORD)
        token = edge("web", "token", "scan", "--may", "admin", "--config", config, check=True).stdout.strip()
        with Subscriber(broker.host, broker.port, ["#"], told):
            program = start_edge("--log-level", "debug", "run", "--config", config, log=tmp_path / "log")
            try:
                until(lambda: _finished(told), 120, "a first snapshot")
                for action in ("backup-status", "backup-verify", "status"):
                    edge("ask", action, "--config", config, check=True)
                heard = _all_that_http_tells(port, token)
            finally:
                program.terminate()
                program.wait(60)
    assert len(heard) > 10
    assert seen.leaks(secrets) == []
    files = [tmp_path / "log", *data.glob("edge.db*")]
    everything = [*heard, *(message.payload for message in told.all), *(path.read_bytes() for path in files)]
    assert not [text[:200] for text in everything for secret in secrets if secret.encode() in text]


def _finished(told: Collector) -> bool:
    found = [message.payload for message in told.all if re.fullmatch(r"edge/[^/]+/backup", message.topic)]
    return any(json.loads(payload)["snapshot_at"] for payload in found if payload)


def _all_that_http_tells(port: int, token: str) -> list[bytes]:
    """Of everything that can be had without a name in its path. The stream of events does not end, and is what MQTT tells."""
    described = json.loads(_got(port, token, "/api/v1/openapi.json"))
    paths = [
        path for path, ways in described["paths"].items() if "get" in ways and "{" not in path and "stream" not in path
    ]
    assert any("configuration" in path for path in paths)
    return [_got(port, token, path) for path in paths]


def _got(port: int, token: str, path: str) -> bytes:
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()  # type: ignore[no-any-return]
    except urllib.error.HTTPError as error:
        return error.read()
