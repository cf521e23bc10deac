"""How the backup stands, as a retained topic: told anew whenever one of its works has run."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from edge.backup.status import status_of
from edge.backup.works import TAG
from edge.clock import iso_utc
from edge.errors import EdgeError
from edge.store.port import Message
from edge.work.observe import WorkInfo

log = logging.getLogger(__name__)

TOPIC = "backup"


class BackupMessage(msgspec.Struct, frozen=True, kw_only=True):
    """How the backup stands. `snapshot_at`, `proven_at`: the last snapshot, and the last restore for proof that succeeded; null: never.
    `waiting_changes`: events and clips that have changed since."""

    schema: Literal[1] = 1
    device: str
    snapshot_at: str | None
    proven_at: str | None
    waiting_changes: int
    packs: int
    packs_bytes: int


class Backups:
    """Takes all works whenever something of one has changed. Thread: one."""

    def __init__(self, data_dir: Path, device: str, put: Callable[[Message], None]) -> None:
        self._data_dir = data_dir
        self._device = device
        self._put = put
        self._seen: object = ()

    def __call__(self, infos: Sequence[WorkInfo]) -> None:
        ours = [(info.name, info.state, info.periods, info.attempts) for info in infos if TAG in info.tags]
        if ours == self._seen or not ours:
            return
        self._seen = ours
        try:
            self._put(Message(TOPIC, msgspec.json.encode(self._message())))
        except EdgeError as error:
            log.warning("state of the backup not told error=%s", error)

    def _message(self) -> BackupMessage:
        status = status_of(self._data_dir)
        return BackupMessage(
            device=self._device,
            snapshot_at=None if status.finished_wall_s is None else iso_utc(status.finished_wall_s),
            proven_at=status.proven or None,
            waiting_changes=status.waiting,
            packs=status.packs,
            packs_bytes=status.packs_bytes,
        )
