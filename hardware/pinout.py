"""The pin map: read, checked, and turned into a configuration and a table."""

import json
import tomllib
from pathlib import Path
from typing import Any, Literal

import msgspec

FOLDER = Path(__file__).parent
SOURCE = FOLDER / "pinout.toml"

GROUNDS = frozenset({6, 9, 14, 20, 25, 30, 34, 39})
SUPPLIES = {1: "3.3 V", 2: "5 V", 4: "5 V", 17: "3.3 V"}
GPIOS = {
    3: 2, 5: 3, 7: 4, 8: 14, 10: 15, 11: 17, 12: 18, 13: 27, 15: 22, 16: 23, 18: 24, 19: 10, 21: 9, 22: 25,
    23: 11, 24: 8, 26: 7, 27: 0, 28: 1, 29: 5, 31: 6, 32: 12, 33: 13, 35: 19, 36: 16, 37: 26, 38: 20, 40: 21,
}  # fmt: skip
"""Which GPIO sits at which position of the 40-pin header."""
HAT_MEMORY = frozenset({0, 1})

TABLES = ("button", "input", "output")
"""Kinds that have a table of their own in the configuration, of the same name."""

Kind = Literal["button", "light", "input", "output", "kernel", "bus"]
Build = Literal["wildlife", "house", "shop"]
BUILDS: tuple[Build, ...] = ("wildlife", "house", "shop")
Colour = Literal["white", "grey", "green", "yellow", "blue", "violet", "brown"]
"""Of signals: black is ground, red 5 V, orange 3.3 V, and nothing else has these."""


class Function(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One pin and what it is for; the fields are explained in pinout.toml."""

    name: str
    title: str
    builds: list[Build]
    gpio: int
    position: int
    kind: Kind
    wire: Colour
    part: str
    ground: int | None = None
    supply: int | None = None
    between: str = ""
    fragment: str = ""
    keys: dict[str, Any] = {}
    note: str = ""


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    function: list[Function]


def load(path: Path = SOURCE) -> list[Function]:
    """In the file's order.

    Raises:
        msgspec.ValidationError: a key is unknown, missing or of the wrong type.
    """
    return msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File).function


def flaws(functions: list[Function]) -> list[str]:
    """What is wrong with a pin map, in words; empty: nothing."""
    found = [flaw for function in functions for flaw in _flaws_of(function)]
    pins, names = [f"GPIO{each.gpio}" for each in functions], [f"name {each.name}" for each in functions]
    for values in (pins, names):
        found += [f"{value} is given twice" for value in sorted(set(values)) if values.count(value) > 1]
    return found


def _flaws_of(function: Function) -> list[str]:
    name, found = function.name, []
    if GPIOS.get(function.position) != function.gpio:
        found.append(f"{name}: GPIO{function.gpio} is not at position {function.position}")
    if function.gpio in HAT_MEMORY:
        found.append(f"{name}: GPIO{function.gpio} belongs to the memory of HATs")
    if function.ground is not None and function.ground not in GROUNDS:
        found.append(f"{name}: position {function.ground} is no ground")
    if function.supply is not None and function.supply not in SUPPLIES:
        found.append(f"{name}: position {function.supply} gives no power")
    if bool(function.fragment) != (function.kind in ("kernel", "bus")):
        found.append(f"{name}: a fragment goes with the kinds kernel and bus")
    elif function.fragment and not (FOLDER / "config.txt.d" / function.fragment).is_file():
        found.append(f"{name}: there is no config.txt.d/{function.fragment}")
    return found


def configuration(functions: list[Function]) -> str:
    """The part of edge.toml that belongs to these pins."""
    blocks = [
        "# Pins of the documented build, from hardware/pinout.toml (scripts/hardware all). Remove what is not wired.\n"
    ]
    for function in functions:
        if function.kind in TABLES:
            lines = [f"[[{function.kind}]]", *(f"{key} = {_toml(value)}" for key, value in _keys(function).items())]
            blocks.append("".join(f"{line}\n" for line in lines))
    lights = [f"{each.keys['key']} = {each.gpio}\n" for each in functions if each.kind == "light"]
    blocks.append("[light]\n" + "".join(lights))
    return "\n".join(blocks)


def _keys(function: Function) -> dict[str, Any]:
    return {"name": function.name, "pin": function.gpio, **function.keys}


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)  # texts, numbers and lists are written alike in JSON and TOML


def table(functions: list[Function]) -> str:
    """Markdown, in the header's order."""
    lines = [
        "| Pin | GPIO | Function | Wire | Ground | Power | What is wired to it | Builds |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in sorted(functions, key=lambda function: function.position):
        supply = f"{each.supply} ({SUPPLIES[each.supply]})" if each.supply else ""
        part = (
            each.part + (f", through {each.between}" if each.between else "") + (f"; {each.note}" if each.note else "")
        )
        lines.append(
            f"| {each.position} | {each.gpio} | {each.title} | {each.wire} | {each.ground or ''} | {supply} | {part} "
            f"| {', '.join(each.builds)} |"
        )
    return "\n".join(lines) + "\n"
