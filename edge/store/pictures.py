"""Pictures on disk, named by the hash of their content."""

import hashlib
from pathlib import Path
from typing import NamedTuple

from edge.errors import StoreError
from edge.files import make_folder, write_durably
from edge.store.port import Picture

FOLDER_NAME = "pictures"


class Put(NamedTuple):
    """A picture that is on the disk; `is_new`: it was not there before."""

    picture: Picture
    is_new: bool


class PictureFolder:
    """Thread: any."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / FOLDER_NAME

    def put(self, jpeg: bytes, size: tuple[int, int]) -> Put:
        """Keep a picture; when this returns it survives a power cut.

        Raises:
            StoreError: it could not be written; nothing stands under its name.
        """
        picture = Picture(hashlib.sha256(jpeg).hexdigest(), *size, len(jpeg))
        path = self.path_of(picture)
        try:
            # A file of this name and length can only be this picture: names are given after the content is on the disk.
            is_new = not (path.is_file() and path.stat().st_size == len(jpeg))
            if is_new:
                make_folder(path.parent)
                write_durably(path, jpeg)
        except OSError as error:
            raise StoreError(
                f"{path}: picture cannot be kept: {error.strerror}", hint="free some space or check the card"
            ) from error
        return Put(picture, is_new)

    def path_of(self, picture: Picture) -> Path:
        return self.folder / picture.path
