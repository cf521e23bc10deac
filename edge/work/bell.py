"""How another process says that there is something to do: a byte into a pipe beside the database. Nobody polls."""

import asyncio
import logging
import os
import stat
from collections.abc import Callable
from pathlib import Path

log = logging.getLogger(__name__)

FILE_NAME = "work.bell"


class Bell:
    """The daemon's side. Thread: the loop's."""

    def __init__(self, folder: Path, rung: Callable[[], None]) -> None:
        self._path = folder / FILE_NAME
        self._rung = rung
        self._descriptor: int | None = None

    def open(self) -> None:
        """Where no pipe can be made, others are noticed at the next look only."""
        try:
            self._descriptor = self._make()
        except OSError as error:
            log.warning(
                "work has no bell: what other processes ask for is seen late path=%s error=%s", self._path, error
            )
            return
        asyncio.get_running_loop().add_reader(self._descriptor, self._read)

    def _make(self) -> int:
        if self._path.exists() and not stat.S_ISFIFO(self._path.stat().st_mode):
            self._path.unlink()
        if not self._path.exists():
            os.mkfifo(self._path, 0o660)
        # For writing too: else it would be at its end whenever the last ringer closes.
        return os.open(self._path, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)

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
