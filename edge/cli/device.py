"""`edge device`: power, network, storage, heat and clock of this machine, and who tells of each."""

import argparse
import asyncio
import logging
from typing import TYPE_CHECKING, Any

import msgspec

from edge.cli.common import add_config_options, load_config, print_json
from edge.config import Config

if TYPE_CHECKING:
    from edge.device.monitor import Monitor

WAIT_S = 8.0
"""A source that has said nothing for so long is shown as silent."""


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser(
        "device",
        help="what the device's power, network, storage, heat and clock are, and who tells",
        description=__doc__,
    )
    add_config_options(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object, one a change with --watch")
    parser.add_argument("--watch", action="store_true", help="show each change until interrupted")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    logging.getLogger("edge.device").setLevel(logging.ERROR)  # what fails is shown
    asyncio.run(_show(load_config(options), as_json=options.json, watch=options.watch))
    return 0


async def _show(config: Config, *, as_json: bool, watch: bool) -> None:
    from edge.buttons.gpio import open_pins
    from edge.clock import SystemClock
    from edge.device.finding import make_monitor
    from edge.device.monitor import running

    made = make_monitor(config, SystemClock(), lambda: open_pins(config.gpio.driver))
    async with running(made, WAIT_S) as monitor:
        async for state in monitor.changes():
            if as_json:
                print_json({"state": msgspec.to_builtins(state), "sources": _sources(monitor)})
            else:
                _print(monitor)
            if not watch:
                break


def _sources(monitor: "Monitor") -> list[dict[str, Any]]:
    now = monitor.now()
    return [
        {
            "name": status.name,
            "facet": status.facet,
            "value": msgspec.to_builtins(status.value),
            "age_s": None if status.at is None else round(now.boot_s - status.at.boot_s, 1),
            "problem": status.problem,
        }
        for status in monitor.statuses
    ]


def _print(monitor: "Monitor") -> None:
    from edge.device.words import describe, facts

    now_s = monitor.now().boot_s
    print(f"{'facet':9} {'source':15} {'age':>7}  value")
    for status in monitor.statuses:
        age = "" if status.at is None else f"{now_s - status.at.boot_s:.1f} s"
        value = status.problem or ("says nothing" if status.value is None else describe(status.value))
        print(f"{status.facet:9} {status.name:15} {age:>7}  {value}")
    print()
    for name, value in facts(monitor.current()):
        print(f"{name:9} {value}")
    print(flush=True)
