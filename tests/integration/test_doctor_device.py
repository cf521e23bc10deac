"""What the doctor finds of card, partitions, units, cameras, pins, broker and boot partition; and that its bundle tells no secret."""

import json
import os
import tarfile
from pathlib import Path
from typing import Any

import msgspec
import pytest

from edge.appliance.first_boot import first_boot
from edge.appliance.places import Places
from edge.backup import target
from edge.backup.target import Target
from edge.cli import main
from edge.clock import SystemClock
from edge.config import Config, load, parse
from edge.demo.broker import Broker
from edge.doctor import CHECKS, Finding, Patient, broker, card, device, machine, running
from edge.doctor.bundle import write_bundle
from edge.update import progress
from edge.update.progress import Standing
from edge.web.access import Access
from edge.wiring.checking import check_part
from tests.support import ROOT


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def patient(root: Path, **raw: Any) -> Patient:
    return Patient(parse({"paths": {"data": str(root / "data")}, **raw}, place="test"), root)


def one(findings: Any) -> Finding:
    (finding,) = findings
    assert isinstance(finding, Finding)
    assert bool(finding.remedy) == (finding.level != "ok")
    return finding


def test_errors_that_the_file_system_has_counted(tmp_path: Path) -> None:
    assert list(card.errors(patient(tmp_path))) == []
    write(tmp_path, "sys/fs/ext4/mmcblk0p6/errors_count", "0\n")
    assert one(card.errors(patient(tmp_path))).level == "ok"
    write(tmp_path, "sys/fs/ext4/mmcblk0p6/errors_count", "3\n")
    found = one(card.errors(patient(tmp_path)))
    assert (found.level, "mmcblk0p6: 3" in found.value) == ("fail", True)


@pytest.mark.parametrize(
    ("life", "level", "says"),
    [("", "ok", "SD cards do not tell"), ("0x02 0x01", "ok", "20 %"), ("0x0a 0x01", "warn", "nine tenths")],
)
def test_wear(tmp_path: Path, life: str, level: str, says: str) -> None:
    write(tmp_path, "sys/block/mmcblk0/device/name", "SC32G\n")
    write(tmp_path, "sys/block/mmcblk0/device/date", "05/2024\n")
    if life:
        write(tmp_path, "sys/block/mmcblk0/device/life_time", life + "\n")
    found = one(card.wear(patient(tmp_path)))
    assert found.level == level
    assert says in found.value
    assert "SC32G of 05/2024" in found.value


def test_speed_is_tried_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(card.speed(patient(tmp_path))) == []
    (tmp_path / "data").mkdir()
    assert "MB/s" in one(card.speed(patient(tmp_path))).value
    assert list((tmp_path / "data").iterdir()) == []
    monkeypatch.setattr(card, "SLOW_SYNC_S", 0.0)
    assert one(card.speed(patient(tmp_path))).level == "warn"


def test_partitions_of_a_flashed_card(tmp_path: Path) -> None:
    write(tmp_path, "proc/cmdline", "quiet\n")
    assert list(card.partitions(patient(tmp_path))) == []
    write(tmp_path, "proc/cmdline", "root=x rauc.slot=B\n")
    write(tmp_path, "bootcfg/autoboot.txt", "[all]\nboot_partition=2\n[tryboot]\nboot_partition=3\n")
    for label in card.PARTITIONS[1:]:
        write(tmp_path, f"dev/disk/by-partlabel/{label}", "")
    missing, boot = card.partitions(patient(tmp_path))
    assert (missing.level, missing.value) == ("fail", "slot B runs; missing: bootcfg")
    assert boot.value == "starts from partition 2, tries 3"
    write(tmp_path, "dev/disk/by-partlabel/bootcfg", "")
    (tmp_path / "bootcfg/autoboot.txt").unlink()
    there, boot = card.partitions(patient(tmp_path))
    assert (there.level, boot.level) == ("ok", "warn")


SYSTEMCTL = """#!/bin/sh
printf 'Id=edge.service\\nLoadState=loaded\\nActiveState=failed\\nResult=watchdog\\n\\n'
printf 'Id=edge-health.service\\nLoadState=not-found\\nActiveState=inactive\\nResult=success\\n\\n'
printf 'Id=mosquitto.service\\nLoadState=loaded\\nActiveState=active\\nResult=success\\n'
"""


def program(folder: Path, name: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text)
    (folder / name).chmod(0o755)
    if not os.environ["PATH"].startswith(str(folder)):
        monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)


