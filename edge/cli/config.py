"""`edge config check|show`: is the configuration right, and what does it come to with all defaults."""

import argparse
import json
from typing import Any

import msgspec

from edge.cli.common import add_config_options, load_config, print_json
from edge.wiring.asked import check_asked


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("config", help="check or show the configuration", description=__doc__)
    parser.add_argument("action", choices=("check", "show"))
    add_config_options(parser)
    parser.add_argument("--json", action="store_true", help="show as one JSON document")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    config = load_config(options, required=options.action == "check")
    if options.action == "check":
        check_asked(config)
        cameras = ", ".join(camera.name for camera in config.camera) or "none"
        print(f"configuration is right; cameras: {cameras}; data: {config.data_dir}")
    elif options.json:
        print_json(config)
    else:
        print(_as_toml(msgspec.to_builtins(config)), end="")
    return 0


def _as_toml(sections: dict[str, Any]) -> str:
    lines = []
    for name, section in sections.items():
        several = isinstance(section, (list, tuple))
        for table in section if several else [section]:
            lines.append(f"[[{name}]]" if several else f"[{name}]")
            lines += [
                f"{key} = {_toml_value(value)}" if value is not None else f"# {key} is not set"
                for key, value in table.items()
            ]
            lines.append("")
    return "\n".join(lines)


def _toml_value(value: Any) -> str:
    if isinstance(value, dict):
        pairs = ", ".join(f"{json.dumps(key)} = {_toml_value(item)}" for key, item in value.items())
        return f"{{ {pairs} }}"
    return json.dumps(
        value, ensure_ascii=False
    )  # strings, numbers, booleans and lists are written alike in JSON and TOML
