"""The settings as forms: each key of the configuration with its type, bounds, and the words that stand beside it in the code."""

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import inspect as types

from edge.config import Config
from edge.config.section import Section

Kind = Literal["switch", "choice", "integer", "number", "text", "list", "pairs", "json", "maybe"]

GROUPS = (
    ("What it sees", ("camera", "zone", "line", "detector", "second_look", "motion", "tracking", "filter", "schedule")),
    ("What it keeps", ("pictures", "clips", "retention", "card", "backup", "work", "workers")),
    ("Whom it tells", ("mqtt", "homeassistant", "rule", "web")),
    ("What is wired to it", ("gpio", "button", "light", "input", "output")),
    ("The device", ("device", "power", "network", "limits", "update")),
)
TITLES = {
    "camera": "Cameras", "zone": "Zones", "line": "Counting lines", "detector": "Recognition", "second_look": "Second looks",
    "filter": "Filters", "schedule": "Schedules", "work": "Work", "workers": "Workers", "mqtt": "MQTT",
    "homeassistant": "Home Assistant", "rule": "Rules", "web": "This page", "gpio": "GPIO", "button": "Buttons", "input": "Inputs",
    "output": "Outputs", "card": "SD card", "update": "Updates",
}  # fmt: skip

UNITS = {
    "_kb_per_s": "kB/s",
    "_mb_per_day": "MB a day",
    "_s": "s",
    "_h": "h",
    "_mb": "MB",
    "_bytes": "bytes",
    "_px": "px",
    "_c": "°C",
    "_us": "µs",
}
"""What a name ends with, and how it is said."""


class Part(NamedTuple):
    """Of a help text."""

    text: str
    code: bool


class Field(NamedTuple):
    """`path`: the key in its section, with a dot where it stands in a table of it. `default`: as plain value. `least`, `most`: inclusive.

    `kind` "maybe": yes, no, or neither; "json": what has no control of its own.
    """

    path: str
    label: str
    kind: Kind
    help: tuple[Part, ...]
    optional: bool
    default: Any
    choices: tuple[Any, ...] = ()
    least: float | None = None
    most: float | None = None


class SectionForm(NamedTuple):
    """`several`: a list of tables."""

    name: str
    title: str
    several: bool
    fields: tuple[Field, ...]

    @property
    def defaults(self) -> dict[str, Any]:
        """By path."""
        return {field.path: field.default for field in self.fields if field.default is not None}


@cache
def sections() -> dict[str, SectionForm]:
    """In the order of the configuration."""
    made = {}
    for field in types.type_info(Config).fields:  # type: ignore[attr-defined]
        inner, several = field.type, False
        if isinstance(inner, types.VarTupleType):
            inner, several = inner.item_type, True
        if isinstance(inner, types.StructType):
            made[field.name] = SectionForm(field.name, _title(field.name), several, tuple(_fields(inner, "")))
    return made


def groups() -> list[tuple[str, list[SectionForm]]]:
    """Every section that a browser may change, in the order of the page."""
    known = sections()
    return [(title, [known[name] for name in names if name in known]) for title, names in GROUPS]


def _title(name: str) -> str:
    return TITLES.get(name, _words(name))


def _words(name: str) -> str:
    unit = next((suffix for suffix in UNITS if name.endswith(suffix)), "")
    text = name.removesuffix(unit).replace("_", " ")
    return text[:1].upper() + text[1:] + (f" ({UNITS[unit]})" if unit else "")


def _fields(struct: types.StructType, prefix: str) -> Iterator[Field]:
    helps = _helps(struct.cls)
    for field in struct.fields:
        inner, optional = _without_none(field.type)
        path = f"{prefix}{field.encode_name}"
        if isinstance(inner, types.StructType) and issubclass(inner.cls, Section):
            yield from _fields(inner, f"{path}.")
            continue
        kind, choices, least, most = _control(inner)
        kind = "maybe" if kind == "switch" and optional else kind
        help_ = _parts(helps.get(field.name, ""))
        yield Field(path, _label(path), kind, help_, optional, _default(field), choices, least, most)


def _default(field: types.Field) -> Any:
    if field.default_factory is not msgspec.NODEFAULT:
        return msgspec.to_builtins(field.default_factory())
    return msgspec.to_builtins(field.default) if field.default is not msgspec.NODEFAULT else None


def _label(path: str) -> str:
    return ": ".join(_words(each) for each in path.split("."))


def _without_none(type_: types.Type) -> tuple[types.Type, bool]:
    if isinstance(type_, types.UnionType):
        rest = [each for each in type_.types if not isinstance(each, types.NoneType)]
        if len(rest) == 1:
            return rest[0], len(rest) < len(type_.types)
        return type_, len(rest) < len(type_.types)
    return type_, False


def _control(type_: types.Type) -> tuple[Kind, tuple[Any, ...], float | None, float | None]:
    if isinstance(type_, types.BoolType):
        return "switch", (), None, None
    if isinstance(type_, types.LiteralType):
        return "choice", tuple(type_.values), None, None
    if isinstance(type_, types.IntType | types.FloatType):
        kind: Kind = "integer" if isinstance(type_, types.IntType) else "number"
        return kind, (), type_.ge if type_.ge is not None else type_.gt, type_.le if type_.le is not None else type_.lt
    if isinstance(type_, types.StrType):
        return "text", (), None, None
    if isinstance(type_, types.VarTupleType | types.ListType) and isinstance(
        type_.item_type, types.StrType | types.LiteralType
    ):
        return "list", (), None, None
    if isinstance(type_, types.DictType) and isinstance(
        type_.value_type, types.StrType | types.FloatType | types.IntType
    ):
        return "pairs", (), None, None
    return "json", (), None, None


@cache
def _helps(section: type) -> dict[str, str]:
    """The words below each field in the source of the section; fields of one type above one text share it, as `width` and `height`."""
    helps: dict[str, str] = {}
    above: list[ast.AnnAssign] = []
    for statement in ast.parse(inspect.getsource(section)).body[0].body:  # type: ignore[attr-defined]
        if isinstance(statement, ast.AnnAssign):
            above.append(statement)
        elif isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant) and above:
            text = " ".join(str(statement.value.value).split())
            type_ = ast.dump(above[-1].annotation)
            helps |= {ast.unparse(each.target): text for each in above if ast.dump(each.annotation) == type_}
            above = []
    return helps


def _parts(text: str) -> tuple[Part, ...]:
    pieces = re.split(r"`([^`]+)`", text)
    return tuple(Part(piece, index % 2 == 1) for index, piece in enumerate(pieces) if piece)
