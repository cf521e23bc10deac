"""Factory reset of a data folder: everything that this device has kept or been told is removed, over a power cut too.

1. `ask` writes a file, durably. From here on the reset is certain.
2. A device with a first boot starts anew, and that empties all of it (`edge.appliance.reset`). Elsewhere the next start of the program
   removes what stands in `OWN`, secrets first, before anything else opens the folder: other things in it may be somebody else's.
3. The file goes last. Cut off anywhere, the next start begins again: what is gone already is skipped.

Models stay: they say nothing of anybody, and cost a download. What is on a backup's remote stays. Flash memory keeps old contents for a
while where no file names them: a card that is given away is to be written anew.
"""

import logging
from collections.abc import Callable
from pathlib import Path

from edge.appliance.health import NOTE
from edge.appliance.problems import NOTES_FILE
from edge.appliance.reset import remove
from edge.backup import target
from edge.camera import restarts
from edge.chores import device as chores
from edge.control import SOCKET_NAME
from edge.errors import StoreError
from edge.files import sync_folder
from edge.identity import CUT_FILE, ID_FILE, RESET_FILE, ask_for_reset
from edge.store import clips, database, pictures, space
from edge.store.migrations import MIGRATIONS
from edge.update import progress
from edge.web import access
from edge.work import bell

log = logging.getLogger(__name__)

OWN = (
    target.FOLDER,
    access.FOLDER,
    "secrets",  # edge.web.api.configuration, which is there only with the extra `web`
    ID_FILE,
    *(database.FILE_NAME + ending for ending in ("", "-wal", "-shm", database.NEWER)),
    *(f"{database.FILE_NAME}{database.COPY}{step}" for step in range(1, len(MIGRATIONS) + 1)),
    pictures.FOLDER_NAME,
    clips.FOLDER_NAME,
    chores.FOLDER,
    restarts.FILE,
    bell.FILE_NAME,
    SOCKET_NAME,
    space.RESERVE_FILE,
    NOTE,
    "update",  # edge.update: bundles, and what became of them
    progress.FOLDER,
    CUT_FILE,
)
"""Files and folders of the data folder, in the order of their going. A room that keeps something new there adds it."""


def ask(data_dir: Path) -> bool:
    """Have everything removed; whether the device must start anew for it, not the program alone.

    Raises:
        StoreError: the wish cannot be written down.
    """
    ask_for_reset(data_dir)
    return has_first_boot(data_dir)


def has_first_boot(data_dir: Path) -> bool:
    """Whether `edge first-boot` looks after this folder."""
    return (data_dir / NOTES_FILE).exists()


def is_asked(data_dir: Path) -> bool:
    return (data_dir / RESET_FILE).exists()


def carry_out(data_dir: Path, going: Callable[[str], None] = lambda name: None) -> bool:
    """Remove everything if that was asked for; whether it was. The caller holds the folder's lock.

    Args:
        going: told of each name before it goes.

    Raises:
        StoreError: something cannot be removed, or the first boot is to do it; the wish stays.
    """
    if not is_asked(data_dir):
        return False
    if has_first_boot(data_dir):
        raise StoreError(
            f"{data_dir}: a factory reset was asked for", hint="restart the device: its first boot does it"
        )
    log.warning("factory reset data=%s", data_dir)
    try:
        for name in OWN:
            going(name)
            remove(data_dir / name)
        sync_folder(data_dir)
        going(RESET_FILE)
        remove(data_dir / RESET_FILE)
        sync_folder(data_dir)
    except OSError as error:
        raise StoreError(f"factory reset: {error}", hint="check the card and the rights of the data folder") from error
    log.warning("factory reset done data=%s", data_dir)
    return True
