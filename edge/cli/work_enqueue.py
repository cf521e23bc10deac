"""`edge work enqueue`: from a command line to a request."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge.cli.common import add_config_options, load_config
from edge.config import Config
from edge.errors import StoreError, WorkError

if TYPE_CHECKING:
    from edge.work.client import WorkClient

EXISTING = ("keep", "replace", "update", "append", "append-or-replace")


def add_parser(actions: Any) -> None:
    enqueue = actions.add_parser("enqueue", help="ask for work")
    enqueue.add_argument("worker", help="a name from `edge work workers`")
    enqueue.add_argument("input", nargs="*", metavar="KEY=VALUE", help="its input; values are JSON, or text")
    enqueue.add_argument("--name", help="unique; --existing says what becomes of work that has it")
    enqueue.add_argument("--existing", choices=EXISTING, default="keep", help="default: keep")
    enqueue.add_argument("--tag", action="append", default=[])
    enqueue.add_argument("--every", type=float, metavar="SECONDS", help="again and again")
    enqueue.add_argument("--flex", type=float, metavar="SECONDS", help="in the last so many of each interval")
    enqueue.add_argument("--cron", default="", metavar="EXPRESSION", help='as "30 2 * * *"')
    enqueue.add_argument(
        "--on-change", action="append", default=[], metavar="PATH", help="each time that it has changed"
    )
    enqueue.add_argument("--after", type=float, default=0.0, metavar="SECONDS", help="not before")
    enqueue.add_argument(
        "--when", action="append", default=[], metavar="WHAT[=VALUE]", help="charging, network=wifi … (docs/work.md)"
    )
    enqueue.add_argument("--at-once", action="store_true", help="before all other work")
    enqueue.add_argument("--time-limit", type=float, default=600.0, metavar="SECONDS", help="default: 600; 0: none")
    enqueue.add_argument("--max-attempts", type=int, metavar="N")
    add_config_options(enqueue)
    enqueue.set_defaults(handler=enqueue_work)


def enqueue_work(options: argparse.Namespace) -> int:
    from edge.work.request import Existing

    config = load_config(options)
    _require_worker(config, options.worker)
    with open_client(config, new=True) as client:
        ticket = client.enqueue(_request(options), name=options.name, existing=Existing(options.existing))
    print(f"{ticket.outcome.value}: {' '.join(ticket.ids) or 'nothing'}")
    if not client.heard:
        print("edge: no program runs here that would do it; it waits for `edge run`", file=sys.stderr)
    return 0


def _request(options: argparse.Namespace) -> Any:
    from edge.work.request import OneTimeWork, PeriodicWork, WorkOnChange

    values = dict(_pair(text) for text in options.input)
    if options.on_change:
        request = WorkOnChange(options.worker, *map(_absolute, options.on_change))
    elif options.every is not None or options.cron:
        request = PeriodicWork(options.worker, every=options.every, flex=options.flex, cron=options.cron)
    else:
        request = OneTimeWork(options.worker)
    request = request.with_input(**values).tagged(*options.tag).after(options.after).when(*_constraints(options.when))
    request = request.within(options.time_limit) if options.time_limit else request.long_running()
    request = request.giving_up_after(options.max_attempts) if options.max_attempts is not None else request
    return request.at_once() if options.at_once else request


def _pair(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise WorkError(f"input {text!r}: no KEY=VALUE", hint="write it as folder=/srv/pictures")
    try:
        return key, msgspec.json.decode(value)
    except msgspec.DecodeError:
        return key, _absolute(value) if key in ("folder", "file") else value


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute())


def _constraints(texts: list[str]) -> Any:
    """`charging`, `network=wifi`, `ssids=home,attic`, `quiet_hours=22:00-07:00`: the keys of `work.when` in the configuration."""
    from edge.config import When
    from edge.work.configured import constraints_of

    values: dict[str, Any] = {}
    for text in texts:
        key, _, value = text.partition("=")
        key = key.replace("-", "_")
        values[key] = {"ssids": value.split(","), "quiet_hours": value.split("-")}.get(key, value or True)
    try:
        return constraints_of(msgspec.convert(values, When, strict=False))
    except msgspec.ValidationError as error:
        known = ", ".join(field.name for field in msgspec.structs.fields(When))
        raise WorkError(f"--when: {error}", hint=f"known: {known}") from error


def open_client(config: Config, *, new: bool = False) -> "WorkClient":
    """Args:
        new: there may be no database yet.

    Raises:
        StoreError: there is none, or it cannot be used.
    """
    from edge.store.database import FILE_NAME
    from edge.work.client import WorkClient, clock_may_be_right
    from edge.work.configured import settings_of

    path = config.data_dir / FILE_NAME
    if not new and not path.exists():
        raise StoreError(
            f"{path}: no work has been kept here", hint="name the data folder with --data, or start `edge run`"
        )

    def trusted() -> bool:
        return config.workers.trust_clock or clock_may_be_right()

    return WorkClient(config.data_dir, trusted=trusted, settings=settings_of(config.workers))


def _require_worker(config: Config, name: str) -> None:
    from edge.chores.shipped import DEVICE_WORKERS, make_registry

    if name not in DEVICE_WORKERS:
        make_registry(config.workers.files).required(name)
