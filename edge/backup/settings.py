"""The device's configuration and identity as a zip: what makes a new card the same device, beside the database."""

import os
import zipfile
from pathlib import Path

from edge.backup.format import Settings
from edge.backup.packs import hash_of
from edge.identity import ID_FILE

CONFIG_NAME = "edge.toml"
ACCESS = "web/access.json"
"""Hashes of the page's passwords: only where the remote is encrypted."""
_TIME = (1980, 1, 1, 0, 0, 0)


def write_settings(folder: Path, data_dir: Path, config_file: Path | None, *, encrypted: bool) -> Settings:
    """Write the zip into the spool, under its name; the same settings give the same bytes."""
    files = {CONFIG_NAME: config_file, ID_FILE: data_dir / ID_FILE, ACCESS: data_dir / ACCESS if encrypted else None}
    packed = folder / "settings.zip"
    packed.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, path in files.items():
            if path is not None and path.is_file():
                archive.writestr(zipfile.ZipInfo(name, _TIME), path.read_bytes())
    settings = Settings(hash_of(packed), packed.stat().st_size)
    final = folder / settings.path
    final.parent.mkdir(parents=True, exist_ok=True)
    with packed.open("rb") as file:
        os.fsync(file.fileno())
    packed.replace(final)
    return settings


def read_settings(path: Path) -> dict[str, bytes]:
    """By name; only those that are known."""
    with zipfile.ZipFile(path) as archive:
        known = (CONFIG_NAME, ID_FILE, ACCESS)
        return {name: archive.read(name) for name in known if name in archive.namelist()}
