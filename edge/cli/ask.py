"""`edge ask`: have the running appliance do something."""

import argparse
import json
import uuid
from typing import Any

from edge.actions.words import arguments_of
from edge.cli.common import add_config_options, load_config, print_json
from edge.errors import EdgeError


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("ask", help="have the running appliance do something", description=__doc__)
    parser.add_argument("action", help="snapshot, status …; an unknown one is answered with those that there are")
    parser.add_argument("arguments", nargs="*", metavar="KEY=VALUE", help="a value that is no JSON is a text")
    add_config_options(parser)
    parser.add_argument("--id", help="of the request: the same one again does nothing twice")
    parser.add_argument("--json", action="store_true", help="the whole answer")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    from edge import control

    arguments = arguments_of(options.arguments)
    data_dir = load_config(options).data_dir
    answer = control.ask(data_dir, options.id or str(uuid.uuid4()), options.action, arguments)
    if options.json:
        print_json(answer)
        return 0 if answer.ok else 1
    if not answer.ok:
        raise EdgeError(answer.error or "not done", hint=answer.hint or "")
    print("done" if answer.result is None else json.dumps(answer.result, indent=2, ensure_ascii=False))
    return 0