def test_units(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(running.units(patient(tmp_path))) == []
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    program(tmp_path / "bin", "systemctl", SYSTEMCTL, monkeypatch)
    failed, active = running.units(patient(tmp_path))
    assert (failed.level, failed.value) == ("fail", "edge.service failed: watchdog")
    assert "journalctl -u edge.service" in failed.remedy
    assert active.value == "mosquitto.service is active"


def test_a_supply_that_sagged_and_the_machine(tmp_path: Path) -> None:
    assert list(device.supply(patient(tmp_path))) == []
    write(tmp_path, device.THROTTLED, "0\n")
    assert one(device.supply(patient(tmp_path))).level == "ok"
    write(tmp_path, device.THROTTLED, "50000\n")
    assert one(device.supply(patient(tmp_path))).level == "warn"
    write(tmp_path, "proc/device-tree/model", "Raspberry Pi Zero 2 W Rev 1.0\0")
    hardware, _ = machine.hardware(patient(tmp_path))
    assert hardware.value == "Raspberry Pi Zero 2 W Rev 1.0"


def test_cameras_are_looked_for_while_nothing_runs(tmp_path: Path) -> None:
    cameras = [
        {"name": "a", "source": "folder:/nowhere"},
        {"name": "b", "source": "v4l2:/dev/video7"},
        {"name": "c", "source": "test:"},
    ]
    found = list(running.program(patient(tmp_path, camera=cameras)))
    assert [each.level for each in found] == ["fail", "fail", "ok"]
    write(tmp_path, "dev/video7", "")
    assert [each.level for each in running.program(patient(tmp_path, camera=cameras))] == ["fail", "ok", "ok"]


def test_pins_that_are_wanted(tmp_path: Path) -> None:
    button = [{"name": "b", "pin": 4, "press": "snapshot"}]
    assert list(running.pins(patient(tmp_path))) == []
    assert one(running.pins(patient(tmp_path, button=button))).level == "warn"
    write(tmp_path, "dev/gpiochip0", "")
    assert one(running.pins(patient(tmp_path, button=button))).value == "gpiochip0"


def test_the_broker_is_tried(tmp_path: Path) -> None:
    assert one(broker.broker(patient(tmp_path))).value.startswith("none is configured")
    found = one(broker.broker(patient(tmp_path, mqtt={"host": "127.0.0.1", "port": 1})))
    assert (found.level, "nothing listens there" in found.value) == ("warn", True)
    with Broker(tmp_path / "broker") as real:
        found = one(broker.broker(patient(tmp_path, mqtt={"host": "127.0.0.1", "port": real.port})))
        assert found.level == "ok", found


def test_a_data_partition_that_memory_stands_for(tmp_path: Path) -> None:
    assert list(card.data(patient(tmp_path))) == []
    write(tmp_path, "run/edge-image/no-data", "mount: wrong fs type\n/dev/x: not mounted\n")
    found = one(card.data(patient(tmp_path)))
    assert (found.level, "mount: wrong fs type; /dev/x: not mounted" in found.value) == ("fail", True)
    assert found.remedy
    assert card.data in CHECKS


def test_a_damaged_id_is_told(tmp_path: Path) -> None:
    write(tmp_path, "data/device-id", "")
    found = one(broker.broker(patient(tmp_path, mqtt={"host": "127.0.0.1", "port": 1})))
    assert (found.level, "is no device id" in found.value) == ("fail", True)


def test_what_the_first_boot_and_the_last_update_left(tmp_path: Path) -> None:
    made = flashed(tmp_path)
    (made.boot / "edge.toml").write_text("[retention]\ndays = -1\n")
    first_boot(made, check_part, apply=False)
    found = one(running.owner(patient(tmp_path)))
    assert (found.level, "retention.days is -1" in found.value) == ("warn", True)
    assert list(running.update(patient(tmp_path))) == []
    progress.save(tmp_path / "data", Standing(phase="failed", error="version 2.0: no frames"))
    assert one(running.update(patient(tmp_path))).value == "version 2.0: no frames"


# --- the bundle


def flashed(folder: Path) -> Places:
    places = Places(folder / "boot", folder / "etc", folder / "data", ROOT / "edge/appliance/edge.toml", user="nobody")
    for path in (places.boot, places.etc, places.data):
        path.mkdir(exist_ok=True)
    return places


SECRETS = {
    "camera user": "viewer-uquie6",
    "camera password": "cam-Pa55-oohu7",
    "camera query": "querykey-ahng8",
    "camera password file": "filed-Eex9u",
    "broker password": "broker-iG0ah",
    "webhook": "hook-Ohx4a-path",
    "work token": "worktoken-Re5oh",
    "wifi": "wifi phrase-Xae2U",
    "wifi name": "Castle-ieW4e",
    "backup password": "backup-Quai3",
    "backup salt": "salt-ohYee7",
    "backup option": "s3secret-uB5ch",
    "logged": "logged-Aeph4ohg",
    "bearer": "bearer-eeDu2aip5hoh",
}
OWNER = f"""
[[camera]]
name = "a"
source = "rtsp://{SECRETS["camera user"]}:{SECRETS["camera password"]}@cam.lan/s?token={SECRETS["camera query"]}"
[[camera]]
name = "b"
source = "http://cam2.lan/"
username = "u"
password_file = "cam2"
[mqtt]
host = "broker.lan"
username = "me"
password_file = "mqtt"
[[rule]]
name = "r"
webhook = "https://hooks.example/{SECRETS["webhook"]}"
[[work]]
name = "w"
worker = "health-report"
every_s = 3600
input = {{ api_token = "{SECRETS["work token"]}" }}
"""
JOURNAL = f"""#!/bin/sh
cat <<'END'
opened rtsp://{SECRETS["camera user"]}:{SECRETS["camera password"]}@cam.lan/s?token={SECRETS["camera query"]}
NetworkManager: ssid "{SECRETS["wifi name"]}" psk={SECRETS["wifi"].replace(" ", "")}x
somebody said password: {SECRETS["logged"]}
Authorization: Bearer {SECRETS["bearer"]}
link dc:a6:32:01:02:03 is up
the word {SECRETS["wifi"]} by itself, and {SECRETS["backup password"]}
a harmless line about frames
END
"""


def owned(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Places, Config, dict[str, str]]:
    """A device with every kind of secret, and all of them."""
    places = flashed(folder)
    (places.boot / "edge.toml").write_text(OWNER)
    (places.boot / "cam2").write_text(SECRETS["camera password file"] + "\n")
    (places.boot / "mqtt").write_text(SECRETS["broker password"] + "\n")
    (places.boot / "custom.toml").write_text(
        f'[wlan]\nssid = "{SECRETS["wifi name"]}"\npassword = "{SECRETS["wifi"]}"\n[system]\nhostname = "garden"\n'
    )
    assert first_boot(places, check_part, apply=False).problems == ()
    options = {"type": "s3", "provider": "Other", "secret_access_key": SECRETS["backup option"]}
    password, salt = SECRETS["backup password"], SECRETS["backup salt"]
    saved = Target(device="d", repository="r", path="b", options=options, password=password, salt=salt)
    (places.data / "backup").mkdir()
    (places.data / "backup/target.json").write_bytes(msgspec.json.encode(saved))
    (places.data / "backup/rclone.conf").write_text(target.rclone_config(saved))
    token = Access(places.data, SystemClock()).add_token("machine", "view")
    stored = json.loads((places.data / "web/access.json").read_text())
    program(
        folder / "bin",
        "journalctl",
        JOURNAL.replace("\na harmless", f"\na machine with {token}\na harmless"),
        monkeypatch,
    )
    made = {
        "page password": (places.data / "web/first-password").read_text().strip(),
        "page key": stored["key"],
        "page hash": stored["password"],
        "token": token,
    }
    paths = parse({"paths": {"data": str(places.data)}}, place="t").paths
    return places, msgspec.structs.replace(load(places.config), paths=paths), {**SECRETS, **made}


def unpacked(path: Path) -> dict[str, str]:
    with tarfile.open(path) as archive:
        files = {member.name: archive.extractfile(member) for member in archive}
        return {name: file.read().decode() for name, file in files.items() if file is not None}


def test_the_bundle_tells_no_secret(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places, config, secrets = owned(tmp_path, monkeypatch)
    finding = Finding(
        level="fail", what="camera", value=f"rtsp://u:{SECRETS['camera password']}@cam.lan failed", remedy="x"
    )
    path = tmp_path / "support.tar.gz"
    write_bundle(path, config, [finding], places.etc)
    assert path.stat().st_mode & 0o777 == 0o600
    files = unpacked(path)
    for name, text in files.items():
        told = [what for what, secret in secrets.items() if secret in text]
        assert not told, (name, told)
    assert "dc:a6" not in files["edge-support/log.txt"]
    assert "a harmless line about frames" in files["edge-support/log.txt"]
    assert 'name = "a"' in files["edge-support/configuration.toml"]
    assert "cam.lan failed" in files["edge-support/findings.json"]
    assert "numpy" in files["edge-support/packages.txt"]


def test_the_command_writes_it_beside_its_findings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(f'[paths]\nmodels = "{tmp_path}"\n[mqtt]\nhots = 1\n')
    path = tmp_path / "support.tar.gz"
    assert main(["doctor", "--config", str(config), "--bundle", str(path)]) == 1
    said = capsys.readouterr().out
    assert f"written: {path}" in said
    assert "unknown key" in unpacked(path)["edge-support/findings.json"]
    assert main(["doctor", "--config", str(config), "--bundle", str(tmp_path / "no/where")]) == 1
