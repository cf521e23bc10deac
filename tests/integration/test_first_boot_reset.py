"""A factory reset, which the next start fulfils."""

from dataclasses import replace
from pathlib import Path

import pytest

from edge.appliance.places import Places, put
from edge.identity import ask_for_reset
from tests.first_boot_rig import CAMERA, KEY, PRESEED, a_card, mode, start


@pytest.fixture
def card(tmp_path: Path) -> Places:
    return a_card(tmp_path)


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
