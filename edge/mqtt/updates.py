"""How updates stand, as a retained topic: told anew whenever it has changed."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from edge.store.port import Message
from edge.update import progress
from edge.update.system import installed_version
from edge.work.observe import WorkInfo

TOPIC = "update"
NOTES_CHARS = 255
"""Home Assistant shows no more."""


class UpdateMessage(msgspec.Struct, frozen=True, kw_only=True):
    """`latest_version` is that which runs until a newer one is known. `phase`: idle, downloading, installing, installed (the next restart
    tries it), failed, and `error` says why. `update_percentage` of the phase; null while nothing is under way."""

    schema: Literal[1] = 1
    device: str
    installed_version: str
    latest_version: str
    in_progress: bool
    update_percentage: int | None
    phase: str
    error: str
    release_summary: str


class Updates:
    """Takes all works whenever something of one has changed. Thread: one."""

    def __init__(self, data_dir: Path, device: str, put: Callable[[Message], None]) -> None:
        self._data_dir = data_dir
        self._device = device
        self._put = put
        self._installed = installed_version()
        self._told: UpdateMessage | None = None

    def __call__(self, _: Sequence[WorkInfo]) -> None:
        message = self._message()
        if message != self._told:
            self._told = message
            self._put(Message(TOPIC, msgspec.json.encode(message)))

    def _message(self) -> UpdateMessage:
        standing = progress.load(self._data_dir)
        busy = standing.is_busy or standing.is_waiting
        return UpdateMessage(
            device=self._device,
            installed_version=self._installed,
            latest_version=(standing.version if busy else standing.latest) or self._installed,
            in_progress=busy,
            update_percentage=standing.percent if standing.is_busy else None,
            phase=standing.phase,
            error=standing.error,
            release_summary=standing.notes[:NOTES_CHARS],
        )
