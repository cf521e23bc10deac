"""What makes a new card the same device, beside the database: configuration and what it names, identity, accounts. One zip."""

import logging
import os
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import NamedTuple

import msgspec

from edge.backup.belongings import Belongings, without_secrets
from edge.backup.format import Settings
from edge.backup.packs import hash_of
from edge.errors import BackupError
from edge.files import make_folder, write_durably
from edge.identity import ID_FILE
from edge.recognition.catalogue import ADDED_FILE

log = logging.getLogger(__name__)

CONFIG_NAME = "edge.toml"
ACCESS = "web/access.json"
CERTIFICATE = ("web/tls/certificate.pem", "web/tls/key.pem")
"""Of the local page, which browsers have learnt to trust; it names the device, so another id needs another."""
SECRETS = (ACCESS, *CERTIFICATE)
"""Files of the data folder that are in it only where the remote is encrypted."""
MODELS = f"models/{ADDED_FILE}"
NAMES = "named.json"
BESIDE = "restored"
"""Folder in the data folder for what cannot be put where it was."""
MOST_BYTES = 4_000_000
"""Of one file that the configuration names."""
_TIME = (1980, 1, 1, 0, 0, 0)


class Place(msgspec.Struct, frozen=True):
    """Where a member of the zip was on the old card."""

    member: str
    path: str
    secret: bool


class Identity(NamedTuple):
    """How much of the old device the restored one is.

    `takes_over`: it has the old one's id, or `id` when that is not empty, whatever id it has been given meanwhile. `old_places`: files go
    back to their old paths where nothing stands there.
    """

    takes_over: bool = False
    id: str = ""
    old_places: bool = False


def write_settings(folder: Path, data_dir: Path, belongings: Belongings, *, encrypted: bool) -> Settings:
    """Write the zip into the spool, under its name; the same settings give the same bytes. Secrets only when it is encrypted."""
    packed = folder / "settings.zip"
    packed.parent.mkdir(parents=True, exist_ok=True)
    places = []
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for place, content in _members(data_dir, belongings, encrypted=encrypted):
            archive.writestr(zipfile.ZipInfo(place.member, _TIME), content)
            places += [place] if place.path else []
        archive.writestr(zipfile.ZipInfo(NAMES, _TIME), msgspec.json.encode(places))
    settings = Settings(hash_of(packed), packed.stat().st_size)
    final = folder / settings.path
    final.parent.mkdir(parents=True, exist_ok=True)
    with packed.open("rb") as file:
        os.fsync(file.fileno())
    packed.replace(final)
    return settings


def _members(data_dir: Path, belongings: Belongings, *, encrypted: bool) -> Iterator[tuple[Place, bytes]]:
    if belongings.config_file is not None:
        content = belongings.config_file.read_bytes()
        if not encrypted:
            content = without_secrets(content.decode(errors="replace")).encode()
        yield Place(CONFIG_NAME, str(belongings.config_file), secret=False), content
    own = [(ID_FILE, data_dir / ID_FILE), (MODELS, belongings.models_dir / ADDED_FILE)]
    secrets = [(member, data_dir / member) for member in SECRETS] if encrypted else []
    for member, path in [*own, *secrets]:
        if path.is_file():
            yield Place(member, "", secret=False), path.read_bytes()
    for number, named in enumerate(belongings.named):
        if named.secret and not encrypted:
            continue
        try:
            if named.path.stat().st_size > MOST_BYTES:
                raise OSError(f"larger than {MOST_BYTES} bytes")
            yield Place(f"named/{number}", str(named.path), named.secret), named.path.read_bytes()
        except OSError as error:
            log.warning("a file that the configuration names is not backed up path=%s error=%s", named.path, error)


def put_settings(packed: Path, target: Path, models_dir: Path, identity: Identity) -> list[Path]:
    """Put what the zip holds into a data folder and, where the identity says so, back to its old places; those of the named files.

    Nothing is written over. What has no place, or may not go there, is put below `BESIDE`.

    Raises:
        BackupError: it is no such zip.
    """
    try:
        with zipfile.ZipFile(packed) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
            places = msgspec.json.decode(members.get(NAMES, b"[]"), type=list[Place])
    except (zipfile.BadZipFile, msgspec.DecodeError) as error:
        raise BackupError(f"{packed.name}: settings cannot be read: {error}", hint="try an older snapshot") from error
    id_ = f"{identity.id}\n".encode() if identity.id else members.get(ID_FILE)
    if id_ is not None and (identity.takes_over or not (target / ID_FILE).exists()):
        make_folder(target)
        write_durably(target / ID_FILE, id_)
    secrets = (ACCESS,) if identity.id else SECRETS
    for member, path in ((MODELS, models_dir / ADDED_FILE), *((member, target / member) for member in secrets)):
        if member in members and not path.exists():
            _write(path, members[member], secret=member in SECRETS)
    return [_put_named(place, members[place.member], target, identity) for place in places if place.member in members]


def _put_named(place: Place, content: bytes, target: Path, identity: Identity) -> Path:
    old = PurePosixPath(place.path)
    if not old.name or ".." in old.parts:
        raise BackupError(f"{place.path!r:.100} is no path of a backup", hint="somebody has changed the remote")
    path = Path(old)
    is_config = place.member == CONFIG_NAME
    if (
        identity.old_places
        and old.is_absolute()
        and not path.exists()
        and not (is_config and identity.id and _names_an_id(content))
    ):
        try:
            _write(path, content, secret=place.secret)
        except OSError as error:
            log.warning("cannot be put back path=%s error=%s", path, error.strerror)
        else:
            return path
    beside = target / BESIDE / (CONFIG_NAME if is_config else old.relative_to(old.anchor))
    _write(beside, content, secret=place.secret)
    return beside


def _names_an_id(content: bytes) -> bool:
    """A configuration that would make the device the old one again. One that cannot be read is none that may be put back."""
    try:
        return bool(tomllib.loads(content.decode()).get("device", {}).get("id"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, AttributeError):
        return True


def _write(path: Path, content: bytes, *, secret: bool) -> None:
    make_folder(path.parent)
    write_durably(path, content, mode=0o600 if secret else 0o644)
