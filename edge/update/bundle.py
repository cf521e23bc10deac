"""RAUC: what a bundle says of itself, verified, and its installation into the slot that does not run."""

import json
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge.errors import UpdateError
from edge.update import versions
from edge.update.system import System

INFO_S, INSTALL_S = 300.0, 3600.0
_PERCENT = re.compile(r"^\s*(\d{1,3})%")


class Manifest(msgspec.Struct, frozen=True):
    """The signed part of a bundle."""

    compatible: str
    version: str | None = None


def inspect(path: Path, system: System) -> Manifest:
    """Verify who signed it, and read what it says. Does not read the payload: that is verified block by block as it is installed.

    Raises:
        UpdateError: nobody we know signed it, it is cut off, or it is no bundle.
    """
    command = ["rauc", f"--keyring={system.keyring}", "info", "--output-format=json", str(path)]
    done = _run(command, INFO_S)
    if done.returncode:
        raise UpdateError(f"{path.name}: refused: {_reason(done.stderr)}", hint=_remedy(done.stderr))
    try:
        return msgspec.convert(json.loads(done.stdout), Manifest)
    except (ValueError, msgspec.ValidationError) as error:
        raise UpdateError(f"{path.name}: rauc said what is no manifest: {error}", hint="see `rauc info`") from error


def check(path: Path, system: System, wanted: str | None = None) -> Manifest:
    """`inspect`, and whether it may be installed here.

    Args:
        wanted: the version that the index said; None: it came without one.

    Raises:
        UpdateError: as `inspect`; it is for another device, not newer than what runs, or another version than was said.
    """
    found = inspect(path, system)
    if found.compatible != system.compatible:
        hint = f"get the one for {system.compatible}"
        raise UpdateError(
            f"{path.name}: refused: it is for {found.compatible!r}, this is {system.compatible!r}", hint=hint
        )
    version = found.version or ""
    if wanted is not None and version != wanted:
        raise UpdateError(
            f"{path.name}: refused: it is version {version}, the index says {wanted}", hint="mend the index"
        )
    if not versions.is_newer(version, system.version):
        hint = "`edge update rollback` starts the version before this one"
        raise UpdateError(f"{path.name}: refused: version {version} is not newer than {system.version}", hint=hint)
    return found


def install(path: Path, progress: Callable[[int], None]) -> None:
    """Write it into the slot that does not run and have the next restart try that. Thread: one that may block for many minutes.

    Raises:
        UpdateError: rauc refused or failed; what runs is as it was.
    """
    said: list[str] = []
    try:
        with subprocess.Popen(
            ["rauc", "install", str(path)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
        ) as program:  # fmt: skip
            assert program.stdout is not None
            for line in program.stdout:
                said.append(line.strip())
                if found := _PERCENT.match(line):
                    progress(int(found[1]))
    except OSError as error:
        raise UpdateError(f"rauc: {error.strerror}", hint="this works on the flashed card only") from error
    if program.returncode:
        text = "\n".join(said[-20:])
        raise UpdateError(
            f"{path.name}: not installed: {_reason(text)}", hint="what runs is as it was; see `journalctl -u rauc`"
        )


def _run(command: list[str], timeout_s: float) -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=timeout_s, check=False)
    except OSError as error:
        raise UpdateError(f"rauc: {error.strerror}", hint="this works on the flashed card only") from error
    except subprocess.TimeoutExpired as error:
        raise UpdateError(f"rauc: no answer in {timeout_s:.0f} s", hint="try again", retryable=True) from error


def _reason(text: str) -> str:
    """The last line that says something; RAUC's log lines tell what it did before."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("rauc-Message")]
    return lines[-1] if lines else "rauc gave no reason"


def _remedy(text: str) -> str:
    if "verif" in text.lower():
        return "nobody whom this device trusts has signed it: get it from who made this image"
    return "it is cut off or no bundle: fetch it again"
