"""`edge config check|show`: is the configuration right, and what does it come to with all defaults."""

import argparse
from typing import Any

import msgspec

from edge.cli.common import add_config_options, load_config, print_json
from edge.config import hidden
from edge.config.writing import as_toml
from edge.wiring.checking import check_config


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("config", help="check or show the configuration", description=__doc__)
    parser.add_argument("action", choices=("check", "show"))
    add_config_options(parser)
    parser.add_argument("--json", action="store_true", help="show as one JSON document")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    config = load_config(options, required=options.action == "check")
    if options.action == "check":
        check_config(config)
        cameras = ", ".join(camera.name for camera in config.camera) or "none"
        print(f"configuration is right; cameras: {cameras}; data: {config.data_dir}")
    elif options.json:
        print_json(hidden(msgspec.to_builtins(config)))
    else:
        print(as_toml(hidden(msgspec.to_builtins(config))), end="")
    return 0
