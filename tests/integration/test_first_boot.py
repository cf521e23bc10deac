"""The first boot of a flashed card: what it makes, what it takes in, and what stops it not."""

import errno
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge.appliance.places import Places
from edge.clock import SystemClock
from edge.config import load
from edge.errors import EdgeError
from edge.web.access import Access
from tests.first_boot_rig import CAMERA, KEY, PRESEED, a_card, error_file, files, mode, start
from tests.support import ROOT


@pytest.fixture
def card(tmp_path: Path) -> Places:
    return a_card(tmp_path)


def test_a_card_without_anything_comes_up_with_its_own_identity(card: Places) -> None:
    report = start(card)
    assert re.fullmatch(r"edge-[0-9a-f]{8}", report.device)
    assert report.host == report.device[:9] == (card.etc / "hostname").read_text().strip()
    assert (report.problems, report.cameras, error_file(card)) == ((), ("camera",), "")
    config = load(card.config)
    assert (config.web.host, config.mqtt.host, config.mqtt.username) == ("0.0.0.0", "127.0.0.1", report.device)
    assert Path(config.mqtt.password_file).read_text().strip()
    assert not (card.etc / "ssh").exists()
    secrets = [card.data / "web/access.json", card.data / "web/first-password", card.broker / "home-password"]
    assert {mode(path) for path in [*secrets, card.broker / "passwords"]} == {0o600}


def test_the_owner_finds_the_passwords_until_somebody_has_logged_in(card: Places) -> None:
    start(card)
    told = (card.boot / "edge-password.txt").read_text()
    password = re.findall(r"Password:\s+(\S+)", told)
    assert password[1] == (card.broker / "home-password").read_text().strip()
    assert Access(card.data, SystemClock()).log_in(password[0], "10.0.0.1")
    start(card)
    assert not (card.boot / "edge-password.txt").exists()


def test_the_owner_can_tell_the_devices_certificate_from_anothers(card: Places) -> None:
    host = start(card).host
    told = (card.boot / "edge-password.txt").read_text()
    assert f"https://{host}.local:8080" in told
    command = ["openssl", "x509", "-in", card.data / "web/tls/certificate.pem", "-noout", "-fingerprint", "-sha256"]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip().rpartition("=")[2]
    assert shown in told
    certificate = (card.data / "web/tls/certificate.pem").read_bytes()
    start(card)
    assert (card.data / "web/tls/certificate.pem").read_bytes() == certificate
    (card.boot / "edge.toml").write_text(CAMERA + '[web]\nhost = "127.0.0.1"\n')
    start(card)
    assert f"http://{host}.local:8080" in (card.boot / "edge-password.txt").read_text()


def test_a_second_start_changes_nothing(card: Places) -> None:
    (card.boot / "edge.toml").write_text(CAMERA)
    start(card)
    before = files(card.etc) | files(card.boot)
    start(card)
    assert files(card.etc) | files(card.boot) == before


def test_what_imager_asked_for_is_done_and_its_secrets_go(card: Places) -> None:
    (card.boot / "rpi-preseed.toml").write_text(PRESEED)
    report = start(card)
    assert (report.host, report.problems) == ("garden", ())
    keyfile = card.etc / "NetworkManager/system-connections/edge-wifi.nmconnection"
    assert mode(keyfile) == 0o600
    assert (card.etc / "localtime").readlink() == Path("/usr/share/zoneinfo/Europe/Berlin")
    assert (card.etc / "ssh/authorized_keys/root").read_text() == KEY + "\n"
    assert mode(card.etc / "ssh/ssh_host_ed25519_key") == 0o600
    assert (card.etc / "modprobe.d/edge-wifi-country.conf").read_text() == "options cfg80211 ieee80211_regdom=DE\n"
    assert not (card.boot / "rpi-preseed.toml").exists()
    assert start(card).host == "garden"
    assert "root@garden.local" in (card.boot / "edge-password.txt").read_text()


def test_customisation_that_an_editor_has_marked_is_read(card: Places) -> None:
    (card.boot / "custom.toml").write_text(PRESEED, encoding="utf-8-sig")
    report = start(card)
    assert (report.host, report.problems) == ("garden", ())
    assert (card.etc / "ssh/authorized_keys/root").exists()


@pytest.mark.parametrize("empty", ["ssh_host_ed25519_key", "ssh_host_ed25519_key.pub"])
def test_a_host_key_of_which_a_power_cut_left_the_name_is_made_again(card: Places, empty: str) -> None:
    (card.boot / "custom.toml").write_text(PRESEED)
    start(card)
    (card.etc / "ssh" / empty).write_bytes(b"")
    start(card)
    command = ["ssh-keygen", "-y", "-f", card.etc / "ssh/ssh_host_ed25519_key"]
    public = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert public.split()[:2] == (card.etc / "ssh/ssh_host_ed25519_key.pub").read_text().split()[:2]


