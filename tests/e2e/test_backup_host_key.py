"""A backup over SFTP goes to the server that it was set up with, and to no other that answers at its address."""

import base64
import hashlib
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest

from edge.backup.host_key import fingerprints, is_unchecked
from edge.backup.target import Target, load, save
from tests.backup_rig import PASSWORD, Card, served
from tests.support import edge

pytestmark = pytest.mark.e2e


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Card]:
    card = Card(tmp_path / "card")
    card.add(3)
    yield card
    card.close()


@pytest.fixture
def password(tmp_path: Path) -> Path:
    path = tmp_path / "password"
    path.write_text(f"{PASSWORD}\n")
    return path


def key_of(folder: Path, name: str) -> Path:
    path = folder / name
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)], check=True, timeout=30)
    return path


@contextmanager
def server(folder: Path, key: Path) -> Iterator[dict[str, str]]:
    with served("sftp", folder, "--key", str(key)) as options:
        yield options


def asked(options: dict[str, str], password: Path, data: Path) -> list[str]:
    remote = [f"--set={name}={options[name]}" for name in ("host", "port", "user", "shell_type")]
    return ["--type=sftp", "--path=home", *remote, f"--secret=pass={password}", f"--data={data}"]


def moved(data: Path, options: dict[str, str]) -> None:
    """What answers at the address now: a test's ports differ."""
    target = load(data)
    save(data, msgspec.structs.replace(target, options={**target.options, "port": options["port"]}))


def test_the_key_of_set_up_is_the_only_one_that_is_believed(card: Card, password: Path, tmp_path: Path) -> None:
    first, second = key_of(tmp_path, "first"), key_of(tmp_path, "second")
    data, remote = card.data_dir, tmp_path / "remote"
    shown = subprocess.run(
        ["ssh-keygen", "-l", "-f", str(first)], capture_output=True, text=True, check=True, timeout=30
    )
    with server(remote, first) as options:
        done = edge("backup", "setup", *asked(options, password, data), check=True)
        assert f"host key: ssh-ed25519 {shown.stdout.split()[1]}\n" in done.stdout
        assert "pin_host_key" not in load(data).options
        edge("backup", "now", "--data", data, check=True)
    card.add(1)
    with server(remote, second) as options:
        moved(data, options)
        refused = edge("backup", "now", "--data", data)
        assert (refused.returncode, "not the one whose host key is pinned" in refused.stderr) == (1, True), (
            refused.stderr
        )
        assert "edge backup setup --new-host-key" in refused.stderr
        done = edge("backup", "setup", "--new-host-key", "--data", data, check=True)
        assert "the recovery kit has changed" in done.stdout
        assert "1 new files" in edge("backup", "now", "--data", data, check=True).stdout


def test_a_server_with_a_key_of_another_kind_is_another_server(card: Card, password: Path, tmp_path: Path) -> None:
    first, other = key_of(tmp_path, "first"), tmp_path / "other"
    subprocess.run(["ssh-keygen", "-q", "-t", "ecdsa", "-N", "", "-f", str(other)], check=True, timeout=30)
    with server(tmp_path / "remote", first) as options:
        edge("backup", "setup", *asked(options, password, card.data_dir), check=True)
    with server(tmp_path / "remote", other) as options:
        moved(card.data_dir, options)
        refused = edge("backup", "now", "--data", card.data_dir)
    assert (refused.returncode, "not the one whose host key is pinned" in refused.stderr) == (1, True), refused.stderr


def test_a_key_that_is_known_before_is_asked_for_at_once(card: Card, password: Path, tmp_path: Path) -> None:
    real, wrong = key_of(tmp_path, "real"), key_of(tmp_path, "wrong")
    with server(tmp_path / "remote", real) as options:
        words = asked(options, password, card.data_dir)
        refused = edge("backup", "setup", *words, f"--set=host_keys={public(wrong)}")
        assert refused.returncode == 1
        assert not (card.data_dir / "backup" / "target.json").exists()
        edge("backup", "setup", *words, f"--set=host_keys={public(real)}", check=True)
        known = tmp_path / "known hosts"
        known.write_text(f"[{options['host']}]:{options['port']} {public(real)}\n")
        edge("backup", "setup", *words, f"--set=known_hosts_file={known}", "--path=other", check=True)
        known.write_text(f"[{options['host']}]:{options['port']} {public(wrong)}\n")
        refused = edge("backup", "now", "--data", card.data_dir)
        assert (refused.returncode, "look at the file that known_hosts_file names" in refused.stderr) == (1, True), (
            refused.stderr
        )
        assert "host_keys" not in load(card.data_dir).options
        none = edge("backup", "setup", "--new-host-key", "--data", card.data_dir)
        assert (none.returncode, "no host key is pinned" in none.stderr) == (1, True)


def public(key: Path) -> str:
    return " ".join(key.with_suffix(".pub").read_text().split()[:2])


def test_a_fingerprint_is_what_ssh_shows() -> None:
    key = base64.b64encode(b"a key").decode()
    digest = base64.b64encode(hashlib.sha256(b"a key").digest()).decode().rstrip("=")
    target = Target(device="d", repository="r", path="p", options={"type": "sftp", "host_keys": f"one {key},two !!"})
    assert fingerprints(target) == [f"one SHA256:{digest}", "two (not legible)"]


@pytest.mark.parametrize(
    ("options", "unchecked"),
    [
        ({"type": "sftp"}, True),
        ({"type": "sftp", "host_keys": "a b"}, False),
        ({"type": "sftp", "known_hosts_file": "/root/.ssh/known_hosts"}, False),
        ({"type": "sftp", "ssh": "ssh me@nas"}, False),
        ({"type": "webdav"}, False),
    ],
)
def test_only_sftp_shows_a_host_key(options: dict[str, str], *, unchecked: bool) -> None:
    assert is_unchecked(Target(device="d", repository="r", path="p", options=options)) == unchecked
