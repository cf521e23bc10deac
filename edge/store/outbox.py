"""Messages that wait to be sent: durable, in order, gone only when the broker has acknowledged them."""

from collections.abc import Sequence
from pathlib import Path

from edge.store.database import FILE_NAME, open_database, transaction, translated
from edge.store.port import Waiting


class Outbox:
    """The sender's side of the outbox. One instance and one connection a thread.

    Raises (all methods):
        StoreError: the database failed.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE_NAME
        self._connection = open_database(folder)
        # A deletion that a power cut undoes only sends a message twice: no need to wait for the card.
        self._connection.execute("PRAGMA synchronous = NORMAL")

    def close(self) -> None:
        self._connection.close()

    def waiting(self, after: int, limit: int) -> list[Waiting]:
        """Messages behind `after`, oldest first."""
        query = "SELECT seq, topic, payload FROM outbox WHERE seq > ? ORDER BY seq LIMIT ?"
        with translated(self._path):
            return [Waiting(*row) for row in self._connection.execute(query, (after, limit))]

    def delete(self, seqs: Sequence[int]) -> None:
        """All in one transaction."""
        if not seqs:
            return
        with translated(self._path), transaction(self._connection):
            self._connection.executemany("DELETE FROM outbox WHERE seq = ?", [(seq,) for seq in seqs])

    def count(self) -> int:
        with translated(self._path):
            (number,) = self._connection.execute("SELECT count(*) FROM outbox").fetchone()
        return int(number)
