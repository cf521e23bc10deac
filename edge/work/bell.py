"""How another process says that there is something to do: a byte into a pipe beside the database. Nobody polls."""

import asyncio
import os
import stat
from collections.abc import Callable
from pathlib import Path

FILE_NAME = "work.bell"


class Bell:
    """The daemon's side. Thread: the loop's."""

    def __init__(self, folder: Path, rung: Callable[[], None]) -> None:
        self._path = folder / FILE_NAME
        self._rung = rung
        self._descriptor: int | None = None

    def open(self) -> None:
        """Raises:
        OSError: the pipe cannot be made.
        """
        if self._path.exists() and not stat.S_ISFIFO(self._path.stat().st_mode):
            self._path.unlink()
        if not self._path.exists():
            os.mkfifo(self._path, 0o660)
        # For writing too: else it would be at its end whenever the last ringer closes.
        self._descriptor = os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def close(self) -> None:
        if self._descriptor is not None:
            asyncio.get_running_loop().remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = None

    def _read(self) -> None:
        assert self._descriptor is not None
        try:
            os.read(self._descriptor, 4096)
        except BlockingIOError:
            return
        self._rung()


def ring(folder: Path) -> bool:
    """Tell the daemon of this data folder; False: none is there."""
    try:
        descriptor = os.open(folder / FILE_NAME, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(descriptor, b"\n")
    except OSError:
        pass  # full: it has been rung often enough
    finally:
        os.close(descriptor)
    return True
