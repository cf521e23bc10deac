"""The owner's `edge.toml`, from the boot partition to where the program reads it: whole if it is right, else what is right of it.

A file is taken once: what is changed on the device afterwards stays until another one lies there. A wrong file never replaces one that was
right. The first time, when there is none before it, every table that stands on its own feet is
taken and the others are not: a table whole or not at all, so that a slip never takes a protection (TLS, a mask) out of what remains.
"""

import hashlib
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from edge.appliance.places import Places, put
from edge.appliance.problems import Problem, from_error, take_away
from edge.config import Config, parse, resolve_paths
from edge.config.writing import as_toml, toml_value
from edge.errors import ConfigError
from edge.files import is_file

NAME, MARK, BEFORE = "edge.toml", "taken", "edge.toml.before"
"""The owner's file; beside the device's own the hash of the one that it came from (of one taken in part also that of what came of it), and
what it was before."""
MOST_BYTES, MOST_IN_NAME = 1_000_000, 255
Check = Callable[[Config], None]
"""Raises ConfigError: the configuration, or the part of one, asks for what there is not. Its paths are absolute."""

OF_BROKER, OF_PAGE = ("password_file", "ca_file", "cert_file", "key_file"), ("cert_file", "key_file")
OF_CAMERA, OF_RULE = ("password_file",), ("webhook_ca_file",)
"""Keys that name files of the owner's."""

PAGE = """
[web]
host = "0.0.0.0"
"""
BROKER = """
[mqtt]
host = "127.0.0.1"
username = {user}
password_file = {password_file}
"""
ADDED = "\n# Added by the device, because the configuration says nothing of it.\n"


def take_in(places: Places, device: str, check: Check) -> tuple[Config, list[Problem]]:
    """Bring the configuration up to date with the boot partition.

    Args:
        device: id of a device whose configuration gives none.

    Returns:
        What the program will run with, and what was wrong.

    Raises:
        OSError: it cannot be written. ConfigError: not even the default configuration is right.
    """
    path, mark = places.boot / NAME, places.config.with_name(MARK)
    lies, taken = _hash_of(path), mark.read_text(encoding="ascii").split() if mark.exists() else []
    # On a flashed card the package's own file is no configuration of anybody's.
    has_one = _is_right(places.config) and (bool(taken) or not places.is_card)
    if has_one and (not lies or taken == [lies]):
        return _in_use(places, [])  # what was changed on the page since it was taken stays

    def fits(raw: Mapping[str, Any]) -> None:
        if raw.get("camera") == []:
            raise ConfigError(f"{NAME}: camera: none is configured", hint="add a [[camera]] table")
        config = parse(dict(raw), place=NAME)
        located = _where_it_lies(config, places)
        _check_files(config, located)
        try:
            check(located)
        except OSError as error:
            raise ConfigError(f"{NAME}: {str(error.filename)[:MOST_IN_NAME]}: {error.strerror}") from error

    was_taken, is_as_taken = lies in taken, _hash_of(places.config) in taken
    text, problems = _of_owner(path, fits, may_salvage=not has_one or was_taken) if lies else ("", [])
    # Of one taken in part the rest is taken when what was missing beside it (a file, a model) has come.
    stays = was_taken and (bool(problems) or not is_as_taken)
    if has_one and (not text or stays):
        return _in_use(places, problems)
    if not text and taken:
        text, more = _rest_of(places.config, fits)
        problems += more
    config = _put_in_place(text or places.default.read_text(encoding="utf-8"), places, device, keep=bool(taken))
    put(mark, f"{lies or 'none'}{f' in-part {_hash_of(places.config)}' if problems else ''}\n".encode())
    return config, [*problems, *_take_files(config, places)]


def _put_in_place(text: str, places: Places, device: str, *, keep: bool) -> Config:
    """From now on the program runs with this; `keep`: what it ran with before stays beside it."""
    text, config = _completed(text, places, device)
    if keep and places.config.exists():
        put(places.config.with_name(BEFORE), places.config.read_bytes(), 0o600)
    put(places.config, text.encode(), 0o640)
    places.give_group(places.config)
    return config


def _in_use(places: Places, problems: list[Problem]) -> tuple[Config, list[Problem]]:
    config = parse(_read(places.config)[1], place=NAME)
    return config, [*problems, *_take_files(config, places)]


def _rest_of(path: Path, fits: "Fits") -> tuple[str, list[Problem]]:
    """What is right of a configuration that was right for another version of this program."""
    try:
        kept, problems = salvage(_read(path)[1], fits)
    except ConfigError as error:
        return "", [from_error(error, str(path))]
    return as_toml(kept) if kept else "", problems


def _hash_of(path: Path) -> str:
    """Empty: there is no such file."""
    try:
        return hashlib.sha256(path.read_bytes()[: MOST_BYTES + 1]).hexdigest()
    except FileNotFoundError:
        return ""
    except OSError:
        return "unreadable"


Fits = Callable[[Mapping[str, Any]], None]


def _of_owner(path: Path, fits: Fits, *, may_salvage: bool) -> tuple[str, list[Problem]]:
    """The owner's text, or what is right of it; empty when nothing is to be taken."""
    try:
        text, raw = _read(path)
    except ConfigError as error:
        return "", [from_error(error, NAME)]
    try:
        fits(raw)
        return text, []
    except ConfigError as error:
        wrong = from_error(error, NAME)
    if not may_salvage:
        return "", [wrong, Problem(NAME, "the configuration before this one is still used")]
    kept, problems = salvage(raw, fits)
    return as_toml(kept) if kept else "", problems


