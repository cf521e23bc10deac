"""`scripts/image/compare`: two builds of the twin beside each other. Of the same lock and date they should be the same."""

import argparse
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

from edge.errors import EdgeError
from scripts.image.running import ImageError, file_sha256

FILES = ("bootcfg.vfat", "data.ext4", "edge-appliance.cdx.json", "edge-appliance-ab.img")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="scripts/image/compare", description=__doc__)
    parser.add_argument("one", type=Path, help="--out of a build")
    parser.add_argument("other", type=Path, help="--out of another one")
    options = parser.parse_args(arguments)
    try:
        found = [*roots(options.one / "root", options.other / "root"), *images(options.one, options.other)]
    except EdgeError as error:
        sys.stderr.write(f"compare: {error}\n")
        return error.exit_code
    sys.stdout.write("".join(f"{line}\n" for line in found) or "the same\n")
    return 1 if found else 0


def images(one: Path, other: Path) -> Iterator[str]:
    """What was made of the roots."""
    for name in FILES:
        a, b = one / name, other / name
        if missing := [path for path in (a, b) if not path.exists()]:
            yield f"{missing[0]}: not there"
        elif file_sha256(a) != file_sha256(b):
            yield f"{name}: other content"


def roots(one: Path, other: Path) -> Iterator[str]:
    """What differs between two trees, a line each.

    Raises:
        ImageError: one is not there.
    """
    for root in (one, other):
        if not root.is_dir():
            raise ImageError(f"{root}: no root", hint="scripts/image/build --out makes one")
    a, b = _paths(one), _paths(other)
    for path in sorted(a | b):
        if path not in b:
            yield f"{path}: only in {one.parent}"
        elif path not in a:
            yield f"{path}: only in {other.parent}"
        elif said := _difference(one / path, other / path):
            yield f"{path}: {said}"


def _paths(root: Path) -> set[Path]:
    found = set()
    for folder, folders, files in os.walk(root):
        found |= {(Path(folder) / name).relative_to(root) for name in [*folders, *files]}
    return found


def _difference(a: Path, b: Path) -> str:
    one, other = a.lstat(), b.lstat()
    said = [
        name
        for name, field in (
            ("kind and mode", "st_mode"),
            ("owner", "st_uid"),
            ("group", "st_gid"),
            ("date", "st_mtime"),
        )
        if getattr(one, field) != getattr(other, field)
    ]
    if stat.S_ISLNK(one.st_mode) and stat.S_ISLNK(other.st_mode):
        said += ["target"] * (a.readlink() != b.readlink())
    elif stat.S_ISREG(one.st_mode) and stat.S_ISREG(other.st_mode) and not a.samefile(b):
        said += ["content"] * (one.st_size != other.st_size or file_sha256(a) != file_sha256(b))
    return ", ".join(said)


if __name__ == "__main__":
    sys.exit(main())
