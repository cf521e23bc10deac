"""Actions as people write them: `snapshot camera=door`."""

import json
from collections.abc import Iterable

from edge.errors import ConfigError


def parse(text: str) -> tuple[str, dict[str, object]]:
    """Action and arguments.

    Raises:
        ConfigError: there is no action, or an argument is not KEY=VALUE.
    """
    words = text.split()
    if not words:
        raise ConfigError("no action is named", hint="write ACTION KEY=VALUE …: snapshot camera=door")
    return words[0], arguments_of(words[1:])


def arguments_of(words: Iterable[str]) -> dict[str, object]:
    """`KEY=VALUE` words; a value that is no JSON is a text.

    Raises:
        ConfigError: a word is not KEY=VALUE.
    """
    return dict(_pair(word) for word in words)


def _pair(word: str) -> tuple[str, object]:
    key, equals, value = word.partition("=")
    if not equals or not key:
        raise ConfigError(f"{word!r} is no argument", hint="write KEY=VALUE: camera=door")
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value
