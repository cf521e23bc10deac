"""What a person has set by hand, over restarts."""

from pathlib import Path

from edge.store.database import FILE_NAME, open_database, transaction, translated
from edge.store.port import Switch


class SwitchStore:
    """Opens a connection for each call: calls are rare. Thread: any.

    Raises (all methods):
        StoreError: the database failed; nothing was changed.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / FILE_NAME

    def load(self) -> dict[str, Switch]:
        connection = open_database(self._folder)
        try:
            with translated(self._path):
                query = """SELECT name, value, at_wall_s, coalesce(boot_id, ''), coalesce(at_boot_s, 0)
                           FROM switches LEFT JOIN switches_undated USING (name)"""
                rows = connection.execute(query).fetchall()
        finally:
            connection.close()
        return {name: Switch(value == "on", *when) for name, value, *when in rows}

    def save(self, name: str, switch: Switch) -> None:
        """Keep it, durably."""
        connection = open_database(self._folder)
        try:
            with translated(self._path), transaction(connection):
                row = (name, "on" if switch.on else "off", switch.at_wall_s)
                connection.execute("INSERT OR REPLACE INTO switches VALUES (?, ?, ?)", row)
                connection.execute("DELETE FROM switches_undated WHERE name = ?", (name,))
                if switch.boot_id:
                    undated = (name, switch.boot_id, switch.at_boot_s)
                    connection.execute("INSERT INTO switches_undated VALUES (?, ?, ?)", undated)
        finally:
            connection.close()
