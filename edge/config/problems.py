"""Everything that is wrong in a configuration, each with its place, for a form that shows it beside the field."""

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from edge.config.loading import converted, is_table, parse
from edge.config.whole import Config
from edge.errors import ConfigError

MOST = 20
"""Problems of one section that are looked for."""
_FRONT = "configuration"
_PLACE = re.compile(r"(?P<place>[a-z_]+(?:\[\d+\]|\.[A-Za-z0-9_-]+)*)(?P<is> is |: )")
_MISSING = re.compile(r"missing required field (\w+)")


class Problem(msgspec.Struct, frozen=True):
    """Something wrong in what was sent. `place`: `camera[0].source`; empty: no place of its own."""

    place: str
    problem: str
    hint: str = ""


def problems_of(raw: dict[str, Any], further: Callable[[Config], None] = lambda _: None) -> list[Problem]:
    """Wrong types and unknown keys, all of them; where there are none, the first thing that does not fit together.

    Args:
        further: looks at a configuration that is right so far; raises ConfigError.
    """
    found = [problem for name, value in raw.items() for problem in _of_section(name, value)]
    if found:
        return found
    try:
        further(parse(raw, place=_FRONT))
    except ConfigError as error:
        return [problem_of(error)]
    return []


def problem_of(error: ConfigError) -> Problem:
    """The place that stands in front of an error's message, apart from it."""
    text = str(error.args[0]).removeprefix(f"{_FRONT}: ")
    found = _PLACE.match(text)
    if found is None:
        return Problem("", text.removeprefix("top level: "), error.hint)
    place, problem = found["place"], text[found.end() :]
    if found["is"] == " is " and not problem.startswith("nothing"):
        problem = text[len(found["place"]) + 1 :]
    if missing := _MISSING.search(problem):
        place, problem = f"{place}.{missing[1]}", "is missing"
    return Problem(place, problem, error.hint)


def _of_section(name: str, value: Any) -> Iterator[Problem]:
    if not (is_table(name) and isinstance(value, list)):
        yield from _of_one({name: copy.deepcopy(value)})
        return
    for index, entry in enumerate(value):
        for problem in _of_one({name: [copy.deepcopy(entry)]}):
            place = problem.place.replace(f"{name}[0]", f"{name}[{index}]", 1)
            yield msgspec.structs.replace(problem, place=place)


def _of_one(raw: dict[str, Any]) -> Iterator[Problem]:
    """What is wrong is told and taken out, until the rest is right."""
    seen = set[str]()
    for _ in range(MOST):
        try:
            converted(raw, _FRONT)
            return
        except ConfigError as error:
            problem = problem_of(error)
        if problem.place in seen:
            return
        seen.add(problem.place)
        yield problem
        if not _take_out(raw, problem.place):
            return


def _take_out(raw: dict[str, Any], place: str) -> bool:
    *path, last = re.findall(r"[^.\[\]]+", place) or [""]
    table: Any = raw
    for step in path:
        try:
            table = table[int(step)] if isinstance(table, list) else table[step]
        except (KeyError, IndexError, ValueError, TypeError):
            return False
    return isinstance(table, dict) and bool(path) and table.pop(last, table) is not table
