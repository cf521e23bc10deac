"""Pictures on disk, named by the hash of their content."""

import hashlib
from pathlib import Path

from edge.errors import StoreError
from edge.files import make_folder, write_durably
from edge.store.port import Picture

FOLDER_NAME = "pictures"


class PictureFolder:
    """Thread: any."""

    def __init__(self, data_dir: Path) -> None:
        self.folder = data_dir / FOLDER_NAME

    def put(self, jpeg: bytes, size: tuple[int, int]) -> Picture:
        """Keep a picture; when this returns it survives a power cut.

        Raises:
            StoreError: it could not be written; nothing stands under its name.
        """
        picture = Picture(hashlib.sha256(jpeg).hexdigest(), *size, len(jpeg))
        path = self.path_of(picture)
        try:
            # A file of this name and length can only be this picture: names are given after the content is on the disk.
            if not (path.is_file() and path.stat().st_size == len(jpeg)):
                make_folder(path.parent)
                write_durably(path, jpeg)
        except OSError as error:
            raise StoreError(
                f"{path}: picture cannot be kept: {error.strerror}", hint="free some space or check the card"
            ) from error
        return picture

    def path_of(self, picture: Picture) -> Path:
        return self.folder / picture.path
