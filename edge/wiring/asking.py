"""What can be asked for and needs the data folder alone."""

from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from pathlib import Path

from edge.backup.target import is_set_up
from edge.backup.works import NAMES as BACKUP_WORKS
from edge.backup.works import files_request
from edge.config import Backup
from edge.days import parse_days
from edge.errors import RefusedError
from edge.store.events import EventStore
from edge.work.client import WorkClient


def favour(data_dir: Path, event: str, favourite: bool) -> None:
    """By its id or the start of it."""
    with closing(EventStore(data_dir)) as store:
        found = store.find(event)
        if not found:
            raise RefusedError(f"event {event!r} is not there", hint="see `edge events list`")
        if len(found) > 1:
            raise RefusedError(f"more than one event begins with {event!r}", hint="give more of its id")
        store.keep(found[0].id, favourite)


def run_work(data_dir: Path, name: str) -> None:
    """By its id or its unique name."""
    if name in BACKUP_WORKS and not is_set_up(data_dir):
        raise RefusedError("no backup is set up", hint="run `edge backup setup`, then restart")
    with WorkClient(data_dir) as client:
        ids = [work.id for work in client.store.find("name", name) if not work.state.finished]
        if not client.make_due(ids[0] if ids else name):
            raise RefusedError(f"work {name!r} does not wait", hint="see `edge work list`")


def bring_back(data_dir: Path, section: Backup, day: str, labels: Sequence[str]) -> None:
    """Pictures and clips that are missing on the card, as a work; one that waits already is kept."""
    days = parse_days(day, datetime.now().date()) if day else None
    request = files_request(section, data_dir, days, labels)
    with WorkClient(data_dir) as client:
        client.enqueue(request, name="restore-files")


def cancel_work(data_dir: Path, id_: str) -> None:
    with WorkClient(data_dir) as client:
        if not client.cancel("id", id_):
            raise RefusedError(f"work {id_!r} is over or not there", hint="see `edge work list`")
