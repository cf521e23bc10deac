"""The device's own id and the lock on its data folder."""

import fcntl
import logging
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from edge.errors import StoreError
from edge.files import make_folder, write_durably
from edge.store.space import Space

log = logging.getLogger(__name__)

ID_FILE = "device-id"
LOCK_FILE = "lock"
CUT_FILE = "cut-off"
RESET_FILE = "factory-reset"
START_BYTES = 1 << 20
"""What a start writes before anything can be deleted: its mark, and the database's log and index of it."""


def device_id(data_dir: Path) -> str:
    """The id that this data folder was given when it was new.

    Raises:
        StoreError: the folder cannot be used, or the file does not hold an id.
    """
    path = data_dir / ID_FILE
    try:
        make_folder(data_dir)
        if not path.exists():
            write_durably(path, f"{new_device_id()}\n".encode())
        text = path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError as error:
        raise StoreError(f"{path}: {error.strerror}", hint="choose another folder with paths.data or --data") from error
    if not is_device_id(text):
        raise StoreError(
            f"{path}: {text[:40]!r} is no device id", hint="write a-z, 0-9, - and _ into it, or set device.id"
        )
    return text


def is_device_id(text: str) -> bool:
    return re.fullmatch(r"[a-z0-9][a-z0-9_-]{0,39}", text) is not None


def new_device_id() -> str:
    return f"edge-{secrets.token_hex(4)}"


def cut_since(data_dir: Path, *, before: bool = False) -> float | None:
    """When the run began, in wall time, that was cut off and that nothing has been put in order after; None: the last stop was in order.

    Args:
        before: this process holds the lock for work: of the run before its own.
    """
    for name in (CUT_FILE,) if before else (CUT_FILE, LOCK_FILE):
        path = data_dir / name
        if path.exists() and path.stat().st_size:
            return path.stat().st_mtime
    return None


def put_in_order(data_dir: Path) -> None:
    """What the cut left has been looked at."""
    (data_dir / CUT_FILE).unlink(missing_ok=True)


def ask_for_reset(data_dir: Path) -> None:
    """The next start makes the device new again (`edge first-boot`): everything that it keeps goes.

    Raises:
        StoreError: the wish cannot be written down.
    """
    try:
        write_durably(data_dir / RESET_FILE, b"")
    except OSError as error:
        raise StoreError(f"{data_dir / RESET_FILE}: {error.strerror}", hint="free some space") from error


@contextmanager
def locked(data_dir: Path, *, for_work: bool = True) -> Iterator[None]:
    """Hold the data folder for this process alone; the kernel lets go when the process ends, however it ends.

    A run that does not come back from here in order leaves its process id in the lock file: that is what `cut_since` tells.

    Args:
        for_work: False: only to look and mend; the mark of a cut stays.

    Raises:
        StoreError: another process holds it, or it cannot be written.
    """
    path = data_dir / LOCK_FILE
    with _translated(path):
        make_folder(data_dir)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
            raise StoreError(
                f"{data_dir}: in use by process {owner}", hint="stop it, or choose another folder with --data"
            ) from None
        if for_work:
            with _translated(path):
                _make_room(data_dir)
                _mark(data_dir, descriptor)
        yield
        if for_work:
            os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(
            f"{path}: {error.strerror}", hint="free some space, or check the card and the rights of the folder"
        ) from error


def _make_room(data_dir: Path) -> None:
    """A card that others have filled to the last byte starts: only then retention can begin."""
    space = Space(data_dir)
    if space.free_bytes() < min(START_BYTES, space.reserve_bytes) and space.release():
        log.warning("card full: the reserve is given up, so that the program can start")


def _mark(data_dir: Path, descriptor: int) -> None:
    """This run has begun; if the one before did not end, remember when that began."""
    before = os.fstat(descriptor)
    cut = data_dir / CUT_FILE
    if before.st_size and cut_since(data_dir, before=True) is None:
        cut.write_text("the run that began at the time of this file was cut off\n", encoding="utf-8")
        os.utime(cut, (before.st_mtime, before.st_mtime))
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
