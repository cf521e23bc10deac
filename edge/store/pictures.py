"""Pictures on disk, named by the hash of their content."""

import errno
import hashlib
import threading
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

from edge.errors import StoreError
from edge.files import make_folder, write_durably
from edge.store.port import Picture, path_of_hash
from edge.store.space import Space

FOLDER_NAME = "pictures"


class Put(NamedTuple):
    """A picture that is on the disk; `is_new`: it was not there before."""

    picture: Picture
    is_new: bool


class PictureFolder:
    """Thread: any.

    What was put is in hand until `let_go`: a picture that no row names yet may be one that another thread is about to unlink, because
    the last event with the same picture has just been deleted.
    """

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / FOLDER_NAME
        self._space = Space(data_dir)
        self._lock = threading.Lock()
        self._in_hand: set[str] = set()

    def put(self, jpeg: bytes, size: tuple[int, int]) -> Put:
        """Keep a picture; when this returns it survives a power cut.

        Raises:
            StoreError: it could not be written, or what room is left is the database's; nothing stands under its name.
        """
        picture = Picture(hashlib.sha256(jpeg).hexdigest(), *size, len(jpeg))
        path = self.path_of(picture)
        with self._lock:
            self._in_hand.add(picture.sha256)
        try:
            # A file of this name and length can only be this picture: names are given after the content is on the disk.
            is_new = not (path.is_file() and path.stat().st_size == len(jpeg))
            if is_new:
                make_folder(path.parent)
                self._space.require(len(jpeg))
                write_durably(path, jpeg)
        except OSError as error:
            problem = StoreError(
                f"{path}: picture cannot be kept: {error.strerror}", hint="free some space or check the card"
            )
            problem.full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise problem from error
        return Put(picture, is_new)

    def let_go(self, still_in_hand: Collection[str]) -> None:
        """All but these hashes are named by committed rows, or given up."""
        with self._lock:
            self._in_hand.intersection_update(still_in_hand)

    def unlink_unless_in_hand(self, path: Path) -> bool:
        """False: somebody has just put it again."""
        with self._lock:
            if path.stem in self._in_hand:
                return False
            path.unlink(missing_ok=True)
            return True

    def path_of(self, picture: Picture) -> Path:
        return self.folder / path_of_hash(picture.sha256)
