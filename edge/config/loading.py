"""From a TOML file to a configuration."""

import difflib
import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from edge.config.affording import Work
from edge.config.checks import check, split_address
from edge.config.keeping import Paths
from edge.config.section import Section
from edge.config.seeing import Camera, Filter, Line, Schedule, SecondLook, Zone
from edge.config.touching import Button, Input, Output, Rule
from edge.config.whole import Config
from edge.errors import ConfigError


def load(path: Path) -> Config:
    """Read and check one configuration file; relative paths in it are relative to its folder.

    Raises:
        ConfigError: the file cannot be read, is not TOML, or a key or value is wrong; names the place, the value and the remedy.
    """
    return resolve_paths(parse(read(path)[1], place=str(path)), path.resolve().parent)


def read(path: Path) -> tuple[str, dict[str, Any]]:
    """The text of a configuration file, and what it says, not checked yet. Raises as `load`."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {error}", hint="name another file with --config") from error
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not TOML: {error}", hint="see docs/configuration.md for an example") from error


def parse(raw: dict[str, Any], *, place: str) -> Config:
    """Check a parsed TOML document. `place` stands in front of each error."""
    config = converted(raw, place)
    check(config, place)
    return config


def converted(raw: dict[str, Any], place: str) -> Config:
    """Check keys and types alone. Raises ConfigError."""
    for key, known in _unknown_keys(raw, Config, ""):
        near = difflib.get_close_matches(key.rpartition(".")[2], known, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known here: {', '.join(known)}"
        raise ConfigError(f"{place}: {key}: unknown key", hint=hint)
    try:
        return msgspec.convert(raw, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(_explain(str(error), raw, place), hint="`edge config show` prints the defaults") from error


def resolve_paths(config: Config, base: Path) -> Config:
    """Make the paths of `config` absolute: relative ones start at `base`.

    Raises:
        ConfigError: a path begins with `~` and a user that there is not.
    """

    def absolute(path: str) -> str:
        try:
            return str(base / Path(path).expanduser()) if path else ""
        except RuntimeError as error:
            raise ConfigError(f"{path}: there is no such user", hint="write the whole path") from error

    cameras = []
    for camera in config.camera:
        scheme, rest = split_address(camera.source)
        source = f"{scheme}:{absolute(rest)}" if scheme in ("file", "folder") else camera.source
        password_file = absolute(camera.password_file)
        cameras.append(msgspec.structs.replace(camera, source=source, password_file=password_file))
    paths = Paths(data=absolute(config.paths.data), models=absolute(config.paths.models))
    files = {key: absolute(getattr(config.mqtt, key)) for key in ("password_file", "ca_file", "cert_file", "key_file")}
    mqtt = msgspec.structs.replace(config.mqtt, **files)
    pair = {key: absolute(getattr(config.web, key)) for key in ("cert_file", "key_file")}
    web = msgspec.structs.replace(config.web, **pair)
    rules = tuple(msgspec.structs.replace(rule, webhook_ca_file=absolute(rule.webhook_ca_file)) for rule in config.rule)
    workers = msgspec.structs.replace(config.workers, files=tuple(map(absolute, config.workers.files)))
    works = [
        msgspec.structs.replace(
            work, on_change=tuple(map(absolute, work.on_change)), input=_resolved(work.input, absolute)
        )
        for work in config.work
    ]
    return msgspec.structs.replace(
        config, camera=tuple(cameras), paths=paths, mqtt=mqtt, web=web, rule=rules, workers=workers, work=tuple(works)
    )


def _resolved(values: dict[str, Any], absolute: Callable[[str], str]) -> dict[str, Any]:
    """A work's `folder` and `file` start at the configuration's folder, as all paths in it."""
    return {key: absolute(value) if key in ("folder", "file") else value for key, value in values.items()}


_TABLES: dict[str, type[Section]] = {
    "camera": Camera,
    "second_look": SecondLook,
    "button": Button,
    "zone": Zone,
    "filter": Filter,
    "line": Line,
    "schedule": Schedule,
    "input": Input,
    "output": Output,
    "rule": Rule,
    "work": Work,
}


def is_table(name: str) -> bool:
    """Whether a section may stand there several times, `[[camera]]`."""
    return name in _TABLES


def _unknown_keys(raw: dict[str, Any], section: type[Section], prefix: str) -> Iterator[tuple[str, list[str]]]:
    """Yield each key that `section` does not have, with those that it has, depth first."""
    fields = {field.name: field.type for field in msgspec.structs.fields(section)}
    for key, value in raw.items():
        if key not in fields:
            yield prefix + key, list(fields)
        elif isinstance(value, dict) and isinstance(fields[key], type) and issubclass(fields[key], Section):
            yield from _unknown_keys(value, fields[key], f"{prefix}{key}.")
        elif key in _TABLES and isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, dict):
                    yield from _unknown_keys(item, _TABLES[key], f"{prefix}{key}[{index}].")


def _explain(message: str, raw: dict[str, Any], place: str) -> str:
    """msgspec's ``Expected `int`, got `str` - at `$.mqtt.port``` as place, value and what was expected."""
    reason, _, path = message.partition(" - at `$")
    path = path.rstrip("`").lstrip(".")
    value: Any = raw
    for step in re.findall(r"[^.\[\]]+", path):
        try:
            value = value[int(step)] if step.isdigit() else value[step]
        except (KeyError, IndexError, TypeError):
            return f"{place}: {path}: {reason}"
    shown = f" is {value!r}" if not isinstance(value, (dict, list)) else ""
    return f"{place}: {path or 'top level'}{shown}: {reason.replace('`', '')}"
