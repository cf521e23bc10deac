"""A flashed card before its first boot, and what the tests ask of it afterwards."""

from pathlib import Path

import msgspec

from edge.appliance.first_boot import Report, first_boot
from edge.appliance.places import Places
from edge.config import Config, Paths, load
from edge.wiring.checking import check_part
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


def a_card(tmp_path: Path) -> Places:
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
