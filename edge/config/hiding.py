"""Secrets that stand in a configuration all the same: kept out of what people and programs are shown, and taken back unseen."""

import copy
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from edge.camera.address import HIDDEN, redacted
from edge.errors import ConfigError

SECRET_WORDS = ("password", "secret", "token", "key")
"""In the name of an input of a work."""


class _Place(NamedTuple):
    table: dict[str, Any]
    key: str
    where: str
    kind: str
    owner: str
    hide: Callable[[str], str]

    @property
    def value(self) -> str:
        text: str = self.table[self.key]
        return text


def hidden(sections: dict[str, Any]) -> dict[str, Any]:
    """A copy of a configuration as plain values with `***` in place of each secret: credentials and queries of camera addresses, paths of
    webhooks, and inputs of works that are called so."""
    shown = copy.deepcopy(sections)
    for place in _places(shown):
        place.table[place.key] = place.hide(place.value)
    return shown


def unhidden(sections: dict[str, Any], known: dict[str, Any]) -> dict[str, Any]:
    """A copy of what came back from whoever was shown `hidden(known)`: what is still hidden is as it was.

    Raises:
        ConfigError: something is hidden that was not shown so.
    """
    full = copy.deepcopy(sections)
    before = list(_places(known))
    for place in _places(full):
        if HIDDEN in place.value:
            place.table[place.key] = _remembered(place, before)
    return full


def _remembered(place: _Place, before: list[_Place]) -> str:
    """Of the same owner; of another when only one was shown so: it may have got a new name."""
    alike = [each for each in before if each.kind == place.kind and each.hide(each.value) == place.value]
    own = [each.value for each in alike if each.owner == place.owner]
    values = own or list({each.value for each in alike})
    if len(values) != 1:
        raise ConfigError(f"{place.where}: is hidden in part, and not as it was", hint="write it anew, with its secret")
    return values[0]


def _places(sections: dict[str, Any]) -> Iterator[_Place]:
    """Where secrets may stand; what is not of the right type is not looked at."""
    for name, key, hide in (("camera", "source", redacted), ("rule", "webhook", _host_alone)):
        for index, table in enumerate(_tables(sections, name)):
            if isinstance(table.get(key), str):
                yield _Place(table, key, f"{name}[{index}].{key}", name, str(table.get("name")), hide)
    for index, work in enumerate(_tables(sections, "work")):
        values = work.get("input")
        if not isinstance(values, dict):
            continue
        for key in values:
            if isinstance(values[key], str) and any(word in key.lower() for word in SECRET_WORDS):
                owner = f"{work.get('name')} {key}"
                yield _Place(values, key, f"work[{index}].input.{key}", "input", owner, _all)


def _tables(sections: dict[str, Any], name: str) -> list[dict[str, Any]]:
    entries = sections.get(name)
    return [each for each in entries if isinstance(each, dict)] if isinstance(entries, list | tuple) else []


def _host_alone(url: str) -> str:
    """What comes behind the host of a webhook is often its key."""
    try:
        address = urlsplit(url)
    except ValueError:
        return HIDDEN
    host = address.netloc.rpartition("@")[2]
    bare = address.path in ("", "/") and not address.query and host == address.netloc
    return url if not url or bare else f"{address.scheme}://{host}/{HIDDEN}"


def _all(value: str) -> str:
    return HIDDEN if value else value
