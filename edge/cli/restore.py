"""`edge restore`: a device, or a folder, as a snapshot has it. Database first, then pictures, newest first; cut off, run it again."""

import argparse
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge.cli.common import add_config_options, load_config, print_json
from edge.days import parse_days
from edge.errors import ConfigError

if TYPE_CHECKING:
    from edge.backup.restore import Choice, Placed, Told
    from edge.backup.settings import Identity
    from edge.backup.target import Target
    from edge.cli.progress import Bar


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser(
        "restore", help="get the device, or a part of it, back from its backup", description=__doc__
    )
    parser.add_argument("snapshot", nargs="?", default="", help="the beginning of its time or id; default: the newest")
    parser.add_argument(
        "--to", metavar="DIR", help="into a plain folder; default: the data folder, which must be empty"
    )
    parser.add_argument(
        "--kit", metavar="FILE", help="the recovery kit; - for the standard input. Default: the backup that is set up"
    )
    parser.add_argument("--day", help="only pictures of 2026-11-21, today, yesterday, or two days with .. between")
    parser.add_argument("--label", action="append", default=[], help="only pictures of this label; may be given again")
    parser.add_argument("--database-only", action="store_true", help="no pictures: they can be fetched later")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be fetched")
    parser.add_argument(
        "--new-device",
        action="store_true",
        help="this card goes on with the backup; the old one may not write any more",
    )
    parser.add_argument(
        "--new-id",
        nargs="?",
        const="",
        metavar="ID",
        help="with --new-device: go on under another device id, this one or one that is made; default: the old one's",
    )
    parser.add_argument("--json", action="store_true", help="JSON")
    add_config_options(parser)
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    from edge.backup import target as targets
    from edge.backup.rate import timetable_of
    from edge.backup.repository import chosen
    from edge.backup.restore import has_taken_over, is_restored, plan, restore_database, restore_files, take_over
    from edge.backup.room import Room
    from edge.cli.progress import Bar
    from edge.clock import SystemClock
    from edge.identity import locked

    config = load_config(options)
    target = _read_kit(options.kit) if options.kit else targets.load(config.data_dir)
    identity = _identity(options, target)
    place = Path(options.to) if options.to else config.data_dir
    into_device = not (options.to or options.dry_run)
    if into_device and options.kit:
        _prove(target, place)
        targets.save(place, target)
    with _room_folder(target, config.data_dir, scratch=not into_device) as folder:
        room = Room(folder, target, config.backup.limit_kb_per_s, timetable_of(config.backup.timetable))
        with Bar("restore") as bar, room.repository(bar.moved) as repository:
            repository.required()
            name = chosen(repository.heads().snapshots, options.snapshot)
            manifest = repository.manifest(name)
            if options.dry_run:
                built = folder / "look"
                restore_database(repository, name, manifest, built)
                return _print(options, plan(built, manifest, _choice(options)), name.stamp)
            place.mkdir(parents=True, exist_ok=True)
            goes_on = is_restored(place) and not options.snapshot
            with locked(place):  # not while pictures come: the database is usable
                if not goes_on:
                    models_dir = config.models_dir if into_device else place / "models"
                    placed = restore_database(
                        repository, name, manifest, place, _told_by(bar), models_dir=models_dir, identity=identity
                    )
                    _say(name.stamp, manifest.events, placed)
                if options.new_device and not has_taken_over(place):
                    take_over(repository, place, target.repository, SystemClock())
            done = restore_files(repository, manifest, place, _choice(options), _told_by(bar))
    return _print(options, done, name.stamp)


def _say(stamp: str, events: int, placed: "Placed | None") -> None:
    for path in placed.files if placed is not None else ():
        print(f"back: {path}", file=sys.stderr)
    print(f"snapshot {stamp}: {events} events are back; now the pictures", file=sys.stderr)


def _identity(options: argparse.Namespace, target: "Target") -> "Identity":
    """Who the restored device is. Secrets go back to their places only from a backup that nobody else can have written."""
    from edge.backup.settings import Identity
    from edge.identity import is_device_id, new_device_id

    if not options.new_device:
        if options.new_id is not None:
            raise ConfigError("--new-id goes with --new-device", hint="a plain folder has no device's id")
        return Identity()
    if options.to:
        raise ConfigError("--new-device and --to do not go together", hint="a plain folder is no device")
    id_ = "" if options.new_id is None else options.new_id or new_device_id()
    if id_ and not is_device_id(id_):
        raise ConfigError(f"--new-id {id_[:60]!r}: is no device id", hint="a-z, 0-9, - and _, at most 40 of them")
    return Identity(takes_over=True, id=id_, old_places=target.is_encrypted)


def _prove(target: "Target", place: Path) -> None:
    """That the kit opens a backup, and that there is room for it here: before anything is written.

    Raises:
        BackupError: it does not, or there is not.
    """
    from edge.backup.restore import refuse_other
    from edge.backup.room import Room

    refuse_other(place)
    with _room_folder(target, place, scratch=True) as folder, Room(folder, target).repository() as repository:
        repository.required()


def _choice(options: argparse.Namespace) -> "Choice":
    from edge.backup.restore import Choice

    days = parse_days(options.day, datetime.now().date()) if options.day else None
    return Choice(days, tuple(options.label), options.database_only)


@contextmanager
def _room_folder(target: "Target", data_dir: Path, *, scratch: bool) -> Iterator[Path]:
    """Where rclone's configuration and its files lie: the data folder, or one that goes again."""
    from edge.backup import target as targets

    if not scratch:
        yield data_dir
        return
    with tempfile.TemporaryDirectory(prefix="edge-restore-") as folder:
        targets.save(Path(folder), target)
        yield Path(folder)


def _read_kit(place: str) -> "Target":
    from edge.backup.target import read_kit

    try:
        return read_kit(sys.stdin.read() if place == "-" else Path(place).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{place}: cannot be read: {error}", hint="name the file with the recovery kit") from error


def _told_by(bar: "Bar") -> "Told":
    return lambda step: bar.step(f"{step.what} {step.packs} of {step.of_packs}", step.files)


def _print(options: argparse.Namespace, done: Any, stamp: str) -> int:
    damaged = getattr(done, "damaged", ())
    if options.json:
        print_json({"snapshot": stamp, **msgspec.to_builtins(done._asdict())})
    elif hasattr(done, "packs_bytes"):
        print(
            f"snapshot {stamp}: {done.files} files, {done.size_bytes / 1e6:.1f} MB; {done.packs} packs, {done.packs_bytes / 1e6:.1f} MB"
        )
    else:
        print(f"snapshot {stamp}: {done.files} files restored")
    for pack in damaged:
        print(f"missing or damaged: {pack}", file=sys.stderr)
    return 1 if damaged else 0
