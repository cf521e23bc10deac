"""The first boot of a flashed card: what it makes, what it takes in, and what it says of what is wrong."""

import errno
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.appliance.first_boot import Report, first_boot
from edge.appliance.places import Places, put
from edge.appliance.problems import noted
from edge.clock import SystemClock
from edge.config import Config, Paths, load
from edge.errors import EdgeError
from edge.identity import ask_for_reset
from edge.web.access import Access
from edge.wiring.checking import check_config, check_part
from tests.support import ROOT

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ9m8Zb2yQ1oW0q5bq3n1m0u8Zt6m7Yk0p9l2a4s6d8f me@laptop"
CAMERA = '[[camera]]\nname = "yard"\nsource = "test:"\n'
PRESEED = f"""\
config_version = "1.0"
[system]
hostname = "Garden"
[user]
name = "pi"
password = "$5$x"
[ssh]
enabled = true
password_authentication = false
authorized_keys = ["{KEY}"]
[wlan]
ssid = "Home; sweet"
password = " secret\\\\ phrase"
hidden = true
country = "de"
[locale]
keymap = "de"
timezone = "Europe/Berlin"
"""


@pytest.fixture
def card(tmp_path: Path) -> Places:
    for name in ("boot", "etc", "data"):
        (tmp_path / name).mkdir()
    default = ROOT / "edge/appliance/edge.toml"
    return Places(tmp_path / "boot", tmp_path / "etc", tmp_path / "data", default, user="nobody")


def start(card: Places) -> Report:
    return first_boot(card, check_part, apply=False)


def as_run(card: Places, models_dir: Path) -> Config:
    """What `edge run` reads; the default model is there, as on every card."""
    config = load(card.config)
    return msgspec.structs.replace(config, paths=Paths(data=str(card.data), models=str(models_dir)))


def error_file(card: Places) -> str:
    path = card.boot / "edge-error.txt"
    return path.read_text(encoding="utf-8") if path.exists() else ""


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


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


def test_files_that_the_configuration_names_are_taken_from_beside_it(card: Places) -> None:
    (card.boot / "edge.toml").write_text(
        CAMERA + '[mqtt]\nhost = "broker.lan"\nusername = "x"\npassword_file = "broker"\n'
    )
    (card.boot / "broker").write_text("very secret\n")
    assert start(card).problems == ()
    assert (card.etc / "edge/broker").read_text() == "very secret\n"
    assert mode(card.etc / "edge/broker") == 0o600
    assert not (card.boot / "broker").exists()
    assert not (card.broker / "mosquitto.conf").exists()
    assert start(card).problems == ()


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


def preseed(text: str) -> dict[str, bytes]:
    return {"rpi-preseed.toml": text.encode()}


def toml(text: str) -> dict[str, bytes]:
    return {"edge.toml": (CAMERA + text).encode()}


