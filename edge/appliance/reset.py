"""Back to a new device: everything that was made or kept here goes, and the first boot begins anew.

The wish is a file in the data folder (`edge.identity.ask_for_reset`), fulfilled at the next start, before anything runs. The file goes
last: after a power cut in the middle it is done again.
"""

import logging
import shutil
from collections.abc import Collection
from pathlib import Path

from edge.appliance.configuration import MARK
from edge.appliance.network import CONNECTION, COUNTRY, SSH_USER
from edge.appliance.places import Places
from edge.files import sync_folder
from edge.identity import RESET_FILE

log = logging.getLogger(__name__)

STAYS = frozenset({RESET_FILE, "models", "lost+found"})
"""Models were fetched or shipped: they say nothing of anybody."""
MADE = (f"NetworkManager/system-connections/{CONNECTION}", "ssh/edge-enabled", COUNTRY)
OF_THE_CARD = (
    "hostname",
    "localtime",
    f"ssh/authorized_keys/{SSH_USER}",
    "ssh/ssh_host_ed25519_key",
    "ssh/ssh_host_ed25519_key.pub",
)
"""On an existing system these are somebody's."""


def fulfil(places: Places) -> bool:
    """Empty everything if that was asked for; whether it was.

    Raises:
        OSError: something could not be removed.
    """
    if not (places.data / RESET_FILE).exists():
        return False
    log.warning("factory reset data=%s", places.data)
    for name in (*MADE, *(OF_THE_CARD if places.is_card else ())):
        remove(places.etc / name)
    _empty_configuration(places)
    _empty(places.data, STAYS)
    (places.data / RESET_FILE).unlink()
    sync_folder(places.data)
    return True


def _empty_configuration(places: Places) -> None:
    """The folder stays, whose owner and rights let the program write there. On an existing system, so does what somebody wrote by hand."""
    folder = places.config.parent
    mark = folder / MARK
    if folder.is_dir() and (places.is_card or mark.exists()):
        _empty(folder, (MARK,))
        remove(mark)  # last: after a power cut it still says that the rest was taken from the boot partition


def _empty(folder: Path, stays: Collection[str]) -> None:
    for path in folder.iterdir():
        if path.name not in stays:
            remove(path)
    sync_folder(folder)


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
