"""`edge events check`: do database and files agree?"""

import argparse
import sys
from contextlib import ExitStack

from edge.cli.common import load_config, print_json
from edge.errors import StoreError
from edge.identity import cut_since, locked
from edge.store.check import Checker
from edge.store.database import FILE_NAME


def add_check(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--repair", action="store_true", help="mend what is found; the program must not be running")
    parser.add_argument("--hashes", action="store_true", help="read every picture and compare it with its name")
    parser.add_argument("--json", action="store_true", help="one object a line")
    parser.set_defaults(handler=check_events)


def check_events(options: argparse.Namespace) -> int:
    data_dir = load_config(options).data_dir
    if not (data_dir / FILE_NAME).exists():
        raise StoreError(
            f"{data_dir / FILE_NAME}: no events have been kept here", hint="name the data folder with --data"
        )
    began_s = cut_since(data_dir)
    with ExitStack() as held:
        running = False
        try:
            held.enter_context(locked(data_dir, for_work=False))
        except StoreError:
            if options.repair:
                raise
            running = True
        checker = Checker(data_dir, running=running, cut_since_s=None if running else began_s, repair=options.repair)
        findings = checker.check(hashes=options.hashes)
    for finding in findings:
        if options.json:
            print_json(finding._asdict())
        else:
            print(f"{'left by a cut' if finding.explained else 'UNEXPLAINED':13}  {finding.what:9}  {finding.text}")
    unexplained = sum(not finding.explained for finding in findings)
    if not options.json:
        print(_summary(len(findings), unexplained, options.repair), file=sys.stderr)
    return 1 if unexplained and not options.repair else 0


def _summary(found: int, unexplained: int, repair: bool) -> str:
    if not found:
        return "database and files agree"
    if repair:
        return f"{found} differences, mended"
    return f"{found} differences, {unexplained} of them unexplained; --repair mends them"
