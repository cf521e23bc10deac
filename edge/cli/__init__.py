"""The `edge` command: one module a verb. Errors become one line and an exit code."""

import argparse
import io
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
    _set_up_streams()
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
        _drop_output()
        return 0
    except OSError as error:
        if not _is_of_output(error):
            raise
        _drop_output()
        print(f"edge: the output cannot be written: {error.strerror}", file=sys.stderr)
        return 1
    except EOFError:
        print("edge: the input ended before it was answered: nothing was done", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return code


def _set_up_streams() -> None:
    """What the caller has closed (`>&-`) is empty, before another file takes its number; a letter that its encoding lacks is `?`."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="replace")


def _is_of_output(error: OSError) -> bool:
    """Whether the output cannot be written any more, for this reason."""
    try:
        print(flush=True)
    except OSError as again:
        return again.errno == error.errno
    return False


def _drop_output() -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


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
