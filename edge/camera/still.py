"""The name of a stored picture."""

import errno
import stat
from pathlib import Path
from typing import NamedTuple


class Still(NamedTuple):
    """A stored picture, as it was when it was read: a changed file is another still."""

    path: str
    size_bytes: int
    mtime_ns: int


def still_at(path: str) -> Still | None:
    """The file as it is now; None: it is gone, or no file.

    Raises:
        OSError: it cannot be looked at, or its path is not UTF-8, as the database and every message need it.
    """
    try:
        path.encode()
        status = Path(path).stat()
    except UnicodeEncodeError as error:
        raise OSError(errno.EILSEQ, "its name is not UTF-8") from error
    except FileNotFoundError:
        return None
    return Still(path, status.st_size, status.st_mtime_ns) if stat.S_ISREG(status.st_mode) else None
