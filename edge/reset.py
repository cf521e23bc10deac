"""Factory reset: everything that this device has kept or been told is removed, over a power cut too.

1. `mark` writes a file, durably. From here on the reset is certain.
2. The next start removes what stands in `OWN`, secrets first, before anything else opens the folder.
3. The mark goes last. Cut off anywhere, the next start begins again: what is gone already is skipped.

Models and samples stay: they say nothing of anybody, and cost a download. What is on a backup's remote stays. Flash memory keeps old
contents for a while where no file names them: a card that is given away is to be written anew.
"""

import logging
import shutil
from collections.abc import Callable
from pathlib import Path

from edge.backup import target
from edge.camera import restarts
from edge.chores import device as chores
from edge.control import SOCKET_NAME
from edge.errors import StoreError
from edge.files import make_folder, sync_folder, write_durably
from edge.identity import CUT_FILE, ID_FILE
from edge.store import clips, database, pictures, space
from edge.web import access
from edge.work import bell

log = logging.getLogger(__name__)

MARK = "factory-reset"
OWN = (
    target.FOLDER,
    access.FOLDER,
    ID_FILE,
    *(database.FILE_NAME + ending for ending in ("", "-wal", "-shm")),
    pictures.FOLDER_NAME,
    clips.FOLDER_NAME,
    chores.FOLDER,
    restarts.FILE,
    bell.FILE_NAME,
    SOCKET_NAME,
    space.RESERVE_FILE,
    CUT_FILE,
)
"""Files and folders of the data folder, in the order of their going. A room that keeps something new there adds it."""


def mark(data_dir: Path) -> None:
    """Have everything removed at the next start.

    Raises:
        StoreError: that could not be written down.
    """
    try:
        make_folder(data_dir)
        write_durably(data_dir / MARK, b"everything in this folder that the device has kept is to be removed\n")
    except OSError as error:
        raise StoreError(f"{data_dir / MARK}: {error.strerror}", hint="check the card") from error


def is_marked(data_dir: Path) -> bool:
    return (data_dir / MARK).exists()


def carry_out(data_dir: Path, going: Callable[[str], None] = lambda name: None) -> bool:
    """Remove everything if the folder is marked; whether it was. The caller holds the folder's lock.

    Args:
        going: told of each name before it goes.

    Raises:
        StoreError: something cannot be removed; the mark stays.
    """
    if not is_marked(data_dir):
        return False
    log.warning("factory reset data=%s", data_dir)
    try:
        for name in OWN:
            going(name)
            _remove(data_dir / name)
        sync_folder(data_dir)
        going(MARK)
        (data_dir / MARK).unlink()
        sync_folder(data_dir)
    except OSError as error:
        raise StoreError(f"factory reset: {error}", hint="check the card and the rights of the data folder") from error
    log.warning("factory reset done data=%s", data_dir)
    return True


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
