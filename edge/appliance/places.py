"""Where the first boot reads and writes, and how it writes."""

import os
import platform
import pwd
import shutil
from dataclasses import dataclass
from pathlib import Path

from edge.files import make_folder, write_durably

BOOT_FOLDERS = (Path("/bootcfg"), Path("/boot/firmware"), Path("/boot"))
BROKER_USER = "mosquitto"
IMAGE_ID = "edge-appliance"
NO_DATA = Path("run/edge-image/no-data")
"""The image's early start says there why memory stands for the data partition."""


@dataclass(frozen=True, slots=True)
class Places:
    """`boot`: the partition that the owner sees in a card reader (FAT: no owners, no modes) · `etc`: the device's own /etc, which lies on
    the data partition where the root is read-only · `data`: the data folder · `default`: the configuration of a device whose owner gave
    none · `user`: who runs the program; where there is no such user, everything stays root's · `is_card`: this is a flashed card, on which
    nobody has configured anything but through the boot partition; else an existing system, whose files are somebody's · `no_data`: why
    memory stands for the data partition, so that all that is written now is gone at the next start; empty: it does not.
    """

    boot: Path
    etc: Path
    data: Path
    default: Path
    user: str = "edge"
    is_card: bool = True
    no_data: str = ""

    @property
    def config(self) -> Path:
        return self.etc / "edge" / "edge.toml"

    @property
    def broker(self) -> Path:
        return self.data / "broker"

    def give(self, path: Path, user: str = "") -> None:
        """Make `path` the program's own, or that of another user."""
        if os.geteuid() == 0 and (known := _user(user or self.user)) is not None:
            shutil.chown(path, known.pw_uid, known.pw_gid)

    def give_group(self, path: Path) -> None:
        """Let the program read `path`, which stays root's."""
        if os.geteuid() == 0 and (known := _user(self.user)) is not None:
            shutil.chown(path, 0, known.pw_gid)


def is_flashed() -> bool:
    """The system comes from this product's image."""
    try:
        return platform.freedesktop_os_release().get("IMAGE_ID") == IMAGE_ID
    except OSError:
        return False


def why_no_data(root: Path = Path("/")) -> str:
    """Empty: the data partition is in use, or this is no card of ours."""
    try:
        lines = (root / NO_DATA).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    return "; ".join(line.strip() for line in lines if line.strip()) or "it is not mounted"


def boot_folder() -> Path:
    """The first of the usual ones that is there."""
    return next((folder for folder in BOOT_FOLDERS if folder.is_dir()), BOOT_FOLDERS[-1])


def put(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file durably, never readable for more than `mode` says; one that is the same already is left alone.

    Raises:
        OSError: it could not be written.
    """
    if not (path.is_file() and path.read_bytes() == content):
        make_folder(path.parent)
        write_durably(path, content, mode=mode)
    if path.stat().st_mode & 0o777 != mode:
        path.chmod(mode)


def has_user(name: str) -> bool:
    return _user(name) is not None


def _user(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None
