"""Tests what a remote allows, before anything relies on it."""

import secrets
import shutil
from contextlib import suppress
from typing import NamedTuple

from edge.backup.remote import Remote, is_missing
from edge.backup.room import Room
from edge.errors import BackupError

FOLDER = "v1/probe"


class Rights(NamedTuple):
    """What the remote lets us do beside writing and reading."""

    can_delete: bool


def probe(room: Room) -> Rights:
    """Write, read and delete a small file; where there is a plain mirror, write one there too.

    Raises:
        BackupError: it cannot be written or read, or comes back changed.
    """
    name, content = f"{secrets.token_hex(8)}.txt", secrets.token_bytes(64)
    with room.repository() as repository:
        remote = repository.remote
        (remote.scratch / "probe.tmp").write_bytes(content)
        remote.put("probe.tmp", f"{FOLDER}/{name}")
        if remote.read(f"{FOLDER}/{name}") != content:
            raise BackupError("what was written to the remote came back changed", hint="look at the remote")
        if room.target.mirror:
            _probe_mirror(remote, name)
        try:
            remote.delete(FOLDER, [name])
            remote.read(f"{FOLDER}/{name}")
        except BackupError as error:
            return Rights(is_missing(error))
        return Rights(False)


def _probe_mirror(remote: Remote, name: str) -> None:
    folder = remote.scratch / "probe"
    folder.mkdir(exist_ok=True)
    (folder / name).write_bytes(b"a test of rights\n")
    try:
        remote.put_in_mirror(folder.name)
        with suppress(BackupError):  # what may only be added to is a mirror too
            remote.delete_from_mirror([name])
    finally:
        shutil.rmtree(folder)
