"""The `edge` command: one module a verb. Errors become one line and an exit code."""

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from importlib import import_module

from edge import __version__
from edge.errors import EdgeError

VERBS = (
    "run", "demo", "recognise", "events", "clips", "ask", "backup", "restore", "reset", "models", "config", "device", "mqtt", "doctor",
    "bench", "web", "work", "first-boot", "health", "slots", "update",
)  # fmt: skip


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit codes: 0 done · 1 failed · 2 wrong command line or configuration · 75 ended to be restarted · 130 interrupted."""
    parser = argparse.ArgumentParser(prog="edge", description="An edge recognition appliance.")
    parser.add_argument("--version", action="version", version=f"edge {__version__}")
    parser.add_argument(
        "--log-level", default="info", choices=("debug", "info", "warning", "error"), help="default: info"
    )
    verbs = parser.add_subparsers(metavar="VERB", required=True)
    for verb in asked(arguments):
        import_module(f"edge.cli.{verb.replace('-', '_')}").add_parser(verbs)
    options = parser.parse_args(arguments)
    _set_up_logging(options.log_level)
    try:
        code: int = options.handler(options)
        sys.stdout.flush()
    except EdgeError as error:
        print(f"edge: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output has gone (`edge events list | head`): nothing is wrong, and there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    return code


def asked(arguments: Sequence[str] | None = None) -> tuple[str, ...]:
    """The one verb that is named, so that what only the others need is not loaded; all of them, for the help and for what is wrong."""
    first = argparse.ArgumentParser(add_help=False)
    first.add_argument("--log-level", nargs="?")
    first.add_argument("--version", action="store_true")
    first.add_argument("verb", nargs="?")
    asked = first.parse_known_args(arguments)[0]
    if asked.version and asked.verb is None:
        return ()
    return (asked.verb,) if asked.verb in VERBS else VERBS


def _set_up_logging(level: str) -> None:
    logging.basicConfig(
        stream=sys.stderr,
        level=level.upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%S",
    )
