"""Running the tools that make the card: their output in a log, their last words when they fail."""

import hashlib
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from edge.errors import EdgeError

ROOT = Path(__file__).resolve().parents[2]
LAST_LINES = 15


class ImageError(EdgeError):
    """The card cannot be made or tried."""


def say(text: str) -> None:
    sys.stderr.write(f"image     {text}\n")
    sys.stderr.flush()


def run(
    command: Sequence[str | Path], *, env: Mapping[str, str] | None = None, cwd: Path | None = None, hint: str = ""
) -> str:
    """Run a tool to its end.

    Returns:
        What it printed on its standard output.

    Raises:
        ImageError: it is missing, or failed; with its last words.
    """
    words = [str(word) for word in command]
    try:
        done = subprocess.run(
            words, env=env, cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
    except FileNotFoundError as error:
        raise ImageError(
            f"{words[0]}: not installed", hint="scripts/image/build --tools installs what is missing"
        ) from error
    if done.returncode:
        sys.stderr.write("".join(f"    {line}\n" for line in (done.stdout + done.stderr).splitlines()[-LAST_LINES:]))
        raise ImageError(f"{words[0]}: exit code {done.returncode}", hint=hint or "the lines above say why")
    return done.stdout


def digest(paths: Iterable[Path], *texts: str) -> str:
    """Of files, of folders with all that is in them, and of texts: names, modes and contents, links as what they say."""
    total = hashlib.sha256()
    for path in paths:
        for each in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if each.is_symlink():
                total.update(f"{each.relative_to(path)} to {each.readlink()}\0".encode())
            elif each.is_file() and "__pycache__" not in each.parts:
                total.update(f"{each.relative_to(path)} {each.stat().st_mode:o}\0".encode())
                total.update(hashlib.sha256(each.read_bytes()).digest())
    for text in texts:
        total.update(text.encode() + b"\0")
    return total.hexdigest()[:12]


def file_sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
