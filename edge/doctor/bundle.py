"""One file for whoever helps: findings, versions, configuration, states and log, without secrets."""

import io
import os
import subprocess
import tarfile
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from importlib import metadata
from pathlib import Path

import msgspec

from edge import control
from edge.appliance.health import NOTE
from edge.config import Config, hidden
from edge.config.writing import as_toml
from edge.doctor.port import Finding
from edge.doctor.secrets import Redactor, known
from edge.errors import EdgeError, StoreError
from edge.update import progress

LOG_LINES, KERNEL_LINES = 5000, 500
PROGRAM_S = 30.0
FILE_BYTES = 2_000_000
"""Of each file; of a longer one the end."""
COMMANDS: dict[str, Sequence[str]] = {
    "log.txt": ("journalctl", "--no-pager", "--output=short-iso", f"--lines={LOG_LINES}", "--unit=edge*", "--unit=mosquitto*",
                "--unit=rauc*"),
    "kernel.txt": ("journalctl", "--no-pager", "--output=short-monotonic", "--dmesg", "--priority=warning", f"--lines={KERNEL_LINES}"),
    "units.txt": ("systemctl", "--no-pager", "list-units", "--all", "edge*", "mosquitto*", "rauc*", "NetworkManager*"),
    "mounts.txt": ("findmnt", "--list"),
    "disks.txt": ("df", "--human-readable"),
    "addresses.txt": ("ip", "-brief", "address"),
}  # fmt: skip


def write_bundle(path: Path, config: Config, findings: Sequence[Finding], etc: Path = Path("/etc")) -> None:
    """Write a gzipped tar, for its owner's eyes only.

    Raises:
        StoreError: it cannot be written.
    """
    redact = Redactor(known(config, etc))
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file, tarfile.open(fileobj=file, mode="w:gz") as archive:
            for name, make in _contents(config, findings):
                _add(archive, name, redact(_made(make))[-FILE_BYTES:])
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}", hint="name a file that can be written") from error


def _contents(config: Config, findings: Sequence[Finding]) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "findings.json", lambda: _json(findings)
    yield "configuration.toml", lambda: as_toml(hidden(msgspec.to_builtins(config)))
    yield "packages.txt", _packages
    yield "status.json", lambda: _json(control.ask(config.data_dir, str(uuid.uuid4()), "status", {}))
    yield "update.json", lambda: _json(progress.load(config.data_dir))
    yield "health.json", lambda: (config.data_dir / NOTE).read_text(encoding="utf-8")
    yield "files.txt", lambda: _listing(config.data_dir)
    for name, command in COMMANDS.items():
        yield name, lambda command=command: _output(command)  # type: ignore[misc]


def _made(make: Callable[[], str]) -> str:
    """What cannot be had is said in its place: the rest is worth having."""
    try:
        return make()
    except (EdgeError, OSError, subprocess.SubprocessError) as error:
        return f"not there: {error}\n"


def _json(value: object) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _packages() -> str:
    found = {f"{each.metadata['Name']} {each.version}" for each in metadata.distributions()}
    return "\n".join(sorted(found, key=str.lower)) + "\n"


def _listing(folder: Path) -> str:
    """Names, sizes and rights of the first level: which camera saw what when is nobody's business."""
    lines = []
    for path in sorted(folder.iterdir()):
        status = path.lstat()
        lines.append(f"{status.st_mode:o} {status.st_uid}:{status.st_gid} {status.st_size:>12} {path.name}")
    return "\n".join(lines) + "\n"


def _output(command: Sequence[str]) -> str:
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=PROGRAM_S, check=False
    )  # fmt: skip
    return done.stdout + done.stderr


def _add(archive: tarfile.TarFile, name: str, text: str) -> None:
    content = text.encode(errors="replace")
    about = tarfile.TarInfo(f"edge-support/{name}")
    about.size, about.mtime, about.mode = len(content), int(time.time()), 0o600
    archive.addfile(about, io.BytesIO(content))
