"""The host key of an SFTP server, pinned when the backup is set up: no other machine is given the password or a backup afterwards."""

import base64
import binascii
import configparser
import hashlib
from pathlib import Path

import msgspec

from edge.backup import target as targets
from edge.backup.room import Room
from edge.backup.target import RCLONE_FILE, Target
from edge.errors import BackupError

OPTION, PIN = "host_keys", "pin_host_key"
_CHECKED_BY = (OPTION, "known_hosts_file", "ssh")
"""With one of these rclone, or the program that it starts, knows whom it talks to."""


def is_unchecked(target: Target) -> bool:
    """Whether anybody who answers at its address would be believed."""
    return target.options.get("type") == "sftp" and not any(target.options.get(name) for name in _CHECKED_BY)


def forgotten(target: Target) -> Target:
    """Without the pinned key, to pin the one that the server has now.

    Raises:
        BackupError: none is pinned.
    """
    if not target.options.get(OPTION):
        raise BackupError(
            f"{target.words}: no host key is pinned",
            hint="it is no SFTP server, or is known by known_hosts_file or ssh",
        )
    return _with_options(target, {name: value for name, value in target.options.items() if name != OPTION})


def pin(folder: Path, target: Target) -> Target:
    """Connect, and take the key that the server shows (trust on first use).

    Args:
        folder: a data folder for this alone.

    Raises:
        BackupError: it cannot be reached, or its key was not kept.
    """
    targets.save(folder, _with_options(target, {**target.options, PIN: "true"}))
    with Room(folder, target).repository() as repository:
        repository.marker()
    config = configparser.ConfigParser(interpolation=None)
    config.read(targets.folder_of(folder) / RCLONE_FILE, encoding="utf-8")
    keys = config.get("target", OPTION, fallback="")
    if not keys:
        raise BackupError(
            "rclone did not keep the server's host key", hint="give --set known_hosts_file=FILE, or update rclone"
        )
    # Left there, it would let further keys in later.
    kept = {name: value for name, value in target.options.items() if name != PIN}
    return _with_options(target, {**kept, OPTION: keys})


def fingerprints(target: Target) -> list[str]:
    """`algorithm SHA256:…` of each pinned key, as ssh shows them."""
    entries = (entry.split() for entry in target.options.get(OPTION, "").split(","))
    return [f"{entry[0]} {_fingerprint(entry[1])}" for entry in entries if len(entry) == 2]


def _fingerprint(key: str) -> str:
    try:
        digest = hashlib.sha256(base64.b64decode(key, validate=True)).digest()
    except binascii.Error:
        return "(not legible)"
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _with_options(target: Target, options: dict[str, str]) -> Target:
    return msgspec.structs.replace(target, options=options)