WRONG: dict[str, tuple[dict[str, bytes], list[str]]] = {
    "not text": ({"edge.toml": b"\xff\xfe[camera"}, ["edge.toml", "UTF-8"]),
    "not TOML": ({"edge.toml": b'[[camera]\nname = "x"'}, ["edge.toml", "not TOML", "line 1"]),
    "a number out of range": (toml("[mqtt]\nport = 70000\n"), ["mqtt.port is 70000", "<= 65535"]),
    "a wrong type": (toml('[pictures]\nquality = "high"\n'), ["pictures.quality is 'high'", "int"]),
    "an unknown key": (
        toml("[tracking]\nmin_frame = 3\n"),
        ["tracking.min_frame: unknown key", "did you mean 'min_frames'"],
    ),
    "an unknown table": (toml("[camra]\nx = 1\n"), ["camra: unknown key", "did you mean 'camera'"]),
    "a camera that is none": (
        toml('[[camera]]\nname = "b"\nsource = "carrier:pigeon"\n'),
        ["carrier:pigeon", "folder:PATH"],
    ),
    "a zone of no camera": (toml('[[zone]]\nname = "z"\ncamera = "attic"\narea = [[0,0],[1,0],[1,1]]\n'), ["attic"]),
    "a button for no action": (toml('[[button]]\nname = "b"\npin = 4\npress = "snap"\n'), ["snap", "snapshot"]),
    "two uses of a pin": (toml('[[button]]\nname = "b"\npin = 4\npress = "restart"\n[light]\npin = 4\n'), ["pin"]),
    "a file that is not there": (
        toml('[mqtt]\nhost = "b"\nusername = "u"\npassword_file = "pw"\n'),
        ["mqtt.password_file: the file pw is not there", "lay it beside edge.toml"],
    ),
    "a model that is none": (toml('[detector]\nmodel = "ssd_mobilenet_v2_odi"\n'), ["detector.model", "did you mean"]),
    "a model that is not on the card": (
        toml('[detector]\nmodel = "mobilenet_v1_025_imagenet"\n[retention]\ndays = 7\n'),
        ["detector.model", "file is missing", "edge models pull"],
    ),
    "a label that is none": (toml('[detector]\nlabels = ["Persn"]\n'), ["detector.labels", "'Persn'", "'Person'"]),
    "a threshold of no label": (
        toml("[detector]\nthresholds = { Persn = 0.5 }\n"),
        ["detector.thresholds", "'Person'"],
    ),
    "a rule for no label": (
        toml('[[rule]]\nname = "r"\nlabels = ["Persn"]\nwebhook = "http://a.lan/"\n'),
        ["'Persn'", "'Person'"],
    ),
    "a second look with no model": (
        toml('[[second_look]]\nlabels = ["Person"]\nmodel = "movenet"\n'),
        ["second_look[0].model", "not in the catalogue"],
    ),
    "a work for no worker": (
        toml('[[work]]\nname = "w"\nworker = "retenshun"\nevery_s = 3600\n'),
        ["work[0]", "retenshun"],
    ),
    "a file of workers that is not there": (toml('[workers]\nfiles = ["mine.py"]\n'), ["workers.files", "mine.py"]),
    "a certificate in place of its name": (
        toml(f'[mqtt]\nhost = "b"\ntls = true\nca_file = """{"hunter2" * 300}"""\n'),
        ["mqtt.ca_file: is no name of a file", "lay it beside edge.toml"],
    ),
    "a folder that can have no name": (
        toml(f'[detector]\nmodel = "mobilenet_v1_025_imagenet"\n[paths]\nmodels = "/{"x" * 300}"\n'),
        ["File name too long"],
    ),
    "a folder of nobody's": (toml('[paths]\nmodels = "~no-such-user/x"\n'), ["~no-such-user/x", "no such user"]),
    "a number that is too long": ({"edge.toml": b"x = " + b"1" * 5000}, ["edge.toml", "not TOML", "4300 digits"]),
    "brackets that are too deep": ({"edge.toml": b"x = " + b"[" * 5000}, ["edge.toml", "not TOML", "recursion"]),
    "a certificate that is none": (
        toml('[mqtt]\nhost = "b"\ntls = true\nca_file = "ca"\n') | {"ca": b"no certificate"},
        ["mqtt.ca_file", "PEM"],
    ),
    "no camera that is right": (
        {"edge.toml": b'[[camera]]\nname = "x"\nsource = "foldr:/x"\n[retention]\ndays = 7\n'},
        ["foldr"],
    ),
    "no camera in the list": ({"edge.toml": b"camera = []\n[retention]\ndays = 7\n"}, ["camera: none is configured"]),
    "too large": ({"edge.toml": b"#" * 1_000_001}, ["larger than 1000000 bytes"]),
    "customisation that is not TOML": (preseed("[wlan\n"), ["rpi-preseed.toml", "cannot be read"]),
    "a host name with a space": (
        preseed('[system]\nhostname = "my pi"\n'),
        ["system.hostname", "'my pi'", "at most 63"],
    ),
    "a Wi-Fi name that is too long": (preseed(f'[wlan]\nssid = "{"x" * 33}"\n'), ["wlan.ssid", "33 bytes"]),
    "a Wi-Fi password that is too short": (
        preseed('[wlan]\nssid = "a"\npassword = "hunter2"\n'),
        ["wlan.password", "7 char"],
    ),
    "a Wi-Fi key that is none": (
        preseed('[wlan]\nssid = "a"\npassword = "12345678"\npassword_encrypted = true\n'),
        ["wlan.password", "64 hexadecimal"],
    ),
    "a country that is none": (preseed('[wlan]\nssid = "a"\ncountry = "Germany"\n'), ["wlan.country", "DE, GB"]),
    "SSH without a key": (
        preseed("[ssh]\nenabled = true\n"),
        ["ssh.authorized_keys", "no key", "nobody logs in with a password"],
    ),
    "SSH with a command for a key": (
        preseed(f"[ssh]\nenabled = true\nauthorized_keys = ['command=\"rm\" {KEY}']\n"),
        ["ssh.authorized_keys", "no public key"],
    ),
    "a time zone that is none": (
        preseed('[locale]\ntimezone = "Europe/Atlantis"\n'),
        ["locale.timezone", "Europe/Atlantis"],
    ),
    "a time zone that leads elsewhere": (preseed('[locale]\ntimezone = "../../etc/shadow"\n'), ["locale.timezone"]),
    "a time zone that is another file": (preseed('[locale]\ntimezone = "/etc/passwd"\n'), ["locale.timezone"]),
    "a time zone that is too long": (preseed(f'[locale]\ntimezone = "{"x" * 300}"\n'), ["locale.timezone"]),
    "customisation with a number that is too long": (
        preseed(f"config_version = {'1' * 5000}\n"),
        ["rpi-preseed.toml", "cannot be read"],
    ),
    "customisation with brackets that are too deep": (
        preseed(f"x = {'[' * 5000}\n"),
        ["rpi-preseed.toml", "cannot be read"],
    ),
    "a wrong type in the customisation": (preseed("[system]\nhostname = 7\n"), ["system.hostname", "not a text"]),
    "a section that is not served": (preseed("[interfaces]\ni2c = true\n"), ["interfaces", "not served here"]),
    "a section that is no table": (preseed('system = "x"\n'), ["system", "not a table"]),
    "two customisations": (
        {"rpi-preseed.toml": b"", "custom.toml": b""},
        ["custom.toml", "rpi-preseed.toml is there too"],
    ),
    "a script of an older Imager": (
        {"firstrun.sh": b"#!/bin/sh\nrm -rf /\n"},
        ["firstrun.sh", "is not read", "Imager 2.0.11"],
    ),
    "cloud-init's": ({"user-data": b"#cloud-config\nhostname: x\n"}, ["user-data", "is not read"]),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_is_wrong_stands_in_a_file_and_the_device_comes_up(card: Places, models_dir: Path, case: str) -> None:
    laid, said = WRONG[case]
    for name, content in laid.items():
        (card.boot / name).write_bytes(content)
    report = start(card)
    text = error_file(card)
    for word in said:
        assert word in text
    assert report.problems == noted(card.data)
    assert report.cameras  # it comes up
    check_config(as_run(card, models_dir))
    if laid.get("edge.toml", b"").startswith(CAMERA.encode()):
        assert report.cameras == ("yard",)  # with what is right
    assert "hunter2" not in text
    for name in laid:
        (card.boot / name).unlink(missing_ok=True)
    assert start(card).problems == ()
    assert error_file(card) == ""


def test_a_configuration_without_a_camera_watches_with_the_default_one(card: Places, models_dir: Path) -> None:
    (card.boot / "edge.toml").write_text("# mine\n[retention]\ndays = 7\n")
    report = start(card)
    assert (report.cameras, report.problems) == (("camera",), ())
    config = as_run(card, models_dir)
    check_config(config)
    assert (config.camera[0].source, config.retention.days) == ("picamera:", 7)
    assert card.config.read_text().startswith("# mine\n")


def test_no_key_is_blamed_for_a_default_model_that_is_missing(card: Places) -> None:
    (card.boot / "edge.toml").write_text(CAMERA + '[detector]\nmodel = "ssd_mobilenet_v2_oid"\nlabels = ["Person"]\n')
    assert not (card.data / "models").exists()
    assert start(card).problems == ()
    assert load(card.config).detector.labels == ("Person",)


def test_workers_of_a_file_are_taken_and_the_file_is_not_run(card: Places, tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(f"open({str(tmp_path / 'was-run')!r}, 'w')\n")
    work = '[[work]]\nname = "w"\nworker = "mine"\nevery_s = 3600\n'
    (card.boot / "edge.toml").write_text(f'{CAMERA}{work}[workers]\nfiles = ["{mine}"]\n')
    assert start(card).problems == ()
    assert load(card.config).work[0].worker == "mine"
    assert not (tmp_path / "was-run").exists()


def test_a_wrong_file_never_replaces_one_that_was_right(card: Places) -> None:
    (card.boot / "edge.toml").write_text(CAMERA + "[retention]\ndays = 7\n")
    start(card)
    (card.boot / "edge.toml").write_text(CAMERA.replace("yard", "street") + "[retention]\ndays = -1\n")
    report = start(card)
    assert (report.cameras, load(card.config).retention.days) == (("yard",), 7)
    assert "is still used" in error_file(card)


def test_what_is_changed_on_the_device_stays_until_another_file_lies_there(card: Places) -> None:
    (card.boot / "edge.toml").write_text(CAMERA + "[retention]\ndays = 7\n")
    start(card)
    card.config.write_text(card.config.read_text().replace("days = 7", "days = 9"))
    start(card)
    assert load(card.config).retention.days == 9
    (card.boot / "edge.toml").write_text(CAMERA + "[retention]\ndays = 8\n")
    start(card)
    assert load(card.config).retention.days == 8


def test_a_configuration_that_a_new_version_does_not_know_any_more_costs_its_table_only(card: Places) -> None:
    (card.boot / "edge.toml").write_text(CAMERA)
    start(card)
    (card.boot / "edge.toml").unlink()
    before = card.config.read_text() + "[gone]\nx = 1\n"
    card.config.write_text(before)
    report = start(card)
    assert (report.cameras, load(card.config).web.host) == (("yard",), "0.0.0.0")
    assert "gone: unknown key" in error_file(card)
    assert (card.etc / "edge/edge.toml.before").read_text() == before


def test_what_is_wrong_at_the_first_start_is_told_alike_at_the_next(card: Places) -> None:
    (card.boot / "edge.toml").write_text(CAMERA + "[retention]\ndays = -1\n[pictures]\nquality = 3\n")
    start(card)
    told = error_file(card)
    assert (told.count("retention.days"), told.count("pictures.quality")) == (1, 1)
    start(card)
    assert error_file(card) == told


@pytest.mark.parametrize("changed", [False, True])
def test_what_was_missing_and_is_laid_there_later_is_taken_unless_the_device_was_changed(
    card: Places, changed: bool
) -> None:
    (card.boot / "edge.toml").write_text(CAMERA + '[mqtt]\nhost = "b"\nusername = "x"\npassword_file = "broker"\n')
    for _ in range(2):
        assert "the file broker is not there" in str(start(card).problems)
    if changed:
        card.config.write_text(card.config.read_text() + "[retention]\ndays = 9\n")
    (card.boot / "broker").write_text("very secret\n")
    assert start(card).problems == ()
    config = load(card.config)
    assert (config.mqtt.host, config.retention.days) == (("127.0.0.1", 9) if changed else ("b", 30))
    before = card.config.read_bytes()
    start(card)
    assert card.config.read_bytes() == before


def test_the_packages_own_file_is_nobodys_configuration_on_a_card_and_somebodys_elsewhere(card: Places) -> None:
    put(card.config, (ROOT / "debian/edge.toml").read_bytes())
    assert start(replace(card, is_card=False)).problems == ()
    assert card.config.read_bytes() == (ROOT / "debian/edge.toml").read_bytes()
    start(card)
    assert load(card.config).web.host == "0.0.0.0"
    assert mode(card.config) == 0o640


def test_what_is_right_is_taken_though_it_stands_before_what_it_needs(card: Places) -> None:
    zone = '[[zone]]\nname = "z"\ncamera = "yard"\narea = [[0,0],[1,0],[1,1]]\n'
    (card.boot / "edge.toml").write_text(zone + CAMERA + "[retention]\ndays = -1\n")
    start(card)
    config = load(card.config)
    assert [each.name for each in config.zone] == ["z"]
    assert config.retention.days == 30


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


def test_a_factory_reset_makes_a_new_device(card: Places) -> None:
    (card.boot / "rpi-preseed.toml").write_text(PRESEED)
    before = start(card)
    (card.data / "models").mkdir()
    (card.data / "models/a.tflite").write_bytes(b"x")
    (card.data / "pictures/aa").mkdir(parents=True)
    password = (card.data / "web/first-password").read_text()
    ask_for_reset(card.data)
    after = start(card)
    assert after.reset
    assert (before.host, after.host) == ("garden", after.device[:9])
    assert before.device != after.device
    assert (card.data / "web/first-password").read_text() != password
    assert {path.name for path in card.data.iterdir()} == {"broker", "device-id", "first-boot.json", "models", "web"}
    assert not (card.etc / "NetworkManager/system-connections/edge-wifi.nmconnection").exists()
    assert not (card.etc / "ssh/ssh_host_ed25519_key").exists()
    assert not start(card).reset


def test_a_factory_reset_keeps_the_folder_that_the_program_may_write_into(card: Places) -> None:
    start(card)
    folder = card.config.parent
    folder.chmod(0o770)
    (folder / "camera-password").write_text("secret")
    ask_for_reset(card.data)
    start(card)
    assert mode(folder) == 0o770
    assert {path.name for path in folder.iterdir()} == {"edge.toml", "taken"}


def test_a_factory_reset_leaves_what_the_owner_of_an_existing_system_set_up(card: Places) -> None:
    existing = replace(card, is_card=False)
    put(card.config, CAMERA.encode())
    put(card.etc / "ssh/authorized_keys/root", KEY.encode())
    (card.etc / "localtime").symlink_to("/usr/share/zoneinfo/Europe/Berlin")
    before = start(existing)
    ask_for_reset(card.data)
    after = start(existing)
    assert after.reset
    assert (before.cameras, after.cameras) == (("yard",), ("yard",))
    assert (card.etc / "localtime").is_symlink()
    assert (card.etc / "ssh/authorized_keys/root").exists()


def test_what_an_existing_system_took_from_the_boot_partition_goes_in_a_factory_reset(card: Places) -> None:
    existing = replace(card, is_card=False)
    (card.boot / "edge.toml").write_text(CAMERA)
    assert start(existing).cameras == ("yard",)
    (card.boot / "edge.toml").unlink()
    ask_for_reset(card.data)
    assert start(existing).cameras == ("camera",)
