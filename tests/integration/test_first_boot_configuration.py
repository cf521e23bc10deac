"""What the owner laid on the boot partition: taken, taken in part, or told to be wrong; the device comes up all the same."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge.appliance.places import Places, put
from edge.appliance.problems import noted
from edge.config import load
from edge.wiring.checking import check_config
from tests.first_boot_rig import CAMERA, KEY, a_card, as_run, error_file, mode, start
from tests.support import ROOT


@pytest.fixture
def card(tmp_path: Path) -> Places:
    return a_card(tmp_path)


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
