"""`edge backup setup|mirror|now|list|show|status|kit|verify|prune|take-over`: snapshots of this device on any rclone remote."""

import argparse
import os
import sys
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from edge.cli import backup_setup
from edge.cli.backup_setup import print_kit
from edge.cli.common import add_config_options, config_file, load_config, print_json

if TYPE_CHECKING:
    from edge.backup.room import Room


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser("backup", help="snapshots of this device on another machine or disk", description=__doc__)
    actions = parser.add_subparsers(metavar="ACTION", required=True)
    backup_setup.add_parsers(actions)
    for name, handler, text in (
        ("now", take_now, "take a snapshot now"),
        ("list", list_all, "the snapshots that are there"),
        ("show", show, "what a snapshot holds"),
        ("status", status, "how the backup stands, without asking the remote"),
        ("kit", kit, "print the recovery kit; keep it away from the device"),
        ("verify", verify, "is everything there, and what it should be"),
        ("prune", prune, "delete old snapshots and what only they need"),
        ("take-over", take_it_over, "this card writes the backup from now on, and no other"),
    ):
        action = actions.add_parser(name, help=text)
        action.set_defaults(handler=handler)
        add_config_options(action)
        if name not in ("kit", "take-over"):
            action.add_argument("--json", action="store_true", help="JSON")
        if name == "show":
            action.add_argument(
                "snapshot", nargs="?", default="", help="the beginning of its time or id; default: the newest"
            )
        if name == "verify":
            action.add_argument(
                "--sample", type=int, default=3, metavar="N", help="packs that are fetched and read; default: 3"
            )
            action.add_argument(
                "--drill", action="store_true", help="also restore the database and a sample, and compare"
            )
        if name == "prune":
            action.add_argument("--dry-run", action="store_true", help="only say what would go")
        if name == "kit":
            action.add_argument("--svg", metavar="FILE", help="write a page with the code as a picture, for printing")


def kit(options: argparse.Namespace) -> int:
    from edge.backup import target as targets
    from edge.backup.kit import page

    target = targets.load(load_config(options).data_dir)
    if options.svg:
        descriptor = os.open(options.svg, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(page(target))
        return 0
    return print_kit(target)


def take_now(options: argparse.Namespace) -> int:
    from edge.cli.progress import Bar
    from edge.clock import SystemClock

    room = _room(options)
    with Bar("backup") as bar, room.repository(bar.moved) as repository:
        taken = room.take(repository, SystemClock(), config_file(options), bar.step)
    if options.json:
        done = {key: value for key, value in taken._asdict().items() if key not in ("name", "database")}
        print_json({"snapshot": taken.name.stamp if taken.name else None, **done})
        return 0
    if taken.name is None:
        print("nothing is new")
    else:
        print(
            f"snapshot {taken.name.stamp}: {taken.files} new files in {taken.packs} packs, database: {taken.database}"
        )
        if taken.damaged:
            print(
                f"{taken.damaged} files are missing or damaged on this card: see `edge events check`", file=sys.stderr
            )
    if taken.mirrored:
        print(f"{taken.mirrored} files put into the mirror")
    return 0


def list_all(options: argparse.Namespace) -> int:
    room = _room(options)
    with room.repository() as repository:
        repository.required()
        names = repository.heads().snapshots
    for name in reversed(names):
        if options.json:
            print_json({"snapshot": name.stamp, "id": name.id})
        else:
            print(f"{name.stamp}  {name.made.astimezone():%Y-%m-%d %H:%M:%S}  {name.id[:12]}")
    if not names and not options.json:
        print("no snapshots", file=sys.stderr)
    return 0


def show(options: argparse.Namespace) -> int:
    from edge.backup.repository import chosen

    room = _room(options)
    with room.repository() as repository:
        repository.required()
        name = chosen(repository.heads().snapshots, options.snapshot)
        manifest = repository.manifest(name)
    if options.json:
        print_json(manifest)
        return 0
    size = sum(manifest.paths.values())
    rows = {
        "snapshot": name.stamp, "id": name.id, "device": manifest.device, "program": manifest.program, "events": manifest.events,
        "database": f"{len(manifest.database)} layers", "packs": len(manifest.packs),
        "files": sum(pack.files for pack in manifest.packs), "size": f"{size / 1e6:.1f} MB",
    }  # fmt: skip
    for key, value in rows.items():
        print(f"{key:9} {value}")
    return 0


def status(options: argparse.Namespace) -> int:
    from edge.backup.status import status_of

    config = load_config(options)
    now = status_of(config.data_dir)
    if options.json:
        print_json(now)
        return 0
    last = datetime.fromtimestamp(now.finished_wall_s).strftime("%Y-%m-%d %H:%M:%S") if now.finished_wall_s else "never"
    for key, value in {
        "target": now.target, "last": last, "waiting": f"{now.waiting} changes",
        "secured": f"{now.packs} packs, {now.packs_bytes / 1e6:.1f} MB",
        "proven": now.proven or "never restored for proof: `edge backup verify --drill`",
    }.items():  # fmt: skip
        print(f"{key:9} {value}")
    return 0


def verify(options: argparse.Namespace) -> int:
    from edge.backup.verify import drill
    from edge.backup.verify import verify as look

    room = _room(options)
    with room.repository() as repository:
        repository.required()
        report = look(repository, sample=max(0, options.sample))
        proof = drill(room.data_dir, repository) if options.drill else None
    if options.json:
        print_json({"report": report, "drill": proof})
    else:
        print(
            f"{report.snapshots} snapshots, {report.files} files, {report.size_bytes / 1e6:.1f} MB; {report.sampled} packs read"
        )
        for problem in report.problems:
            print(f"  {problem}", file=sys.stderr)
        if proof is not None:
            print(f"drill: {proof.events} events and {proof.files} files restored and compared")
    return 1 if report.problems else 0


def prune(options: argparse.Namespace) -> int:
    from edge.backup.mirror import sweep_mirror
    from edge.backup.prune import prune as go
    from edge.clock import SystemClock

    config = load_config(options)
    room = _room(options)
    with room.repository() as repository:
        repository.required()
        done = go(repository, config.backup, SystemClock().now().wall_s, spared=room.paths(), dry_run=options.dry_run)
        mirrored = 0
        if room.target.mirror:
            days = config.backup.mirror_days
            mirrored = sweep_mirror(repository.remote, date.today(), days, dry_run=options.dry_run)
    if options.json:
        print_json({**done._asdict(), "mirrored": mirrored})
    else:
        verb = "would go" if options.dry_run else "gone"
        print(f"{done.snapshots} snapshots and {done.files} files {verb}; {done.left} files wait for another time")
        if mirrored:
            print(f"{mirrored} files of the mirror {verb}")
    return 0


def take_it_over(options: argparse.Namespace) -> int:
    from edge.backup.restore import take_over
    from edge.clock import SystemClock

    room = _room(options)
    with room.repository() as repository:
        marker = repository.required()
        take_over(repository, room.data_dir, marker.repository, SystemClock())
    return 0


def _room(options: argparse.Namespace) -> "Room":
    from edge.backup.rate import timetable_of
    from edge.backup.room import Room

    config = load_config(options)
    return Room.of(config.data_dir, config.backup.limit_kb_per_s, timetable_of(config.backup.timetable))
