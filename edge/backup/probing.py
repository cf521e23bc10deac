"""Tests what a remote allows, before anything relies on it."""

import secrets
from pathlib import Path
from typing import NamedTuple

from edge.backup.remote import is_missing
from edge.backup.room import Room
from edge.errors import BackupError

FOLDER = "v1/probe"


class Rights(NamedTuple):
    """What the remote lets us do beside writing and reading."""

    can_delete: bool


def probe(data_dir: Path) -> Rights:
    """Write, read and delete a small file.

    Raises:
        BackupError: it cannot be written or read, or comes back changed.
    """
    room = Room.of(data_dir)
    name, content = f"{secrets.token_hex(8)}.txt", secrets.token_bytes(64)
    with room.repository() as repository:
        remote = repository.remote
        (remote.scratch / "probe.tmp").write_bytes(content)
        remote.put("probe.tmp", f"{FOLDER}/{name}")
        if remote.read(f"{FOLDER}/{name}") != content:
            raise BackupError("what was written to the remote came back changed", hint="look at the remote")
        try:
            remote.delete(FOLDER, [name])
            remote.read(f"{FOLDER}/{name}")
        except BackupError as error:
            return Rights(is_missing(error))
        return Rights(False)
