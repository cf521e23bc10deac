"""Which stored pictures are done, as `edge.camera.port.Ledger`."""

import sqlite3
import threading
from pathlib import Path

from edge.camera.still import Still
from edge.store.database import FILE_NAME, open_database, transaction, translated
from edge.store.events import put_still


class StillLedger:
    """Opens a connection for each thread that asks."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / FILE_NAME
        self._local = threading.local()
        self._lock = threading.Lock()
        self.unreadable = 0
        """Pictures that could not be read since the start."""

    def is_done(self, camera: str, still: Still) -> bool:
        query = "SELECT 1 FROM stills WHERE camera = ? AND path = ? AND size_bytes = ? AND mtime_ns = ?"
        with translated(self._path):
            return self._connection().execute(query, (camera, *still)).fetchone() is not None

    def mark_unreadable(self, camera: str, still: Still, reason: str) -> None:
        with self._lock:
            self.unreadable += 1
        connection = self._connection()
        with translated(self._path), transaction(connection):
            put_still(connection, camera, still, reason)

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = open_database(self._folder)
        return connection
