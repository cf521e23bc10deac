"""Which requests were done already, and what was answered."""

from edge.store.database import Connected, transaction, translated

KEPT = 1000
"""The newest so many requests are remembered."""


class RequestStore(Connected):
    """One instance and one connection a thread.

    Raises (all methods):
        StoreError: the database failed.
    """

    def begin(self, id_: str, action: str, at_wall_s: float) -> None:
        """Remember, durably, that this request is about to be done; forget the oldest."""
        with translated(self._path), transaction(self._connection):
            cursor = self._connection.execute(
                "INSERT INTO requests (id, action, begun_wall_s) VALUES (?, ?, ?)", (id_, action, at_wall_s)
            )
            self._connection.execute("DELETE FROM requests WHERE seq <= ?", ((cursor.lastrowid or 0) - KEPT,))

    def end(self, id_: str, answer: bytes) -> None:
        with translated(self._path), transaction(self._connection):
            self._connection.execute("UPDATE requests SET answer = ? WHERE id = ?", (answer, id_))

    def find(self, id_: str) -> tuple[bool, bytes | None]:
        """Whether the request is known, and what was answered; None: it was begun and the program ended before its end."""
        with translated(self._path):
            row = self._connection.execute("SELECT answer FROM requests WHERE id = ?", (id_,)).fetchone()
        return (True, row[0]) if row is not None else (False, None)
