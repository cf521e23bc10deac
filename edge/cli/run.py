"""`edge run`: the appliance."""

import argparse
import asyncio
import logging
import sys
from pathlib import Path
from typing import Any

from edge import reset
from edge.cli.common import add_config_options, config_file, load_config, print_json
from edge.config import Config
from edge.identity import locked
from edge.runtime import Report, stopped_by_signal
from edge.store.database import go_back

log = logging.getLogger(__name__)

RESTART_CODE = 75
"""Asked for a restart: the service manager starts the program again (EX_TEMPFAIL)."""


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("run", help="run the appliance until it is stopped", description=__doc__)
    add_config_options(parser)
    parser.add_argument(
        "--once",
        action="store_true",
        help="one pass of what the cameras have now, then end; exit code 1 if anything failed",
    )
    parser.add_argument("--json", action="store_true", help="print the report at the end as JSON")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    config = load_config(options, required=True)
    with locked(config.data_dir):
        reset.carry_out(config.data_dir)
        if newer := go_back(config.data_dir):
            log.warning("database of before the update is used again; what came since is in %s", newer)
        report = asyncio.run(run(config, once=options.once, file=config_file(options)))
    if options.json:
        print_json(report)
    for problem in report.problems if options.once else ():
        print(f"edge: {problem}; the log above says which and why", file=sys.stderr)
    if report.restart:
        return RESTART_CODE
    return 1 if options.once and report.problems else 0


async def run(config: Config, *, once: bool, file: Path | None = None) -> Report:
    from edge import wiring

    appliance = wiring.build(config, once=once, config_file=file)
    with stopped_by_signal() as stop:
        return await appliance.run(stop)
