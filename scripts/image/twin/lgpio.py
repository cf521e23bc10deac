"""lgpio for the guest's Python: Raspberry Pi OS brings it, Debian has none. Built from its source distribution for the test alone."""

import re
import sys
import tempfile
from pathlib import Path

from scripts.image import packages
from scripts.image.running import ROOT, digest, run

REQUIREMENTS = ROOT / "requirements-appliance.txt"
PYTHON = "3.13"
"""Of Debian trixie."""
LIBRARY = "_lgpio.so"
TOOLS = ("swig", "gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross")


def build(data: Path) -> dict[str, Path]:
    """The two files of the module, by name; kept under the hash of what they are made by.

    Raises:
        ImageError: it cannot be fetched or compiled.
    """
    kept = data / f"lgpio-{digest([Path(__file__)])}"
    files = {name: kept / name for name in ("lgpio.py", LIBRARY)}
    if not all(path.exists() for path in files.values()):
        run(["apt-get", "-qq", "-y", "--no-install-recommends", "install", *TOOLS])
        kept.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="edge-lgpio-") as name:
            _compile(_source(Path(name)), _headers(Path(name)), kept)
    return files


def _source(work: Path) -> Path:
    """The version that the appliance's lock pins, by its hashes."""
    text = REQUIREMENTS.read_text(encoding="utf-8")
    pinned = re.search(r"^(lgpio==\S+)[^\\\n]*\\\n((?: +--hash=\S+(?: \\)?\n)+)", text, re.MULTILINE)
    assert pinned is not None, "requirements-appliance.txt pins lgpio"
    wanted = work / "requirements.txt"
    wanted.write_text(f"{pinned[1]} \\\n{pinned[2]}", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "lgpio", "--require-hashes"]
    run([*pip, "--dest", work, "--requirement", wanted])
    run(["tar", "--extract", "--file", next(work.glob("lgpio-*.tar.gz")), "--directory", work])
    return next(path for path in work.glob("lgpio-*") if path.is_dir())


def _headers(work: Path) -> Path:
    """Python's, for arm64."""
    with packages.private_apt(packages.sources()) as (options, _):
        run(["apt-get", *options, "download", f"libpython{PYTHON}-dev"], cwd=work)
    run(["dpkg", "--extract", next(work.glob("libpython*.deb")), work / "headers"])
    return work / "headers" / "usr" / "include"


def _compile(source: Path, headers: Path, out: Path) -> None:
    """As the project builds its own wheels: the library within the module."""
    wrapper = source / "lgpio_wrap.c"
    run(["swig", "-python", "-Isrc", "-o", wrapper, "lgpio.i"], cwd=source)
    files = [wrapper, *sorted((source / "src").glob("lg*.c")), source / "src" / "rgpiod.c"]
    include = [f"-I{folder}" for folder in (source / "src", headers / f"python{PYTHON}", headers)]
    run(["aarch64-linux-gnu-gcc", "-shared", "-fPIC", "-O2", "-pthread", "-w", *include, *files, "-o", out / LIBRARY])
    (source / "lgpio.py").rename(out / "lgpio.py")
