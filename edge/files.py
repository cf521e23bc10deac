"""Files that are whole or not there, over a power cut too."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def write_durably(path: Path, content: bytes, *, mode: int | None = None) -> None:
    """Write a file so that after a power cut it is there whole, or not at all.

    Temporary name in the same folder → fsync → rename → fsync of the folder. Others who write in that folder at the same time wait; the
    last one's content stays. Thread: any, of any process.

    Args:
        mode: its permissions, from before the first byte is in it; None: those of the process.

    Raises:
        OSError: nothing stands under the final name that was not there before; the temporary file is gone.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    with _alone(path.parent) as folder:
        temporary.unlink(missing_ok=True)  # a power cut stopped whoever wrote it, another user perhaps
        try:
            with temporary.open("xb") as file:
                if mode is not None:
                    os.fchmod(file.fileno(), mode)
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        os.fsync(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[int]:
    """Its descriptor, while nobody else writes there durably. The folder, not the file: whoever may write there can lock it."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def is_file(path: Path) -> bool:
    """As `Path.is_file`, and False for what no file can be called: a text that is too long."""
    try:
        return path.is_file()
    except OSError:
        return False


def sync_file(path: Path) -> None:
    """Make what another program wrote into `path` durable."""
    _sync(path, os.O_RDONLY)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable."""
    _sync(folder, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_filesystem(folder: Path) -> None:
    """Make everything durable that was written to the file system of `folder`: for very many files at once.

    Raises:
        OSError: some of it could not be written (`os.sync` does not say so).
    """
    import ctypes  # few need this

    libc = ctypes.CDLL(None, use_errno=True)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        if libc.syncfs(descriptor) != 0:
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Create `folder` and its parents, each durable in its own parent."""
    if folder.is_dir():
        return
    make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    sync_folder(folder.parent)


def make_folder_of(owner: Path, name: str) -> Path:
    """A folder in `owner`, and its owner's: root makes it where the program, which is not root, writes too."""
    folder = owner / name
    if not folder.is_dir():
        make_folder(folder)
        if os.geteuid() == 0:
            status = owner.stat()
            os.chown(folder, status.st_uid, status.st_gid)
    return folder
