"""A configuration as TOML."""

import json
from collections.abc import Mapping
from typing import Any


def as_toml(sections: Mapping[str, Any]) -> str:
    """Tables and lists of tables, in their order; what is None stands there as a comment."""
    lines = []
    for name, section in sections.items():
        several = isinstance(section, (list, tuple))
        for table in section if several else [section]:
            lines.append(f"[[{name}]]" if several else f"[{name}]")
            lines += [
                f"{key} = {toml_value(value)}" if value is not None else f"# {key} is not set"
                for key, value in table.items()
            ]
            lines.append("")
    return "\n".join(lines)


def toml_value(value: Any) -> str:
    """Strings, numbers, booleans and lists are written alike in JSON and TOML."""
    if isinstance(value, dict):
        pairs = ", ".join(f"{json.dumps(key, ensure_ascii=False)} = {toml_value(item)}" for key, item in value.items())
        return f"{{ {pairs} }}"
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(map(toml_value, value))}]"
    return json.dumps(value, ensure_ascii=False)
