"""Pictures and clips as plain files by day on the remote, for people to look at.

Beside the packs, and after the snapshot: no restore needs them.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

from edge.backup.journal import Journal, Secured
from edge.backup.remote import Entry, Remote
from edge.errors import BackupError

BATCH = 200
"""Files that one command of rclone's moves."""
CAP = 500
"""As of what `prune` deletes."""
MIRRORED = "mirrored"
"""State of the journal: the last pack whose files stand in the mirror."""
SPOOL = "mirror"
_OURS = re.compile(r"(?P<day>\d{4}-\d\d-\d\d)/\d\d-\d\d-\d\d_[a-z0-9-]+_[a-z0-9-]+_[0-9a-f]{8}\.(jpg|mp4)")


def name_of(file: Secured) -> str:
    """`2026-11-21/08-41-59_door_person_1a2b3c4d.jpg`, in local time; nothing else than a-z, 0-9, - and _ of what people have named."""
    at = datetime.fromtimestamp(file.started_wall_s)
    suffix = Path(file.path).suffix
    return f"{at:%Y-%m-%d/%H-%M-%S}_{_plain(file.camera)}_{_plain(file.label)}_{file.sha256[:8]}{suffix}"


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:40] or "x"


def mirror(
    data_dir: Path, remote: Remote, journal: Journal, report: Callable[[str, int], None] = lambda step, files: None
) -> int:
    """Put there what has been secured since the last time; how many files. Cut off, it goes on at the pack where it was.

    Raises:
        BackupError: the remote failed.
    """
    files = 0
    done = int(journal.state(MIRRORED) or 0)
    for pack in (pack.number for pack in journal.packs() if pack.number > done):
        secured = journal.secured_in(pack)
        for begin in range(0, len(secured), BATCH):
            files += _put(data_dir, remote, secured[begin : begin + BATCH])
            report("mirror", files)
        journal.set_state(**{MIRRORED: str(pack)})
    return files


def _put(data_dir: Path, remote: Remote, batch: Sequence[Secured]) -> int:
    """What is no longer on the card is left out."""
    folder = remote.scratch / SPOOL
    shutil.rmtree(folder, ignore_errors=True)
    try:
        there = sum(_spool(data_dir / file.path, folder / name_of(file)) for file in batch)
        if there:
            remote.put_in_mirror(SPOOL)
    except OSError as error:
        raise BackupError(f"mirror: {error.strerror}", hint="is there room on the card?", retryable=True) from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return there


def _spool(source: Path, target: Path) -> bool:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except FileNotFoundError:
        return False
    except FileExistsError:  # two events of one second with the same picture
        return False
    except OSError:  # a file system without links, or another one
        shutil.copyfile(source, target)
    return True


def to_sweep(entries: Iterable[Entry], today: date, days: int) -> list[str]:
    """What is older than so many days, oldest first; only files with names of ours."""
    limit = (today - timedelta(days=days)).isoformat()
    found = ((_OURS.fullmatch(entry.path), entry.path) for entry in entries)
    return sorted(path for name, path in found if name is not None and name["day"] < limit)


def sweep_mirror(remote: Remote, today: date, days: int, *, dry_run: bool = False) -> int:
    """Delete what is older than so many days (0: nothing), at most `CAP` files; how many.

    Raises:
        BackupError: the remote failed.
    """
    old = to_sweep(remote.list_mirror(), today, days)[:CAP] if days else []
    if old and not dry_run:
        remote.delete_from_mirror(old)
    return len(old)
