"""How an update stands, kept over restarts: what the page, MQTT and `edge update status` tell."""

from pathlib import Path
from typing import Literal

import msgspec

from edge.clock import read_boot_id
from edge.errors import UpdateError
from edge.files import make_folder, make_folder_of, write_durably

FOLDER, FILE = "update", "state.json"
Phase = Literal["idle", "downloading", "installing", "installed", "failed"]


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """`installed`: it lies in the other slot, and the next restart tries it. `error`: of the last try, empty when it went well.

    `version`: that is fetched, installed or was given up; `latest`: the newest that the source offered. `given_up`: tried and gone back
    from; not tried again by itself. `boot_id`: of the system that wrote it into the slot.
    """

    phase: Phase = "idle"
    version: str = ""
    latest: str = ""
    notes: str = ""
    percent: int | None = None
    error: str = ""
    given_up: tuple[str, ...] = ()
    boot_id: str = ""
    checked_wall_s: float | None = None

    @property
    def is_busy(self) -> bool:
        return self.phase in ("downloading", "installing")

    @property
    def is_waiting(self) -> bool:
        """For the restart that tries it."""
        return self.phase == "installed" and self.boot_id == read_boot_id()

    def is_on_trial(self, running_version: str) -> bool:
        """It runs, and nothing has decided yet that it stays."""
        return self.phase == "installed" and self.version == running_version


def load(data_dir: Path) -> Standing:
    """One that cannot be read is none."""
    try:
        return msgspec.json.decode((data_dir / FOLDER / FILE).read_bytes(), type=Standing)
    except (OSError, msgspec.MsgspecError):
        return Standing()


def save(data_dir: Path, standing: Standing) -> None:
    """Raises UpdateError: the card cannot take it."""
    path = data_dir / FOLDER / FILE
    try:
        make_folder(data_dir)
        make_folder_of(data_dir, FOLDER)
        write_durably(path, msgspec.json.encode(standing))
    except OSError as error:
        raise UpdateError(f"{path}: {error.strerror}", hint="free some space", retryable=True) from error


def settled(standing: Standing, running_version: str, boot_id: str) -> Standing:
    """What a start makes of what the one before left: it went back, or was cut off. Only `committed` ends a try that came through."""
    replace = msgspec.structs.replace
    if standing.phase == "installed" and standing.version != running_version and standing.boot_id != boot_id:
        why = standing.error or "it was tried and did not come up well"
        given_up = tuple(dict.fromkeys((*standing.given_up, standing.version)))
        return replace(
            standing, phase="failed", error=f"version {standing.version}: {why}", percent=None, given_up=given_up
        )
    if standing.is_busy and standing.boot_id != boot_id:
        return replace(standing, phase="failed", error=f"version {standing.version}: was cut off", percent=None)
    return standing


def committed(standing: Standing) -> Standing:
    """What was tried stays."""
    return msgspec.structs.replace(standing, phase="idle", error="", percent=None)
