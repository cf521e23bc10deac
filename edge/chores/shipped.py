"""The registry of a device: what ships, what the user's files hold, and what installed packages bring."""

from collections.abc import Iterable
from pathlib import Path

from edge.backup import works as backup_works
from edge.chores import gallery, models
from edge.update import works as update_works
from edge.work.registry import Registry


def make_registry(files: Iterable[str] = ()) -> Registry:
    """Without the workers that need the running program.

    Raises:
        WorkError: a file cannot be imported, or a name is taken twice.
    """
    registry = Registry()
    registry.add_module(gallery)
    registry.add_module(models)
    registry.add_module(backup_works)
    registry.add_module(update_works)
    for file in files:
        registry.add_file(Path(file))
    registry.add_entry_points()
    return registry


DEVICE_WORKERS = ("health-report", "retention", "time-lapse")
"""They need the running program; named here for those who only list them."""
