"""The names and documents of a repository; docs/backup-format.md says what they mean. Pure."""

import hashlib
import re
from datetime import UTC, datetime
from typing import Literal, TypeVar

import msgspec

from edge.errors import BackupError

VERSION = "v1"
MARKER = "REPO.json"
"""Below `VERSION`."""
PLAIN_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_HASH = re.compile(r"[0-9a-f]{64}")
_SNAPSHOT = re.compile(r"(?P<stamp>\d{8}T\d{6}Z)-(?P<id>[0-9a-f]{32})-(?P<sha256>[0-9a-f]{64})\.json")
_LINEAGE = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{32}\.json")

Document = TypeVar("Document", bound=msgspec.Struct)
Hash = str


class Marker(msgspec.Struct, frozen=True, kw_only=True):
    """What a repository is; that it can be read proves the key."""

    format: Literal[1] = 1
    repository: str
    made_at: str


class Lineage(msgspec.Struct, frozen=True, kw_only=True):
    """Who may write: the card with the newest lineage."""

    format: Literal[1] = 1
    lineage: str
    made_at: str


class Layer(msgspec.Struct, frozen=True):
    """A part of the database: a whole copy, or the rows that have changed since the layer before."""

    kind: Literal["copy", "rows"]
    sha256: Hash
    size_bytes: int

    @property
    def path(self) -> str:
        return f"database/{self.sha256}.db.gz" if self.kind == "copy" else f"rows/{self.sha256}.sql.gz"


class Pack(msgspec.Struct, frozen=True):
    """A zip of pictures and clips. `number`: what the column `secured` of their rows says."""

    number: int
    sha256: Hash
    size_bytes: int
    files: int

    @property
    def path(self) -> str:
        return f"packs/{self.sha256[:2]}/{self.sha256}.zip"


class Settings(msgspec.Struct, frozen=True):
    """A zip of the device's configuration and identity."""

    sha256: Hash
    size_bytes: int

    @property
    def path(self) -> str:
        return f"settings/{self.sha256}.zip"


class ModelFile(msgspec.Struct, frozen=True):
    """A file of a model that a person has added. `name`: its path below the models folder."""

    name: str
    sha256: Hash
    size_bytes: int

    @property
    def path(self) -> str:
        return f"models/{self.sha256}.tflite"


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot: everything that a restore needs, by name."""

    format: Literal[1] = 1
    id: str
    repository: str
    device: str
    lineage: str
    made_at: str
    program: str
    database_schema: int
    events: int
    database: tuple[Layer, ...]
    packs: tuple[Pack, ...]
    settings: Settings | None = None
    models: tuple[ModelFile, ...] = ()

    @property
    def paths(self) -> dict[str, int]:
        """Of all files below the device's folder, with their sizes in bytes."""
        parts: tuple[Layer | Pack | Settings | ModelFile, ...] = (
            *self.database,
            *self.packs,
            *self.models,
            *([self.settings] if self.settings else []),
        )
        return {part.path: part.size_bytes for part in parts}


class SnapshotName(msgspec.Struct, frozen=True, order=True):
    """The name of a manifest; they sort by time."""

    stamp: str
    id: str
    sha256: Hash

    @property
    def path(self) -> str:
        return f"snapshots/{self.stamp}-{self.id}-{self.sha256}.json"

    @property
    def made(self) -> datetime:
        return datetime.strptime(self.stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def stamp_of(wall_s: float) -> str:
    return datetime.fromtimestamp(wall_s, UTC).strftime("%Y%m%dT%H%M%SZ")


def encode(document: msgspec.Struct) -> bytes:
    return msgspec.json.format(msgspec.json.encode(document), indent=1) + b"\n"


def decode(content: bytes, kind: type[Document], what: str) -> Document:
    """Raises:
    BackupError: it is no such document, or one of a newer program.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except msgspec.DecodeError as error:
        raise BackupError(
            f"{what}: cannot be understood: {error}", hint="is this the right key and program?"
        ) from error


def name_of(manifest: Manifest, content: bytes, wall_s: float) -> SnapshotName:
    return SnapshotName(stamp_of(wall_s), manifest.id, hashlib.sha256(content).hexdigest())


def parse_name(file_name: str) -> SnapshotName | None:
    """None: it is none of ours."""
    found = _SNAPSHOT.fullmatch(file_name)
    return SnapshotName(found["stamp"], found["id"], found["sha256"]) if found else None


def is_lineage(file_name: str) -> bool:
    return _LINEAGE.fullmatch(file_name) is not None


def read_manifest(name: SnapshotName, content: bytes) -> Manifest:
    """Raises:
    BackupError: the content is not what its name promises, or names what no snapshot can.
    """
    if hashlib.sha256(content).hexdigest() != name.sha256:
        raise BackupError(f"{name.path}: its content is not what its name says", hint="take another snapshot")
    manifest = decode(content, Manifest, name.path)
    for path in (*manifest.paths, *(model.name for model in manifest.models)):
        checked_path(path)
    return manifest


def checked_path(path: str) -> str:
    """A path that may be a word of a command.

    Raises:
        BackupError: it may not.
    """
    if not PLAIN_PATH.fullmatch(path):
        raise BackupError(f"{path!r:.100} is no path of a backup", hint="somebody has changed the remote")
    return path


def is_hash(text: str) -> bool:
    return _HASH.fullmatch(text) is not None
