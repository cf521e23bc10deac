"""An action, a request for one, and its answer: one form for buttons, MQTT, the page and the command line."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

Permission = Literal["view", "operate", "admin"]
"""view: look only · operate: what a member of the household does · admin: what stops or changes the device itself."""
BUTTON = "button"
"""Origin of what is asked with a finger on the device."""
RANKS: dict[Permission, int] = {"view": 0, "operate": 1, "admin": 2}


class Arguments(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Of an action: a JSON object with these keys and no others. Of this base class: none."""


@dataclass(frozen=True, slots=True)
class Action:
    """Something that can be asked for.

    `run` gets the checked arguments and returns what goes into the answer (anything that JSON can carry), or raises EdgeError. It must
    come back within seconds: what takes longer becomes background work, and its id is the result. `changes`: something is different
    afterwards, so that the same request must not do it twice. `by_origin`: `run` gets the request's origin as a second argument.
    `confirm`: it cannot be undone; its argument `confirm` must be the device's id, and a button asks by light first.

    Thread: `run` is called in the performer's thread.
    """

    name: str
    title: str
    permission: Permission
    run: Callable[..., object]
    arguments: type[Arguments] = Arguments
    changes: bool = True
    by_origin: bool = False
    confirm: bool = False

    def asked(self, arguments: object, origin: str) -> object:
        """Do it; raises what `run` does."""
        return self.run(arguments, origin) if self.by_origin else self.run(arguments)

    @property
    def needs_arguments(self) -> bool:
        return self.confirm or any(field.required for field in msgspec.structs.fields(self.arguments))


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody asks.

    `id` is the asker's: a second request with the same one is answered as the first was and does nothing. `arguments` is a JSON object,
    empty for none. `origin` says where it came from (`mqtt`, `cli` …); `granted` is what those who ask from there may.
    """

    id: str
    action: str
    arguments: bytes = b""
    origin: str
    granted: Permission


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Every request has exactly one: done, with its result, or not done, with the reason and the remedy."""

    schema: Literal[1] = 1
    request_id: str
    action: str
    ok: bool
    result: Any = None
    error: str | None = None
    hint: str | None = None
    at: str
