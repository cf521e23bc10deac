"""What the configuration asks for, checked before anybody asks."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from edge.actions.performer import check_arguments
from edge.actions.port import RANKS, Action, Permission
from edge.actions.words import parse
from edge.errors import ConfigError, EdgeError


class Ask(NamedTuple):
    """Something that is asked for again and again."""

    action: str
    arguments: bytes
    confirm: bool = False
    """As in `Action`."""


def ask_of(text: str, actions: Mapping[str, Action], place: str, may: Permission = "admin") -> Ask:
    """`snapshot camera=door`, as `edge ask` takes it.

    Args:
        may: what is permitted there.

    Raises:
        ConfigError: no such action, not permitted, or not its arguments; begins with `place`.
    """
    try:
        name, words = parse(text)
        action = actions.get(name)
        if action is None:
            raise ConfigError(f"{name!r} is no action", hint=f"known: {', '.join(sorted(actions))}")
        if RANKS[action.permission] > RANKS[may]:
            raise ConfigError(f"{name} needs the permission {action.permission!r}", hint="bind it to a button instead")
        arguments = msgspec.json.encode(words)
        check_arguments(action, arguments)
    except EdgeError as error:
        raise ConfigError(f"{place}: {text!r}: {error.args[0]}", hint=error.hint) from error
    return Ask(name, arguments, action.confirm)
