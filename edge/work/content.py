"""How paths look, in one short word that differs when something in them has changed.

Looking again and again, not inotify: it works on network drives, sees what changed while the program was down, and its state is a column.
"""

import hashlib
import os
from collections.abc import Iterable, Iterator, Mapping

Looks = Mapping[tuple[str, ...], str]
"""Signatures by the paths that they are of."""

MOST_ENTRIES = 100_000
"""Of one path; what lies beyond is not looked at."""


def signature(paths: Iterable[str]) -> str:
    """Of files and of folders with all that is in them: names, sizes and times of change. Missing paths are a look too."""
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path}\0".encode(errors="surrogateescape"))
        for count, line in enumerate(_lines(path)):
            if count >= MOST_ENTRIES:
                break
            digest.update(line.encode(errors="surrogateescape"))
    return digest.hexdigest()[:32]


def _lines(path: str) -> Iterator[str]:
    try:
        status = os.stat(path)  # noqa: PTH116 - a hundred thousand Path objects cost more than the look itself
    except OSError as error:
        yield f"{error.errno}\0"
        return
    yield f"{status.st_size} {status.st_mtime_ns} {status.st_ino}\0"
    if os.path.isdir(path):  # noqa: PTH112
        yield from _entries(path)


def _entries(folder: str) -> Iterator[str]:
    try:
        with os.scandir(folder) as listing:
            entries = sorted(listing, key=lambda entry: entry.name)
    except OSError:
        return
    for entry in entries:
        try:
            status = entry.stat(follow_symlinks=False)
            inside = entry.is_dir(follow_symlinks=False)
        except OSError:
            continue
        yield f"{entry.name} {status.st_size} {status.st_mtime_ns} {status.st_ino}\0"
        if inside:
            yield from _entries(entry.path)
