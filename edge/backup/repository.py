"""What stands on the remote: the marker, the snapshots of a device, and who may write them."""

from collections.abc import Iterable
from dataclasses import dataclass

from edge import __version__
from edge.backup.format import (
    MARKER,
    VERSION,
    Lineage,
    Manifest,
    Marker,
    SnapshotName,
    checked_path,
    decode,
    encode,
    is_lineage,
    parse_name,
    read_manifest,
    stamp_of,
)
from edge.backup.remote import Remote, is_missing
from edge.clock import iso_utc
from edge.errors import BackupError

PROGRAM = f"edge {__version__}"
SPOOL = "spool"
"""Folder below the scratch folder; files in it lie as on the remote, below the device's folder."""


@dataclass(frozen=True, slots=True)
class Heads:
    """All snapshots of a device, oldest first, and the names of its lineages, oldest first."""

    snapshots: tuple[SnapshotName, ...]
    lineages: tuple[str, ...]


class Repository:
    """Raises (all methods):
    BackupError: the remote failed, or is not what it should be.

    Thread: as `Remote`.
    """

    def __init__(self, remote: Remote, device: str) -> None:
        self.remote = remote
        self.device = device
        self.folder = checked_path(f"{VERSION}/{device}")

    def marker(self) -> Marker | None:
        """None: there is no repository here, or it cannot be seen with this key."""
        try:
            content = self.remote.read(f"{VERSION}/{MARKER}")
        except BackupError as error:
            if is_missing(error):
                return None
            raise
        return decode(content, Marker, MARKER)

    def required(self) -> Marker:
        marker = self.marker()
        if marker is None:
            raise BackupError(
                "no backup is here that this key opens", hint="compare path, password and salt with the kit"
            )
        return marker

    def create(self, repository: str, wall_s: float) -> None:
        self._put_new(f"{VERSION}/{MARKER}", encode(Marker(repository=repository, made_at=iso_utc(wall_s))))

    def heads(self) -> Heads:
        names = [entry.path for entry in self.remote.list(f"{self.folder}/snapshots")]
        snapshots = sorted(name for name in map(parse_name, names) if name is not None)
        return Heads(tuple(snapshots), tuple(sorted(filter(is_lineage, names))))

    def begin_lineage(self, lineage: str, wall_s: float, after: str = "") -> None:
        """From now on only who has this one may write. `after`: the newest name so far."""
        stamp = max(stamp_of(wall_s), next_stamp(after[:16]) if after else "")
        content = encode(Lineage(lineage=lineage, made_at=iso_utc(wall_s)))
        self._put_new(f"{self.folder}/snapshots/{stamp}-{lineage}.json", content)

    def manifest(self, name: SnapshotName) -> Manifest:
        return read_manifest(name, self.remote.read(f"{self.folder}/{name.path}"))

    def publish(self, name: SnapshotName, content: bytes) -> None:
        """Last of all: what it names is there."""
        self._put_new(f"{self.folder}/{name.path}", content)

    def _put_new(self, path: str, content: bytes) -> None:
        file = self.remote.scratch / "new.tmp"
        file.write_bytes(content)
        self.remote.put(file.name, path)
        file.unlink()


def lineage_of(name: str) -> str:
    """The lineage that a file of this name begins."""
    return name.removesuffix(".json").rpartition("-")[2]


def next_stamp(stamp: str) -> str:
    """A second later."""
    name = SnapshotName(stamp, "", "")
    return stamp_of(name.made.timestamp() + 1)


def chosen(snapshots: Iterable[SnapshotName], wanted: str) -> SnapshotName:
    """The newest, or the one whose stamp or id begins so.

    Raises:
        BackupError: there is none, or more than one.
    """
    found = [name for name in snapshots if not wanted or name.stamp.startswith(wanted) or name.id.startswith(wanted)]
    if not found:
        raise BackupError("there is no such snapshot", hint="`edge backup list` shows all")
    if wanted and len(found) > 1:
        raise BackupError(f"{wanted!r}: several snapshots begin so", hint="give more of it")
    return found[-1]
