"""`edge reset`: erase everything that this device has kept and been told; backups elsewhere stay."""

import argparse
import sys
import uuid
from pathlib import Path
from typing import Any

from edge.cli.common import add_config_options, load_config
from edge.errors import EdgeError, RefusedError, StoreError
from edge.identity import ID_FILE, device_id, locked


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("reset", help="erase everything on this device", description=__doc__)
    add_config_options(parser)
    parser.add_argument("--confirm", metavar="ID", help="the device's id, in place of being asked for it")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    config = load_config(options)
    data_dir = config.data_dir
    if not (data_dir / ID_FILE).exists():
        raise StoreError(f"{data_dir}: nothing has been kept here", hint="name the device's data folder with --data")
    device = config.device.id or device_id(data_dir)
    if (options.confirm or _asked(device, data_dir)) != device:
        raise RefusedError("not confirmed: nothing was erased", hint=f"the device's id is {device}")
    if _is_held(data_dir):
        _have_erased(data_dir, device)
    else:
        _erase(data_dir)
    return 0


def _is_held(data_dir: Path) -> bool:
    try:
        with locked(data_dir, for_work=False):
            return False
    except StoreError:
        return True


def _asked(device: str, data_dir: Path) -> str:
    if not sys.stdin.isatty():
        return ""
    print(f"Events, pictures, clips, settings and secrets in {data_dir} will be erased. Backups elsewhere stay.")
    return input(f"Type {device} to go on: ").strip()


def _erase(data_dir: Path) -> None:
    from edge import reset

    with locked(data_dir):
        if reset.ask(data_dir):
            print(f"{data_dir}: will be erased when the device starts: restart it")
        else:
            reset.carry_out(data_dir)
            print(f"{data_dir}: erased")


def _have_erased(data_dir: Path, device: str) -> None:
    """The running program ends in order first."""
    from edge import control

    answer = control.ask(data_dir, str(uuid.uuid4()), "factory-reset", {"confirm": device})
    if not answer.ok:
        raise EdgeError(answer.error or "not done", hint=answer.hint or "")
    print(f"{data_dir}: is erased at the next start, which is now")
