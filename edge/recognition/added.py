"""The user's own models: their files and their catalogue in the models folder."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from edge.assets import matches
from edge.errors import AssetError
from edge.files import make_folder, write_durably
from edge.recognition.adding import read_model
from edge.recognition.catalogue import ADDED_FILE, Model, added, parse_models


def keep_model(name: str, model: Model, files: Mapping[str, Path], folder: Path) -> bool:
    """Take a model into `folder`: its files, then its entry, each durably.

    Args:
        files: where the content of each of the entry's files is, by its name in the entry.

    Returns:
        Whether it replaced an earlier one of the user's.

    Raises:
        ConfigError: the user's catalogue is damaged.
        AssetError: a file cannot be written, or is not what was examined.
    """
    before = added(folder)
    try:
        for asset in filter(None, (model.file, model.edgetpu)):
            target = folder / asset.file
            make_folder(target.parent)
            write_durably(target, read_model(files[asset.file]))
            if not matches(asset, target):
                raise AssetError(f"{files[asset.file]}: changed while it was added", hint="try again")
        write_durably(folder / ADDED_FILE, to_toml({**before, name: model}).encode())
    except OSError as error:
        raise AssetError(f"{folder}: model cannot be kept: {error.strerror}", hint="free some space") from error
    return name in before


def to_toml(models: dict[str, Model]) -> str:
    """A catalogue as text that reads back as the same."""
    lines = ["# Models added with `edge models add`; the fields are those of the shipped catalogue."]
    for name, model in models.items():
        plain = msgspec.to_builtins(model)
        lines += _table(f"model.{_key(name)}", plain)
    text = "\n".join(lines) + "\n"
    if parse_models(text) != models:
        raise ValueError("the catalogue would not read back as it was written")
    return text


def _table(title: str, fields: dict[str, Any]) -> list[str]:
    """A table, then those below it. What is None is left out: TOML has no word for it."""
    below = {key: value for key, value in fields.items() if isinstance(value, dict) and value}
    own = {key: value for key, value in fields.items() if not isinstance(value, dict) and value is not None}
    lines = ["", f"[{title}]", *(f"{_key(key)} = {_value(value)}" for key, value in own.items())]
    for key, value in below.items():
        lines += _table(f"{title}.{_key(key)}", value)
    return lines


def _key(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_-]+", text) else _string(text)


def _value(value: Any) -> str:
    if isinstance(value, str):
        return _string(value)
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{_key(key)} = {_value(item)}' for key, item in value.items() if item is not None)} }}"
    return json.dumps(value)


def _string(text: str) -> str:
    """A JSON string is a TOML basic string, but for the DEL character."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
