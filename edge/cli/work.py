"""`edge work`: background work, asked for and looked at. The running program does it, when the device can afford it."""

import argparse
import sys
from datetime import datetime
from typing import TYPE_CHECKING, Any

from edge.cli import work_enqueue
from edge.cli.common import add_config_options, load_config, print_json
from edge.cli.work_enqueue import open_client
from edge.config import Config
from edge.errors import WorkError

if TYPE_CHECKING:
    from edge.device.state import DeviceState
    from edge.work.client import WorkClient
    from edge.work.observe import WorkInfo
    from edge.work.table import Work

STATE_WAIT_S = 3.0
"""The sources of the device's state have so long for their first word."""


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("work", help="background work: list, ask for, cancel", description=__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="what there is, oldest first")
    listing.add_argument("--name")
    listing.add_argument("--tag")
    listing.add_argument("--state", choices=("blocked", "enqueued", "running", "succeeded", "failed", "cancelled"))
    listing.set_defaults(handler=list_works)
    show = actions.add_parser("show", help="one work and what it waits for, by its name or the start of its id")
    show.add_argument("work", metavar="NAME|ID")
    show.set_defaults(handler=show_work)
    work_enqueue.add_parser(actions)
    cancel = actions.add_parser("cancel", help="cancel work and all that waits for it")
    cancel.add_argument("work", nargs="?", metavar="NAME|ID")
    cancel.add_argument("--tag")
    cancel.add_argument("--all", action="store_true")
    cancel.set_defaults(handler=cancel_works)
    run = actions.add_parser("run", help="do not wait for its time: as soon as its constraints are met")
    run.add_argument("work", metavar="NAME|ID")
    run.set_defaults(handler=run_work)
    prune = actions.add_parser("prune", help="forget what has finished and nothing waits for")
    prune.set_defaults(handler=prune_works)
    workers = actions.add_parser("workers", help="the workers that there are")
    workers.set_defaults(handler=list_workers)
    for action in (listing, show, cancel, run, prune, workers):
        add_config_options(action)
    for action in (listing, show):
        action.add_argument("--json", action="store_true", help="one JSON object a work and line")


def list_works(options: argparse.Namespace) -> int:
    with open_client(load_config(options)) as client:
        by: Any = "name" if options.name else "tag" if options.tag else "all"
        works = client.store.find(by, options.name or options.tag or "")
        infos = [_info(work, client) for work in works if options.state in (None, work.state.value)]
    if options.json:
        for info in infos:
            print_json(info.as_json())
    elif infos:
        print(f"{'ID':36} {'NAME':20} {'WORKER':20} {'STATE':10} {'RUNS':>5}  NEXT RUN")
        for info in infos:
            runs = info.periods or info.attempts
            print(
                f"{info.id:36} {info.name or '':20} {info.worker:20} {info.state.value:10} {runs:>5}  {_next_run(info)}"
            )
    else:
        print("no work", file=sys.stderr)
    return 0


def show_work(options: argparse.Namespace) -> int:
    config = load_config(options)
    with open_client(config) as client:
        info = _info(_find(client, options.work), client, _device_state(config))
    if options.json:
        print_json(info.as_json())
        return 0
    rows = {
        "id": info.id,
        "name": info.name or "none",
        "worker": info.worker,
        "tags": ", ".join(info.tags) or "none",
        "state": info.state.value,
        "waits": info.waits_for or "for nothing",
        "next run": _next_run(info) or "not planned",
        "attempts": str(info.attempts),
        "periods": str(info.periods),
        "stopped": info.stop_reason.value,
        "message": info.message or "none",
        "progress": _pairs(info.progress),
        "output": _pairs(info.output),
    }
    for name, value in rows.items():
        print(f"{name:9} {value}")
    return 0


def cancel_works(options: argparse.Namespace) -> int:
    given = sum((options.work is not None, options.tag is not None, options.all))
    if given != 1:
        raise WorkError("cancel: says not which work", hint="give a name or id, --tag or --all, one of them")
    with open_client(load_config(options)) as client:
        if options.all:
            works = client.cancel("all")
        elif options.tag is not None:
            works = client.cancel("tag", options.tag)
        else:
            named = client.store.find("name", options.work)
            works = (
                client.cancel("name", options.work) if named else client.cancel("id", _find(client, options.work).id)
            )
    print(f"cancelled: {len(works)}")
    return 0


def run_work(options: argparse.Namespace) -> int:
    with open_client(load_config(options)) as client:
        work = _find(client, options.work)
        if not client.make_due(work.id):
            raise WorkError(f"work {options.work}: is {work.state.value}", hint="only enqueued work waits for its time")
    print(f"due: {work.id}")
    return 0


def prune_works(options: argparse.Namespace) -> int:
    with open_client(load_config(options)) as client:
        print(f"forgotten: {client.prune()}")
    return 0


def list_workers(options: argparse.Namespace) -> int:
    from edge.chores.shipped import DEVICE_WORKERS, make_registry

    for worker in make_registry(load_config(options).workers.files).all:
        print(f"{worker.name:20} {'heavy' if worker.heavy else 'light'}  {worker.place}")
    for name in DEVICE_WORKERS:
        print(f"{name:20} light  part of the running program")
    return 0


def _find(client: "WorkClient", name_or_id: str) -> "Work":
    named = client.store.find("name", name_or_id)
    found = named[-1:] or client.store.beginning_with(name_or_id)
    if len(found) != 1:
        problem = "none has this name or begins so" if not found else "more than one begins so"
        raise WorkError(f"work {name_or_id!r}: {problem}", hint="`edge work list` shows all")
    return found[0]


def _info(work: "Work", client: "WorkClient", state: "DeviceState | None" = None) -> "WorkInfo":
    from edge.clock import SystemClock
    from edge.device.state import unknown
    from edge.work.constraints import Moment
    from edge.work.observe import info_of
    from edge.work.times import local_zone

    now = SystemClock().now()
    return info_of(work, client.store, Moment(state or unknown(now), now.wall_s, now.boot_s, local_zone()))


def _device_state(config: Config) -> "DeviceState":
    """As the sources tell it now."""
    import asyncio

    from edge.buttons.gpio import open_pins
    from edge.clock import SystemClock
    from edge.device.finding import make_monitor
    from edge.device.monitor import running

    async def read() -> "DeviceState":
        made = make_monitor(config, SystemClock(), lambda: open_pins(config.gpio.driver))
        async with running(made, STATE_WAIT_S) as monitor:
            return monitor.current()

    return asyncio.run(read())


def _next_run(info: "WorkInfo") -> str:
    if info.next_run_wall_s is None:
        return ""
    return datetime.fromtimestamp(info.next_run_wall_s).isoformat(" ", "seconds")


def _pairs(data: dict[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in data.items()) or "none"
