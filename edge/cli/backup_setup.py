"""`edge backup setup` and `edge backup mirror`: where the backup goes, asked for or by options, tested before it counts."""

import argparse
import getpass
import sys
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from edge.cli.common import add_config_options, config_file, load_config
from edge.errors import BackupError

if TYPE_CHECKING:
    from edge.backup.probing import Rights
    from edge.backup.target import Target


def add_parsers(actions: Any) -> None:
    setup = actions.add_parser("setup", help="say where the backup goes, test it, and print the recovery kit")
    setup.add_argument(
        "--type", metavar="TYPE", help="of rclone's: local, s3, sftp, webdav, drive …; default: asked for"
    )
    setup.add_argument("--path", metavar="PATH", help="folder on the remote, with the bucket first where it has those")
    setup.add_argument(
        "--set", metavar="KEY=VALUE", action="append", default=[], help="an option of rclone's for this type"
    )
    setup.add_argument(
        "--secret", metavar="KEY=FILE", action="append", default=[], help="an option whose value stands in a file"
    )
    setup.add_argument(
        "--from", dest="section", metavar="FILE:NAME", help="take type and options from a section of an rclone.conf"
    )
    setup.add_argument("--plain", action="store_true", help="do not encrypt")
    setup.add_argument(
        "--mirror", metavar="PATH", default="", help="also plain pictures by day in this folder, for people"
    )
    setup.add_argument("--check", action="store_true", help="only test the remote that is set up")
    setup.add_argument(
        "--new-host-key",
        action="store_true",
        help="take the host key that the SFTP server has now; nothing else changes",
    )
    setup.set_defaults(handler=set_up)
    mirror = actions.add_parser("mirror", help="also plain pictures by day on the remote, for people to look at")
    mirror.add_argument("path", metavar="PATH", nargs="?", default="", help="folder there; none: no mirror from now on")
    mirror.set_defaults(handler=set_mirror)
    for parser in (setup, mirror):
        add_config_options(parser)


def set_up(options: argparse.Namespace) -> int:
    from edge.backup import target as targets
    from edge.backup.host_key import forgotten
    from edge.backup.journal import Journal
    from edge.backup.probing import probe
    from edge.backup.room import Room
    from edge.backup.setting_up import make_target, read_options
    from edge.identity import device_id

    config = load_config(options)
    if options.new_host_key:
        return _change(config.data_dir, forgotten(targets.load(config.data_dir)))
    if options.check:
        print(_words_of(probe(Room.of(config.data_dir))))
        return 0
    if targets.is_set_up(config.data_dir):
        print("there is a backup already: this one begins anew elsewhere, the old one stays as it is", file=sys.stderr)
    answers = read_options(
        options.type, options.path, options.set, options.secret, options.section, options.mirror, encrypted=not options.plain
    )  # fmt: skip
    if not (answers.kind and answers.path) and sys.stdin.isatty():
        from edge.backup.guide import walk

        answers = walk(Terminal(), answers)
    target = make_target(config.device.id or device_id(config.data_dir), answers)
    target, rights = _tested(target)
    targets.save(config.data_dir, target)
    with closing(Journal(config.data_dir)) as journal:
        if (file := config_file(options)) is not None:
            journal.set_state(config=str(file.resolve()))
    print(f"backup: {target.words}")
    _tell_host_keys(target)
    print(_words_of(rights))
    print("\nRecovery kit: write it down or print it (`edge backup kit`), and keep it away from the device.")
    print("Without it nobody can read the backup.\n" if target.is_encrypted else "")
    return print_kit(target)


def set_mirror(options: argparse.Namespace) -> int:
    from edge.backup import target as targets

    data_dir = load_config(options).data_dir
    return _change(data_dir, msgspec.structs.replace(targets.load(data_dir), mirror=options.path))


def _change(data_dir: Path, wanted: "Target") -> int:
    """The backup that is set up, with other settings; tested before they count."""
    from edge.backup import target as targets

    target, _ = _tested(wanted)
    targets.save(data_dir, target)
    print(f"backup: {target.words}")
    if target.options != wanted.options:
        _tell_host_keys(target)
    if target.mirror:
        print("whoever can read the remote can see the pictures of the mirror")
    print("the recovery kit has changed: `edge backup kit`")
    return 0


def _tested(target: "Target") -> "tuple[Target, Rights]":
    """In a folder that goes again: what does not work is not set up. The target comes back with the host key of its server.

    Raises:
        BackupError: the remote cannot be written or read, or holds the backup of something else.
    """
    from edge.backup import target as targets
    from edge.backup.host_key import is_unchecked, pin
    from edge.backup.probing import probe
    from edge.backup.room import Room

    with tempfile.TemporaryDirectory(prefix="edge-setup-") as name:
        folder = Path(name)
        if is_unchecked(target):
            target = pin(folder, target)
        targets.save(folder, target)
        room = Room(folder, target)
        with room.repository() as repository:
            marker = repository.marker()
        if marker is not None and marker.repository != target.repository:
            raise BackupError(
                f"{target.words}: there is another backup already",
                hint="use another path; `edge restore --new-device` goes on with that one",
            )
        return target, probe(room)


def _tell_host_keys(target: "Target") -> None:
    from edge.backup.host_key import fingerprints

    shown = fingerprints(target)
    for fingerprint in shown:
        print(f"host key: {fingerprint}")
    if shown:
        print("no other server is believed from now on: compare it with what the server says of itself")


def _words_of(rights: "Rights") -> str:
    if rights.can_delete:
        return "the remote can be written, read and deleted from"
    return "the remote can be written and read, but nothing can be deleted: prune elsewhere"


def print_kit(target: "Target") -> int:
    from edge.backup.kit import code_for_terminal
    from edge.backup.target import kit_text

    print(kit_text(target))
    if sys.stdout.isatty():
        print(code_for_terminal(target))
    return 0


class Terminal:
    """Asks whoever sits there."""

    def text(self, question: str, default: str) -> str:
        return input(f"{question} [{default}]: " if default else f"{question}: ").strip() or default

    def secret(self, question: str) -> str:
        return getpass.getpass(f"{question} (not shown): ").strip()

    def say(self, text: str) -> None:
        print(text)
