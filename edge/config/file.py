"""The configuration file as a program changes it: whole or not at all, the one before kept, and comments left where they were."""

import hashlib
import logging
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from edge.config.loading import converted, is_table, read
from edge.config.whole import Config
from edge.config.writing import as_toml
from edge.errors import RefusedError
from edge.files import write_durably

log = logging.getLogger(__name__)

PREVIOUS = ".previous"
"""Behind the name of the file: how it was before the last change."""


class Stored(NamedTuple):
    """The file as it was read. `raw` is what it says, without defaults; `revision` names this content."""

    text: str
    raw: dict[str, Any]
    revision: str


class ConfigFile:
    """Thread: one caller at a time.

    Raises (all methods):
        ConfigError: the file cannot be read. RefusedError: it has changed meanwhile, or cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path.resolve()
        self._previous = self._path.with_name(f"{self._path.name}{PREVIOUS}")

    @property
    def has_previous(self) -> bool:
        return self._previous.is_file()

    def read(self) -> Stored:
        return _stored(self._path)

    def previous(self) -> Stored:
        """The file as it was before the last change."""
        if not self.has_previous:
            raise RefusedError("there is no configuration from before", hint="it was never changed from here")
        return _stored(self._previous)

    def save(self, sections: dict[str, Any], revision: str = "") -> Stored:
        """Make the file say this, checked by the caller; keep it as it was beside it.

        Args:
            sections: those that change, as plain values; the others stay.
            revision: what the change was made from; empty: whatever is there.
        """
        stored = self._current(revision)
        text = self._changed(stored, {name: _lean(name, sections[name], stored.raw.get(name)) for name in sections})
        if text != stored.text:
            self._write(self._previous, stored.text)
            self._write(self._path, text)
        return self.read()

    def take_back(self, revision: str = "") -> Stored:
        """Make the file say what it said before the last change, checked by the caller; a second time it is as it is now.

        Args:
            revision: what the last change made; empty: whatever is there.
        """
        before, now = self.previous().text, self._current(revision).text
        self._write(self._path, before)
        self._write(self._previous, now)
        return self.read()

    def _current(self, revision: str) -> Stored:
        stored = self.read()
        if revision and revision != stored.revision:
            raise RefusedError("the configuration has changed meanwhile", hint="load it again, then change it")
        return stored

    def _changed(self, stored: Stored, changes: dict[str, Any]) -> str:
        """The file edited; where that goes wrong, as with a table that stands in several places, written anew and without comments."""
        sections = {**stored.raw, **changes}
        if (text := _checked(lambda: _edited(stored.text, changes), sections)) is not None:
            return text
        if (text := _checked(lambda: as_toml(sections), sections)) is not None:
            log.warning("configuration written anew, its comments stand in %s", self._previous)
            return text
        raise RefusedError(f"{self._path}: cannot be changed by a program", hint="change it with an editor")

    def _write(self, path: Path, text: str) -> None:
        try:
            write_durably(path, text.encode(), mode=self._path.stat().st_mode & 0o777)
        except OSError as error:
            hint = "the program needs the right to write in that folder"
            raise RefusedError(f"{path}: cannot be written: {error.strerror}", hint=hint) from error


def _stored(path: Path) -> Stored:
    text, raw = read(path)
    return Stored(text, raw, hashlib.sha256(text.encode()).hexdigest()[:16])


def _lean(name: str, value: Any, before: Any) -> Any:
    """Without what is at its default anyway and was not written before."""
    section = next(field.type for field in msgspec.structs.fields(Config) if field.name == name)
    if not is_table(name):
        return _lean_table(section, value, before if isinstance(before, dict) else {})
    entry = section.__args__[0]
    known = before if isinstance(before, list) else []
    old = {str(each.get("name", index)): each for index, each in enumerate(known)}
    return [_lean_table(entry, each, old.get(str(each.get("name", index)), {})) for index, each in enumerate(value)]


def _lean_table(section: Any, value: dict[str, Any], before: dict[str, Any]) -> dict[str, Any]:
    defaults = {
        field.name: msgspec.to_builtins(default)
        for field in msgspec.structs.fields(section)
        if (default := _default_of(field)) is not msgspec.NODEFAULT
    }
    return {
        key: _writable(each)
        for key, each in value.items()
        if each is not None and (key in before or key not in defaults or defaults[key] != _listed(each))
    }


def _default_of(field: msgspec.structs.FieldInfo) -> Any:
    return field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default


def _writable(value: Any) -> Any:
    """TOML has no null: what is not set is not there."""
    return {key: each for key, each in value.items() if each is not None} if isinstance(value, dict) else value


def _listed(value: Any) -> Any:
    """As msgspec writes plain values: tuples stay tuples there, and what came from JSON has lists."""
    return tuple(map(_listed, value)) if isinstance(value, list) else value


def _checked(write: Callable[[], str], sections: dict[str, Any]) -> str | None:
    """What `write` gives; None: it failed, or gives something else than a configuration of these sections."""
    wanted = converted(sections, "")
    try:
        text = write()
        return text if converted(tomllib.loads(text), "") == wanted else None
    except Exception:  # tomlkit trips over what it does not expect, in many ways
        log.debug("configuration cannot be edited", exc_info=True)
        return None


def _edited(text: str, sections: dict[str, Any]) -> str:
    """The same file with these sections, everything else where it was."""
    import tomlkit  # 30 ms on a desktop, and only who changes something needs it

    document = tomlkit.parse(text)
    for name, value in sections.items():
        if not value:
            document.pop(name, None)
        elif isinstance(value, list):
            _put_tables(document, name, value)
        elif name in document:
            _put(document[name], value)
        else:
            document[name] = value
    return tomlkit.dumps(document)


def _put_tables(document: Any, name: str, value: list[dict[str, Any]]) -> None:
    import tomlkit

    tables = document.get(name)
    if not isinstance(tables, tomlkit.items.AoT):
        tables = tomlkit.aot()
        document.pop(name, None)
        document[name] = tables
    while len(tables) > len(value):
        del tables[-1]
    for index, entry in enumerate(value):
        if index < len(tables):
            _put(tables[index], entry)
        else:
            tables.append(tomlkit.item(entry))


def _put(table: Any, values: dict[str, Any]) -> None:
    for key in [key for key in table if key not in values]:
        del table[key]
    for key, value in values.items():
        if isinstance(value, dict) and isinstance(table.get(key), dict):
            _put(table[key], value)
        elif key not in table or table[key] != value:
            table[key] = _inline(value) if isinstance(value, dict) else value


def _inline(values: dict[str, Any]) -> Any:
    """A new table in a table has no head: behind one, the keys with dots that follow would be its own."""
    import tomlkit

    table = tomlkit.inline_table()
    table.update(values)
    return table
