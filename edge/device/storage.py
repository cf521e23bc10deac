"""Room on the file system that holds the data folder."""

import os
from functools import partial
from pathlib import Path

from edge.device.polled import Polled
from edge.device.port import SourceError, StorageReading


def storage(folder: Path, interval_s: float) -> Polled:
    """The source; `folder` need not be there yet."""
    return Polled("storage", "storage", partial(read_storage, folder), interval_s)


def read_storage(folder: Path) -> StorageReading:
    """What an unprivileged user may still use.

    Raises:
        SourceError: the file system does not answer.
    """
    try:
        numbers = os.statvfs(_nearest(folder))
    except OSError as error:
        raise SourceError(f"storage: {folder} cannot be looked at: {error}") from error
    return StorageReading(
        free_bytes=numbers.f_bavail * numbers.f_frsize,
        total_bytes=numbers.f_blocks * numbers.f_frsize,
        free_inodes=numbers.f_favail,
        total_inodes=numbers.f_files,
    )


def _nearest(folder: Path) -> Path:
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
