"""The name of a stored picture."""

from typing import NamedTuple


class Still(NamedTuple):
    """A stored picture, as it was when it was read: a changed file is another still."""

    path: str
    size_bytes: int
    mtime_ns: int
