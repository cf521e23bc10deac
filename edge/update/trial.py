"""What becomes of an update's one try."""

import logging
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgspec

from edge.errors import UpdateError
from edge.update import progress
from edge.update.slots import OTHER, Slots
from edge.update.system import installed_version

log = logging.getLogger(__name__)

RESTART_S = 30.0


def restart() -> None:
    """Raises UpdateError: systemd does not."""
    try:
        subprocess.run(["systemctl", "--no-block", "reboot"], check=True, capture_output=True, timeout=RESTART_S)
    except (OSError, subprocess.SubprocessError) as error:
        raise UpdateError(
            f"systemctl reboot: {error}", hint="switch the device off and on: the old version starts"
        ) from error


def decide(boot: Path, data_dir: Path, well: bool, why: str, again: Callable[[], None] = restart) -> str:
    """Commit what is well; leave what is not, by a restart without a wish. In words what was done; empty: nothing is on trial.

    Raises:
        UpdateError: the boot partition cannot be written, or the device not restarted.
    """
    slots = Slots(boot, data_dir)
    booted = slots.booted
    if booted is None:
        return ""
    if not slots.on_trial:
        return _note_commit(data_dir)
    if well:
        slots.mark(booted, "good")
        progress.save(data_dir, progress.committed(progress.load(data_dir)))
        log.warning("update committed slot=%s", booted)
        return f"slot {booted} is well and from now on the one that starts"
    slots.mark(booted, "bad")
    progress.save(data_dir, msgspec.structs.replace(progress.load(data_dir), phase="installed", error=why))
    log.error("update given up slot=%s why=%s", booted, why)
    again()
    return f"slot {booted} is not well: back to slot {slots.default}"


def _note_commit(data_dir: Path) -> str:
    """The slot is committed before that is noted, and power may go between the two."""
    standing = progress.load(data_dir)
    if standing.is_waiting or not standing.is_on_trial(installed_version()):
        return ""
    progress.save(data_dir, progress.committed(standing))
    return f"nothing is on trial any more: version {standing.version} stays"


def go_back(slots: Slots) -> str:
    """Have the next orderly restart lead to the other slot: the old one of an update on trial, else the one before. In words.

    Raises:
        UpdateError: this device has no other, or nothing good lies in it.
    """
    booted = slots.booted
    if booted is None:
        raise UpdateError("this device has no slots", hint="restore a backup on a fresh card: docs/backup.md")
    other = OTHER[booted]
    if slots.state(other) == "bad":
        raise UpdateError(
            f"slot {other} is not good: it was given up, or is only half written", hint="install a version"
        )
    slots.arm(other)
    return f"restarting into slot {other}" + ("" if slots.default == other else ", which stays if it is well")
