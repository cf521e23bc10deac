"""How many bytes the program wrote to the card on each day."""

from edge.store.database import Connected, transaction, translated

KEPT_DAYS = 400


class WrittenDays(Connected):
    """One instance and one connection a thread.

    Raises (all methods):
        StoreError: the database failed.
    """

    def of(self, day: int) -> int:
        with translated(self._path):
            row = self._connection.execute("SELECT bytes FROM written_days WHERE day = ?", (day,)).fetchone()
        return int(row[0]) if row else 0

    def add(self, day: int, size_bytes: int) -> None:
        query = "INSERT INTO written_days VALUES (?, ?) ON CONFLICT DO UPDATE SET bytes = bytes + excluded.bytes"
        with translated(self._path), transaction(self._connection):
            self._connection.execute(query, (day, size_bytes))
            self._connection.execute("DELETE FROM written_days WHERE day < ?", (day - KEPT_DAYS,))