def test_a_host_key_gets_its_name_when_its_bytes_are_on_the_card(card: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    (card.boot / "custom.toml").write_text(PRESEED)
    durable: set[int] = set()
    named: dict[str, bool] = {}
    fsync, replace = os.fsync, Path.replace

    def synced(descriptor: int) -> None:
        fsync(descriptor)
        durable.add(os.fstat(descriptor).st_ino)

    def moved(path: Path, to: Path) -> Path:
        named[to.name] = path.stat().st_ino in durable
        return replace(path, to)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(Path, "replace", moved)
    start(card)
    assert named["ssh_host_ed25519_key"]
    assert named["ssh_host_ed25519_key.pub"]


@pytest.mark.skipif(shutil.which("nmcli") is None, reason="needs NetworkManager's nmcli")
def test_networkmanager_reads_the_wifi_as_it_was_given(card: Places) -> None:
    (card.boot / "custom.toml").write_text(PRESEED)
    start(card)
    keyfile = card.etc / "NetworkManager/system-connections/edge-wifi.nmconnection"
    command = ["nmcli", "--offline", "connection", "modify", "connection.autoconnect-priority", "7"]
    read = subprocess.run(command, input=keyfile.read_text(), capture_output=True, text=True, check=True).stdout
    assert "autoconnect-priority=7" in read
    assert re.search(r"^ssid=Home\\+; sweet$", read, re.MULTILINE)
    assert "psk=\\ssecret\\\\ phrase\n" in read
    assert "hidden=true" in read


def test_a_network_without_a_password_is_open(card: Places) -> None:
    (card.boot / "custom.toml").write_text('[wlan]\nssid_hex = "ff00"\n')
    assert start(card).problems == ()
    text = (card.etc / "NetworkManager/system-connections/edge-wifi.nmconnection").read_text()
    assert "ssid=255;0;" in text
    assert "wifi-security" not in text


def test_a_file_that_cannot_be_taken_away_stops_nothing(card: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    (card.boot / "edge.toml").write_text(CAMERA + '[mqtt]\nhost = "b"\nusername = "x"\npassword_file = "broker"\n')
    (card.boot / "broker").write_text("very secret\n")
    unlink = Path.unlink

    def of_a_mount_without_writing(path: Path, missing_ok: bool = False) -> None:
        if path.exists() and path.parent == card.boot and not path.name.startswith("edge-"):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", of_a_mount_without_writing)
    for _ in range(2):
        report = start(card)
        assert report.cameras == ("yard",)
        assert [(each.place, each.what) for each in report.problems] == [
            ("broker", "cannot be removed: Read-only file system")
        ]
        assert (card.etc / "edge/broker").read_text() == "very secret\n"
    monkeypatch.undo()
    assert start(card).problems == ()
    assert (card.etc / "edge" / "taken").read_text().split()[1:] == []  # nothing of the configuration was wrong


def test_nothing_is_taken_away_into_memory(card: Places) -> None:
    """The data partition cannot be mounted at the first start, and can at the next."""
    (card.boot / "rpi-preseed.toml").write_text(PRESEED)
    (card.boot / "edge.toml").write_text(CAMERA + '[mqtt]\nhost = "b"\nusername = "x"\npassword_file = "broker"\n')
    (card.boot / "broker").write_text("very secret\n")
    laid = files(card.boot)
    report = start(replace(card, no_data="wrong fs type"))
    assert (report.host, report.cameras) == ("garden", ("yard",))  # it comes up all the same
    assert "data partition" in error_file(card)
    assert "wrong fs type" in error_file(card)
    assert laid.items() <= files(card.boot).items()
    for folder in (card.etc, card.data):
        shutil.rmtree(folder)
        folder.mkdir()
    report = start(card)
    assert (report.host, report.cameras, report.problems) == ("garden", ("yard",), ())
    assert (card.etc / "edge/broker").read_text() == "very secret\n"
    assert not {"rpi-preseed.toml", "broker"} & files(card.boot).keys()


def test_a_boot_partition_that_cannot_be_written_stops_nothing(card: Places, tmp_path: Path) -> None:
    nowhere = Places(tmp_path / "none", card.etc, card.data, card.default)
    report = start(nowhere)
    assert report.cameras == ("camera",)
    assert "cannot be written" in str(report.problems[0])


def test_a_data_folder_that_cannot_be_written_is_said(card: Places) -> None:
    (card.data / "broker").write_text("in the way")
    with pytest.raises(EdgeError, match="broker"):
        start(card)


@pytest.mark.parametrize("laid", ["right", "wrong"])
def test_the_power_may_go_at_any_step(card: Places, laid: str) -> None:
    """Each start is cut one step later than the one before, until one comes through; then everything is there once."""

    def lay() -> None:
        (card.boot / "rpi-preseed.toml").write_text(PRESEED if laid == "right" else "[ssh]\nenabled = true\n")
        (card.boot / "edge.toml").write_text(CAMERA + ("" if laid == "right" else "[retention]\ndays = -1\n"))

    lay()
    arguments = ["--boot", card.boot, "--etc", card.etc, "--data", card.data, "--no-apply"]
    script = ROOT / "tests/first_boot_cut.py"
    ids: set[Any] = set()
    for steps in range(0, 400, 5):
        command = [sys.executable, str(script), str(steps), *map(str, arguments)]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"},
            timeout=60,
        )
        ids |= {path.read_text() for path in [card.data / "device-id"] if path.exists()}
        if done.returncode == 0:
            break
        assert done.returncode == 9, done.stderr
    else:
        pytest.fail("no start came through")
    assert len(ids) == 1
    assert load(card.config).camera[0].name == "yard"
    assert bool(error_file(card)) == (laid == "wrong")
    if laid == "right":
        public = subprocess.run(
            ["ssh-keygen", "-y", "-f", card.etc / "ssh/ssh_host_ed25519_key"],
            capture_output=True,
            text=True,
            check=True,
        )
        assert public.stdout.split()[:2] == (card.etc / "ssh/ssh_host_ed25519_key.pub").read_text().split()[:2]
        assert not (card.boot / "rpi-preseed.toml").exists()
    leftovers = [path for folder in (card.boot, card.etc, card.data) for path in folder.rglob("*.tmp")]
    assert start(card).device == ids.pop().strip()
    assert all(path.name.startswith(".") for path in leftovers)
