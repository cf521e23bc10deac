"""`edge update`: look for a newer system, install it, see how that stands, and go back."""

import argparse
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.cli.common import add_config_options, load_config, print_json

if TYPE_CHECKING:
    from edge.update.progress import Standing
    from edge.update.slots import Slots
    from edge.update.updater import Updater


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("update", help="newer versions of the whole system", description=__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    check = actions.add_parser("check", help="is there a newer one")
    check.set_defaults(handler=look)
    install = actions.add_parser("install", help="verify it and write it into the slot that does not run; root")
    install.add_argument("file", nargs="?", type=Path, help="a bundle; default: the newest of the source")
    install.add_argument("--restart", action="store_true", help="and restart into it")
    install.set_defaults(handler=install_it)
    status = actions.add_parser("status", help="what runs, what is installed, what became of the last try")
    status.set_defaults(handler=show)
    rollback = actions.add_parser("rollback", help="restart into the other slot; root")
    rollback.set_defaults(handler=go_back)
    for action in (check, install, status, rollback):
        add_config_options(action)
        action.add_argument("--source", help="before update.source of the configuration")
        action.add_argument("--json", action="store_true", help="one JSON object")
        action.add_argument("--boot", type=Path, metavar="DIR", help="partition with autoboot.txt; default: /bootcfg")
        action.add_argument("--rauc-conf", type=Path, metavar="FILE", help="default: /etc/rauc/system.conf")


def look(options: argparse.Namespace) -> int:
    offer = _updater(options).check()
    if options.json:
        print_json({"newer": offer})
    elif offer is None:
        print("this is the newest")
    else:
        print(
            f"version {offer.version} is there, {offer.size_bytes / 1e6:.0f} MB"
            + (f": {offer.notes}" if offer.notes else "")
        )
    return 0


def install_it(options: argparse.Namespace) -> int:
    from edge.update import trial

    updater = _updater(options)
    version = updater.install_file(options.file) if options.file else updater.install_newest()
    if options.json:
        print_json({"installed": version})
    elif not version:
        print("this is the newest: nothing is installed")
    else:
        print(f"version {version} is installed: the next restart tries it, and goes back if it is not well")
    if version and options.restart:
        trial.restart()
    return 0


def show(options: argparse.Namespace) -> int:
    from edge.update import progress
    from edge.update.system import installed_version

    standing, slots = progress.load(load_config(options).data_dir), _slots(options)
    booted = slots.booted
    if options.json:
        print_json({"version": installed_version(), "slot": booted, "trial": slots.on_trial, "update": standing})
        return 0
    place = f", slot {booted}" + (", on trial" if slots.on_trial else "") if booted else ""
    print(f"version {installed_version()}{place}")
    if standing.latest:
        print(f"newest known: {standing.latest}")
    print(f"last update: {standing.phase} {standing.version}".rstrip())
    if standing.error:
        print(f"wrong: {standing.error}")
    return 0


def go_back(options: argparse.Namespace) -> int:
    from edge.update import trial

    print(trial.go_back(_slots(options)))
    trial.restart()
    return 0


def _updater(options: argparse.Namespace) -> "Updater":
    from edge.update.system import RAUC_CONF, this_system
    from edge.update.updater import Updater

    config = load_config(options)
    source = options.source or config.update.source
    told = None if options.json else _told
    system = this_system(options.rauc_conf or RAUC_CONF)
    return Updater(config.data_dir, system, source, now_s=time.time, told=told or (lambda _: None))


def _told(standing: "Standing") -> None:
    if standing.percent is not None and sys.stderr.isatty():
        print(f"\r{standing.phase} {standing.version} {standing.percent} % ", end="", file=sys.stderr, flush=True)


def _slots(options: argparse.Namespace) -> "Slots":
    from edge.appliance.places import boot_folder
    from edge.update.slots import Slots

    return Slots(options.boot or boot_folder(), load_config(options).data_dir)
