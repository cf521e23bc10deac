"""Options that several verbs share."""

import argparse
import os
import sys
from pathlib import Path
from typing import Any

import msgspec

from edge import config
from edge.config import Config
from edge.errors import ConfigError

SYSTEM_CONFIG = Path("/etc/edge/edge.toml")
MOST_LISTED = 1_000_000


def add_config_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--config", type=Path, metavar="FILE", help=f"default: $EDGE_CONFIG, else {SYSTEM_CONFIG} when it is there"
    )
    parser.add_argument("--data", metavar="DIR", help="data folder, before paths.data of the configuration")


def config_file(options: argparse.Namespace) -> Path | None:
    """The configuration file that the options name, if it is there."""
    named = options.config or os.environ.get("EDGE_CONFIG")
    path = Path(named) if named else SYSTEM_CONFIG
    return path if path.is_file() else None


def load_config(options: argparse.Namespace, *, required: bool = False) -> Config:
    """The configuration that the options name; the defaults when none is named and none is required."""
    named = options.config or (Path(value) if (value := os.environ.get("EDGE_CONFIG")) else None)
    path = named or (SYSTEM_CONFIG if SYSTEM_CONFIG.exists() else None)
    if path is None and required:
        raise ConfigError(
            "no configuration", hint=f"name one with --config, or write {SYSTEM_CONFIG}; see docs/configuration.md"
        )
    loaded = config.load(path) if path is not None else Config()
    if options.data:
        paths = msgspec.structs.replace(loaded.paths, data=str(Path(options.data).resolve()))
        loaded = msgspec.structs.replace(loaded, paths=paths)
    return loaded


def checked_limit(options: argparse.Namespace) -> int:
    """How many a list shows at the most."""
    if not 1 <= options.limit <= MOST_LISTED:
        raise ConfigError(f"--limit {options.limit}: must be 1 to {MOST_LISTED}", hint="leave it out for the newest 20")
    limit: int = options.limit
    return limit


def print_json(value: Any) -> None:
    """One JSON document on one line, flushed so that a reader sees it at once."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()
