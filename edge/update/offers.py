"""What a source offers: an index file, `index.json`, in a folder (a stick, a share) or at an address (HTTPS only).

The index is not signed; nothing is trusted for it. It says where to look, and the signed bundle must then say the same of itself.
"""

import shutil
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from edge import assets
from edge.assets import Asset, HttpSource
from edge.errors import AssetError, UpdateError
from edge.files import make_folder
from edge.update import versions
from edge.update.system import System

INDEX = "index.json"
INDEX_BYTES = 1_000_000
TIMEOUT_S = 30.0
SPARE_BYTES = 64_000_000
"""What must stay free beside a bundle that is fetched."""

Progress = Callable[[int], None]
"""Called with percent."""


class Offer(msgspec.Struct, frozen=True, kw_only=True):
    """One bundle. `file` is relative to the index."""

    version: str
    compatible: str
    file: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,199}$")]
    size_bytes: Annotated[int, msgspec.Meta(ge=1)]
    sha256: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{64}$")]
    notes: str = ""


class _Index(msgspec.Struct, frozen=True):
    schema: Literal[1]
    bundles: tuple[Offer, ...]


def newest(source: str, system: System) -> Offer | None:
    """The newest bundle for this device that is newer than what runs.

    Raises:
        UpdateError: the source cannot be read or is none.
    """
    fitting = [each for each in read_index(source) if each.compatible == system.compatible]
    newer = [each for each in fitting if versions.is_newer(each.version, system.version)]
    return max(newer, key=lambda each: versions.parse(each.version), default=None)


def read_index(source: str) -> tuple[Offer, ...]:
    text = _fetched(_address(source, INDEX)) if _is_address(source) else _read(Path(source) / INDEX)
    try:
        return msgspec.json.decode(text, type=_Index).bundles
    except msgspec.MsgspecError as error:
        raise UpdateError(f"{source}: {INDEX} is no index: {error}", hint="docs/update.md shows one") from error


def fetch(source: str, offer: Offer, folder: Path, progress: Progress) -> Path:
    """The bundle as a file, whole: of a folder where it lies, of an address below `folder`; one that was cut off is gone on with.

    Raises:
        UpdateError: it does not come, is not what the index says, or has no room.
    """
    asset = Asset(
        file=offer.file,
        licence="",
        sources=(HttpSource(_address(source, offer.file)),) if _is_address(source) else (),
        size_bytes=offer.size_bytes,
        sha256=offer.sha256,
    )

    def tell(done_bytes: int, _: int | None) -> None:
        progress(min(100, 100 * done_bytes // offer.size_bytes))

    try:
        if not _is_address(source):
            return assets.require(asset, Path(source), hint="copy it to the stick again")
        make_folder(folder)
        _make_room(folder, offer)
        return assets.fetch(asset, folder, tell)
    except AssetError as error:
        raise UpdateError(str(error.args[0]), hint=error.hint, retryable=_is_address(source)) from error
    except OSError as error:
        raise UpdateError(f"{folder}: {error.strerror}", hint="free some space") from error


def _make_room(folder: Path, offer: Offer) -> None:
    """Nothing of earlier updates stays; what is missing must fit."""
    for path in folder.iterdir():
        if path.name not in (offer.file, f".{offer.file}.part"):
            path.unlink()
    there = sum(path.stat().st_size for path in folder.iterdir())
    free = shutil.disk_usage(folder).free
    if offer.size_bytes - there + SPARE_BYTES > free:
        needs = (offer.size_bytes - there + SPARE_BYTES) / 1e6
        raise UpdateError(
            f"{offer.file}: needs {needs:.0f} MB, {free / 1e6:.0f} are free", hint="free some space", retryable=True
        )


def _is_address(source: str) -> bool:
    return "://" in source


def _address(source: str, name: str) -> str:
    return f"{source.rstrip('/')}/{urllib.parse.quote(name)}"


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(INDEX_BYTES)
    except OSError as error:
        raise UpdateError(
            f"{path}: {error.strerror}", hint="plug the stick in, or correct update.source", retryable=True
        ) from error


def _fetched(url: str) -> bytes:
    if not url.startswith("https://"):
        raise UpdateError(f"{url}: is not HTTPS", hint="update.source takes https://… or a folder")
    try:
        with urllib.request.urlopen(url, timeout=TIMEOUT_S) as response:
            if not response.url.startswith("https://"):
                raise UpdateError(f"{url}: leads to {response.url}", hint="every step must be HTTPS")
            content: bytes = response.read(INDEX_BYTES)
            return content
    except (urllib.error.URLError, TimeoutError, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise UpdateError(f"{url}: {reason}", hint="check the network and update.source", retryable=True) from error
