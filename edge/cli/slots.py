"""`edge slots`: RAUC's boot selection on a Raspberry Pi (its custom backend): https://rauc.readthedocs.io/en/latest/integration.html"""

import argparse
from pathlib import Path
from typing import Any

from edge.config import default_data_dir
from edge.errors import ConfigError


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("slots", help="which slot boots: asked by RAUC", description=__doc__)
    parser.add_argument("question", choices=("get-primary", "set-primary", "get-state", "set-state", "get-current"))
    parser.add_argument("slot", nargs="?", choices=("A", "B"))
    parser.add_argument("state", nargs="?", choices=("good", "bad"))
    parser.add_argument("--boot", type=Path, metavar="DIR", help="partition with autoboot.txt; default: /bootcfg")
    parser.add_argument("--data", type=Path, metavar="DIR", help="default: /var/lib/edge")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    from edge.appliance.places import boot_folder
    from edge.update.slots import Slots

    slots = Slots(options.boot or boot_folder(), options.data or default_data_dir())
    if options.question == "get-primary":
        print(slots.primary)
    elif options.question == "get-current":
        print(slots.booted or "")
    elif options.slot is None or (options.question == "set-state" and options.state is None):
        raise ConfigError(f"slots {options.question}: more is to be said", hint="as in `edge slots set-state A good`")
    elif options.question == "get-state":
        print(slots.state(options.slot))
    elif options.question == "set-primary":
        slots.arm(options.slot)
    else:
        slots.mark(options.slot, options.state)
    return 0
