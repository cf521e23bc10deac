"""A database that a newer program has changed, when the older one runs again: an update that was gone back from."""

from contextlib import closing
from pathlib import Path

import pytest

from edge.errors import StoreError
from edge.store import database
from edge.store.database import FILE_NAME, forget_copies, go_back, open_database, transaction

NOW = database.MIGRATIONS
NEW_TABLE, NEW_COLUMN = (
    "\n    CREATE TABLE newer (x INTEGER);\n    ",
    "\n    ALTER TABLE switches ADD COLUMN who TEXT;\n    ",
)


def program(monkeypatch: pytest.MonkeyPatch, *steps: str, harmless: bool = False) -> None:
    """What runs from here on knows these steps too."""
    monkeypatch.setattr(database, "MIGRATIONS", (*NOW, *steps))
    numbers = range(len(NOW) + 1, len(NOW) + len(steps) + 1) if harmless else ()
    monkeypatch.setattr(database, "HARMLESS", frozenset(numbers))


def switch(folder: Path, name: str) -> None:
    with closing(open_database(folder)) as connection, transaction(connection):
        connection.execute("INSERT INTO switches (name, value, at_wall_s) VALUES (?, 'on', 0)", (name,))


def switches(folder: Path) -> list[str]:
    with closing(open_database(folder)) as connection:
        return [name for (name,) in connection.execute("SELECT name FROM switches ORDER BY name")]


def test_what_is_not_noticed_needs_no_way_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    switch(tmp_path, "before")
    program(monkeypatch, NEW_TABLE, harmless=True)
    switch(tmp_path, "on-trial")
    program(monkeypatch)
    assert go_back(tmp_path) is None
    switch(tmp_path, "back")
    assert switches(tmp_path) == ["back", "before", "on-trial"]
    program(monkeypatch, NEW_TABLE, harmless=True)
    assert switches(tmp_path) == ["back", "before", "on-trial"]
    assert [path.name for path in tmp_path.iterdir() if ".schema-" in path.name] == []


def test_anything_else_is_gone_back_from_with_the_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    switch(tmp_path, "before")
    program(monkeypatch, NEW_COLUMN)
    switch(tmp_path, "on-trial")
    program(monkeypatch)
    with pytest.raises(StoreError, match="written by a newer version"):
        open_database(tmp_path)
    newer = go_back(tmp_path)
    assert newer == tmp_path / f"{FILE_NAME}.newer"
    assert switches(tmp_path) == ["before"]
    assert go_back(tmp_path) is None
    program(monkeypatch, NEW_COLUMN)
    (tmp_path / "kept").mkdir()
    newer.rename(tmp_path / "kept" / FILE_NAME)
    assert switches(tmp_path / "kept") == ["before", "on-trial"]


def test_the_way_back_is_gone_on_with_after_a_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    switch(tmp_path, "before")
    program(monkeypatch, NEW_COLUMN)
    switch(tmp_path, "on-trial")
    program(monkeypatch)
    (tmp_path / FILE_NAME).rename(tmp_path / f"{FILE_NAME}.newer")  # and here the power went
    assert go_back(tmp_path) is not None
    assert switches(tmp_path) == ["before"]


def test_a_copy_is_forgotten_when_the_program_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    switch(tmp_path, "before")
    program(monkeypatch, NEW_COLUMN)
    switch(tmp_path, "on-trial")
    forget_copies(tmp_path)
    program(monkeypatch)
    assert go_back(tmp_path) is None
    with pytest.raises(StoreError, match="written by a newer version"):
        open_database(tmp_path)


def test_without_room_for_the_copy_nothing_is_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    switch(tmp_path, "before")
    program(monkeypatch, NEW_COLUMN)
    monkeypatch.setattr(database, "SPARE_BYTES", 1 << 60)
    with pytest.raises(StoreError, match="no room for a copy"):
        open_database(tmp_path)
    program(monkeypatch)
    assert switches(tmp_path) == ["before"]


def test_a_new_folder_and_one_that_is_up_to_date_need_none(tmp_path: Path) -> None:
    switch(tmp_path, "a")
    assert go_back(tmp_path) is None
    assert go_back(tmp_path / "empty") is None
    assert not list(tmp_path.glob("*.schema-*"))
