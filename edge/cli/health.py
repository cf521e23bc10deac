"""`edge health`: is the running device well; with --decide also what becomes of an update that is on trial."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.common import add_config_options, load_config, print_json

if TYPE_CHECKING:
    from edge.appliance.health import Verdict


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser(
        "health", help="frames, results, messages, card: exit code 0 when all are well, else 1", description=__doc__
    )
    add_config_options(parser)
    parser.add_argument("--wait", type=float, default=0.0, metavar="S", help="until it is well, so long at the most")
    parser.add_argument(
        "--decide", action="store_true", help="commit an update on trial that is well, restart into the old one if not"
    )
    parser.add_argument("--boot", type=Path, metavar="DIR", help="partition with autoboot.txt; default: /bootcfg")
    parser.add_argument("--json", action="store_true", help="one JSON object")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    from edge.appliance.health import wait_until_well
    from edge.appliance.places import boot_folder
    from edge.store.database import forget_copies
    from edge.update.trial import decide

    data_dir = load_config(options).data_dir
    verdict = wait_until_well(data_dir, options.wait)
    outcome = decide(options.boot or boot_folder(), data_dir, verdict.well, verdict.why) if options.decide else ""
    if options.decide and verdict.well:
        forget_copies(data_dir)
    _show(verdict, outcome, as_json=options.json)
    return 0 if verdict.well else 1


def _show(verdict: "Verdict", outcome: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"well": verdict.well, "checks": verdict.checks, "outcome": outcome})
        return
    for check in verdict.checks:
        print(f"{'well' if check.well else 'not well':8} {check.what:9} {check.found}")
    if outcome:
        print(outcome)
