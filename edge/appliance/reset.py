"""Back to a new device: everything that was made or kept here goes, and the first boot begins anew.

The wish is a file in the data folder (`edge.identity.ask_for_reset`), fulfilled at the next start, before anything runs. The file goes
last: after a power cut in the middle it is done again.
"""

import logging
import shutil
from pathlib import Path

from edge.appliance.network import CONNECTION, COUNTRY, SSH_USER
from edge.appliance.places import Places
from edge.files import sync_folder
from edge.identity import RESET_FILE

log = logging.getLogger(__name__)

STAYS = frozenset({RESET_FILE, "models", "lost+found"})
"""Models were fetched or shipped: they say nothing of anybody."""
MADE = (
    "edge",
    f"NetworkManager/system-connections/{CONNECTION}",
    f"ssh/authorized_keys/{SSH_USER}",
    "ssh/edge-enabled",
    "localtime",
    COUNTRY,
)
OF_THE_CARD = ("hostname", "ssh/ssh_host_ed25519_key", "ssh/ssh_host_ed25519_key.pub")
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
    for path in places.data.iterdir():
        if path.name not in STAYS:
            remove(path)
    sync_folder(places.data)
    (places.data / RESET_FILE).unlink()
    sync_folder(places.data)
    return True


def remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