def _read(path: Path) -> tuple[str, dict[str, Any]]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(f"{NAME}: is larger than {MOST_BYTES} bytes", hint="is this the right file?")
        text = path.read_text(encoding="utf-8-sig")  # as editors write it that mark their files
        return text, tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{NAME}: cannot be read: {error}", hint="save it as UTF-8 text") from error
    except (ValueError, RecursionError) as error:  # TOMLDecodeError; an integer too long; brackets too deep
        raise ConfigError(f"{NAME}: not TOML: {error}", hint="see docs/configuration.md for an example") from error


def salvage(raw: Mapping[str, Any], fits: Fits) -> tuple[dict[str, Any], list[Problem]]:
    """The tables that are right together, and what is wrong with each of the others.

    What one table needs may stand behind it (a zone its camera): those that do not fit are tried again until none more does.
    """
    kept: dict[str, Any] = {}
    waiting = list(_pieces(raw))
    while True:
        refused = []
        for name, piece in waiting:
            more = _with(kept, name, piece)
            try:
                fits(more)
                kept = more
            except ConfigError as error:
                refused.append((name, piece, error))
        if not refused or len(refused) == len(waiting):
            break
        waiting = [(name, piece) for name, piece, _ in refused]
    return kept, [from_error(error, NAME) for _, _, error in refused]


def _pieces(raw: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in raw.items():
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            yield from ((name, [item]) for item in value)
        else:
            yield name, value


def _with(kept: Mapping[str, Any], name: str, piece: Any) -> dict[str, Any]:
    return {**kept, name: [*kept.get(name, []), *piece] if isinstance(piece, list) else piece}


def _is_right(path: Path) -> bool:
    """As far as its form goes: what it asks for was looked at when it was taken."""
    try:
        parse(_read(path)[1], place=NAME)
        return True
    except ConfigError:
        return False


def _completed(text: str, places: Places, device: str) -> tuple[str, Config]:
    """With a camera, the page and the device's own broker, where the owner says nothing of them."""
    raw = tomllib.loads(text)
    config = parse(raw, place=NAME)
    user = config.device.id or device
    added = as_toml({"camera": _default_cameras(places)}) if not config.camera else ""
    added += PAGE if "web" not in raw else ""
    if "mqtt" not in raw:
        password_file = places.broker / "device-password"
        added += BROKER.format(user=toml_value(user), password_file=toml_value(str(password_file)))
    if added:
        text = text.rstrip("\n") + "\n" + ADDED + added.lstrip("\n")
    return text, parse(tomllib.loads(text), place=NAME)


def _default_cameras(places: Places) -> list[dict[str, Any]]:
    cameras: list[dict[str, Any]] = tomllib.loads(places.default.read_text(encoding="utf-8")).get("camera", [])
    return cameras


def _where_it_lies(config: Config, places: Places) -> Config:
    """With absolute paths: of what will be taken from beside the owner's file, where it lies until then."""

    def now(each: Any, *keys: str) -> Any:
        names = {key: getattr(each, key) for key in keys}
        beside = {key: str(places.boot / name) for key, name in names.items() if _is_beside(name, places)}
        return msgspec.structs.replace(each, **beside)

    paths = msgspec.structs.replace(config.paths, data=config.paths.data or str(places.data))
    cameras = tuple(now(each, *OF_CAMERA) for each in config.camera)
    rules = tuple(now(each, *OF_RULE) for each in config.rule)
    mqtt, web = now(config.mqtt, *OF_BROKER), now(config.web, *OF_PAGE)
    config = msgspec.structs.replace(config, paths=paths, camera=cameras, mqtt=mqtt, rule=rules, web=web)
    return resolve_paths(config, places.config.parent)


def _check_files(config: Config, located: Config) -> None:
    """Passwords and certificates that the configuration names are there."""
    for (key, name), (_, path) in zip(_named(config), _named(located), strict=True):
        if not is_file(Path(path)):
            # A certificate or key itself in place of its name is not repeated.
            what = f"the file {name} is not there" if len(name) <= MOST_IN_NAME else "is no name of a file"
            raise ConfigError(f"{NAME}: {key}: {what}", hint=f"lay it beside {NAME}")


def _take_files(config: Config, places: Places) -> list[Problem]:
    """From beside the owner's configuration to beside the device's."""
    problems = []
    for _, name in _named(config):
        source, path = places.boot / name, places.config.parent / name
        if _is_beside(name, places):
            put(path, source.read_bytes(), 0o600)
            places.give(path)
            problems += take_away(source, places)
    return problems


def _is_beside(name: str, places: Places) -> bool:
    return Path(name).name == name and is_file(places.boot / name)


def _named(config: Config) -> Iterator[tuple[str, str]]:
    """Key and file of everything that is read from a file of the owner's."""
    tables: list[tuple[str, Any, Sequence[str]]] = [("mqtt", config.mqtt, OF_BROKER), ("web", config.web, OF_PAGE)]
    tables += [(f"camera[{index}]", each, OF_CAMERA) for index, each in enumerate(config.camera)]
    tables += [(f"rule[{index}]", each, OF_RULE) for index, each in enumerate(config.rule)]
    named = ((f"{place}.{key}", getattr(table, key)) for place, table, keys in tables for key in keys)
    return ((key, name) for key, name in named if name)
