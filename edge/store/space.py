"""Room on the file system of the data folder, and what is held back so that a full card can still be put in order.

Two reserves, each `RESERVE_BYTES` or a 64th of a small file system. Pictures and clips stop at the first: what is left then is for rows, so
that events go on. The second is a file that holds its place when others have filled the card: it is given up when the database cannot be
written, so that deleting, which writes too, can begin.
"""

import errno
import os
from pathlib import Path

RESERVE_FILE = "reserve"
RESERVE_BYTES = 4 << 20
SHARE = 64


class Space:
    """Thread: any; the reserve file one caller at a time."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._reserve = data_dir / RESERVE_FILE

    def free_bytes(self) -> int:
        """What an ordinary user may still use: what the file system holds back for root and for itself is left alone.

        Raises:
            OSError: the folder cannot be asked.
        """
        state = os.statvfs(self._data_dir)
        return state.f_bavail * state.f_frsize

    def total_bytes(self) -> int:
        state = os.statvfs(self._data_dir)
        return state.f_blocks * state.f_frsize

    @property
    def is_read_only(self) -> bool:
        return bool(os.statvfs(self._data_dir).f_flag & os.ST_RDONLY)

    @property
    def reserve_bytes(self) -> int:
        return min(RESERVE_BYTES, self.total_bytes() // SHARE)

    @property
    def is_full(self) -> bool:
        """Nothing but rows is written any more."""
        return self.free_bytes() < self.reserve_bytes

    @property
    def is_tight(self) -> bool:
        """So little that even the database has to mind what it takes."""
        return self.free_bytes() < 4 * self.reserve_bytes

    def require(self, size_bytes: int) -> None:
        """Room for a file beside what is held back.

        Raises:
            OSError: there is none.
        """
        if self.free_bytes() - size_bytes < self.reserve_bytes:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def hold(self) -> bool:
        """Make the reserve file when there is twice the room; whether it is there. Its blocks are taken, not written."""
        wanted = self.reserve_bytes
        if self._reserve.exists() and self._reserve.stat().st_size >= wanted:
            return True
        if self.free_bytes() < 3 * wanted:
            return False
        try:
            descriptor = os.open(self._reserve, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            try:
                os.posix_fallocate(descriptor, 0, wanted)
            finally:
                os.close(descriptor)
        except OSError:
            self._reserve.unlink(missing_ok=True)
            return False
        return True

    def release(self) -> bool:
        """Give the reserve up; False: there was none."""
        try:
            self._reserve.unlink()
        except OSError:
            return False
        return True
