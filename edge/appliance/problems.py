"""What is wrong in the owner's files: told where the owner looks, and to the running program."""

import logging
from collections.abc import Sequence
from pathlib import Path

import msgspec

from edge.appliance.places import Places, put
from edge.errors import EdgeError
from edge.files import sync_folder, write_durably

log = logging.getLogger(__name__)

ERROR_FILE = "edge-error.txt"
NOTES_FILE = "first-boot.json"
HEAD = """\
Something in the files on this partition is wrong. The device is running with what is right.
Mend it here, put the card back and switch the device on: this file goes when all is well.
"""


class Problem(msgspec.Struct, frozen=True):
    """`place`: file and key; `what`: the value and why it is wrong; `remedy`: what to do."""

    place: str
    what: str
    remedy: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.what}" + (f" ({self.remedy})" if self.remedy else "")


class _Notes(msgspec.Struct):
    problems: tuple[Problem, ...] = ()


def without_data(why: str) -> Problem:
    """Memory stands for the data partition."""
    remedy = "check the card's partition `data` with e2fsck, or write a new card; a backup brings the data back"
    return Problem("data partition", f"is not used, and what is kept now is gone at the next start: {why}", remedy)


def from_error(error: EdgeError, place: str) -> Problem:
    """Of an error whose message may begin with the place."""
    message = str(error.args[0]).removeprefix(f"{place}: ")
    return Problem(place, message, error.hint)


def tell(problems: Sequence[Problem], places: Places) -> None:
    """Write them down for the owner and for the program; take the owner's file away when there are none.

    Raises:
        OSError: the data folder cannot be written.
    """
    problems = [*problems, *_on_boot_partition(problems, places.boot / ERROR_FILE)]
    for problem in problems:
        log.warning("first boot problem=%s", problem)
    put(places.data / NOTES_FILE, msgspec.json.encode(_Notes(tuple(problems))))
    places.give(places.data / NOTES_FILE)


def noted(data_dir: Path) -> tuple[Problem, ...]:
    """What the last start found wrong; nothing where no first boot looks."""
    try:
        return msgspec.json.decode((data_dir / NOTES_FILE).read_bytes(), type=_Notes).problems
    except (OSError, msgspec.MsgspecError):
        return ()


def take_away(path: Path, places: Places) -> list[Problem]:
    """What was taken from the boot partition: secrets do not stay where every card reader shows them. Unless there is no other place."""
    if places.no_data:
        return []
    try:
        path.unlink()
        sync_folder(path.parent)
    except OSError as error:
        return [Problem(path.name, f"cannot be removed: {error.strerror}", "it may hold a password: delete it")]
    return []


def _on_boot_partition(problems: Sequence[Problem], path: Path) -> list[Problem]:
    """What keeps the owner's file from being written is a problem itself, and stops nothing."""
    try:
        if not problems:
            path.unlink(missing_ok=True)
        else:
            lines = [f"{number}. {each.place}\n   {each.what}\n   -> {each.remedy or 'see docs/first-boot.md'}\n"
                     for number, each in enumerate(problems, 1)]  # fmt: skip
            text = "\n".join([HEAD, *lines]).replace("\n", "\r\n")  # for the editors of all systems
            if not (path.is_file() and path.read_bytes() == text.encode()):
                write_durably(path, text.encode())
    except OSError as error:
        return [Problem(str(path), f"cannot be written: {error.strerror}", "check the card's boot partition")]
    return []
