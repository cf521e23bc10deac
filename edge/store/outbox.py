"""Messages that wait to be sent: durable, in order, gone only when the broker has acknowledged them."""

import sqlite3
from collections.abc import Sequence
from pathlib import Path

from edge.errors import StoreError
from edge.store.database import BUSY_TIMEOUT_S, Connected, is_busy, transaction, translated
from edge.store.port import Message, Waiting

IMPORTANCES = (0, 1, 2)
CHUNK = 500
TOGETHER = 100
"""Messages of one insertion."""
_SIZE = "length(payload) + length(topic) + 50"
"""Of a message on the card, about."""


class Outbox(Connected):
    """The sender's side of the outbox. One instance and one connection a thread.

    Raises (all methods):
        StoreError: the database failed.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        # A deletion that a power cut undoes only sends a message twice: no need to wait for the card.
        self._connection.execute("PRAGMA synchronous = NORMAL")

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
            self._connection.executemany("DELETE FROM outbox WHERE seq BETWEEN ? AND ?", _runs(seqs))

    def try_delete(self, seqs: Sequence[int]) -> bool:
        """As `delete`, unless another connection is writing: nothing is deleted then.

        SQLite waits for a writer by sleeping longer and longer: what has time had better come again than hold up what is to be sent.
        """
        self._connection.execute("PRAGMA busy_timeout = 0")
        try:
            self.delete(seqs)
        except StoreError as error:
            if not is_busy(error):
                raise
            return False
        finally:
            self._connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1000:.0f}")
        return True

    def last(self) -> int:
        """The newest message's `seq`; 0: there is none."""
        with translated(self._path):
            (newest,) = self._connection.execute("SELECT max(seq) FROM outbox").fetchone()
        return int(newest or 0)

    def size_bytes(self, after: int = 0) -> int:
        """Of the messages behind `after`. Reads all of them."""
        query = f"SELECT total({_SIZE}) FROM outbox WHERE seq > ?"  # noqa: S608 - constants only
        with translated(self._path):
            (size,) = self._connection.execute(query, (after,)).fetchone()
        return int(size)

    def drop(self, size_bytes: int, *, after: int) -> None:
        """Give up that much behind `after`, the least important first and of these the oldest, and count it, in one transaction."""
        with translated(self._path), transaction(self._connection):
            for importance in IMPORTANCES:
                size_bytes -= self._drop_of(importance, size_bytes, after)
                if size_bytes <= 0:
                    return

    def _drop_of(self, importance: int, size_bytes: int, after: int) -> int:
        """Returns how much went."""
        query = f"SELECT seq, {_SIZE} FROM outbox WHERE importance = ? AND seq > ? ORDER BY seq LIMIT ?"  # noqa: S608 - constants only
        freed = dropped = 0
        while freed < size_bytes:
            rows = self._connection.execute(query, (importance, after, CHUNK)).fetchall()
            if not rows:
                break
            for after, size in rows:  # noqa: B007 - the last one counts
                freed, dropped = freed + size, dropped + 1
                if freed >= size_bytes:
                    break
            self._connection.execute(
                "DELETE FROM outbox WHERE importance = ? AND seq >= ? AND seq <= ?", (importance, rows[0][0], after)
            )
        self._connection.execute(
            """INSERT INTO outbox_dropped VALUES (?, ?)
            ON CONFLICT DO UPDATE SET messages = messages + excluded.messages""",
            (importance, dropped),
        )
        return freed

    def dropped(self) -> dict[int, int]:
        """How many messages of each importance were ever given up."""
        with translated(self._path):
            rows = self._connection.execute("SELECT importance, messages FROM outbox_dropped").fetchall()
        return dict.fromkeys(IMPORTANCES, 0) | dict(rows)

    def count(self) -> int:
        with translated(self._path):
            (number,) = self._connection.execute("SELECT count(*) FROM outbox").fetchone()
        return int(number)


def _runs(seqs: Sequence[int]) -> list[tuple[int, int]]:
    """First and last of each run without a gap: hundreds of neighbours go with one look-up."""
    ordered = sorted(seqs)
    firsts = [
        seq for before, seq in zip([None, *ordered], ordered, strict=False) if before is None or seq != before + 1
    ]
    lasts = [seq for seq, behind in zip(ordered, [*ordered[1:], None], strict=True) if behind != seq + 1]
    return list(zip(firsts, lasts, strict=True))


def put_messages(connection: sqlite3.Connection, messages: Sequence[Message]) -> None:
    """Put them behind all others, within the caller's transaction.

    In one statement: between two statements Python lets go of its lock, and getting it back beside a busy connection takes longer than
    the insertion.
    """
    for chunk in (messages[first : first + TOGETHER] for first in range(0, len(messages), TOGETHER)):
        values = [value for message in chunk for value in (message.topic, message.payload, message.importance)]
        places = ", ".join(["(?, ?, ?)"] * len(chunk))
        connection.execute(f"INSERT INTO outbox (topic, payload, importance) VALUES {places}", values)  # noqa: S608 - places only
