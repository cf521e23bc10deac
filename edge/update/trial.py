"""What becomes of an update's one try."""

import logging
import subprocess
from collections.abc import Callable
from pathlib import Path

from edge.errors import UpdateError
from edge.update.slots import Slots

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
    if booted is None or not slots.on_trial:
        return ""
    if well:
        slots.mark(booted, "good")
        log.warning("update committed slot=%s", booted)
        return f"slot {booted} is well and from now on the one that starts"
    slots.mark(booted, "bad")
    log.error("update given up slot=%s why=%s", booted, why)
    again()
    return f"slot {booted} is not well: back to slot {slots.default}"
