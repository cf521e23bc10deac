"""Which retained topics the broker has from us, and which labels each camera has seen."""

from collections.abc import Iterable
from pathlib import Path

from edge.store.database import Connected, transaction, translated


class RetainedStore(Connected):
    """One instance and one connection a thread.

    Raises (all methods):
        StoreError: the database failed.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        # What a power cut undoes here is only tidied up later.
        self._connection.execute("PRAGMA synchronous = NORMAL")

    def add(self, topics: Iterable[str]) -> None:
        query = "INSERT INTO retained (topic) VALUES (?) ON CONFLICT (topic) DO UPDATE SET gone_wall_s = NULL"
        with translated(self._path), transaction(self._connection):
            self._connection.executemany(query, [(topic,) for topic in topics])

    def gone(self, topics: Iterable[str], at_wall_s: float) -> None:
        """They were emptied; those that were so before keep their time."""
        query = "UPDATE retained SET gone_wall_s = ? WHERE topic = ? AND gone_wall_s IS NULL"
        with translated(self._path), transaction(self._connection):
            self._connection.executemany(query, [(at_wall_s, topic) for topic in topics])

    def forget(self, before_wall_s: float) -> None:
        """Of the emptied topics those that have been so for long."""
        with translated(self._path), transaction(self._connection):
            self._connection.execute("DELETE FROM retained WHERE gone_wall_s < ?", (before_wall_s,))

    def topics(self) -> list[str]:
        """All, the emptied ones among them."""
        with translated(self._path):
            return [topic for (topic,) in self._connection.execute("SELECT topic FROM retained ORDER BY topic")]

    def saw(self, newest: Iterable[tuple[str, str, str]]) -> None:
        """Remember of cameras and labels the newest event."""
        query = """INSERT INTO labels_seen (camera, label, event) VALUES (?, ?, ?)
            ON CONFLICT (camera, label) DO UPDATE SET event = excluded.event"""
        with translated(self._path), transaction(self._connection):
            self._connection.executemany(query, newest)

    def labels_seen(self) -> list[tuple[str, str, str]]:
        """Camera, label and a late event of it, in the order of the first time."""
        with translated(self._path):
            return self._connection.execute("SELECT camera, label, event FROM labels_seen ORDER BY number").fetchall()
