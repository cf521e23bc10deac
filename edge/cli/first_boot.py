"""`edge first-boot`: make this device somebody, and take in what lies on the boot partition. Run at every start, before everything else."""

import argparse
from pathlib import Path
from typing import Any

from edge.cli.common import print_json
from edge.config import Config, default_data_dir


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser(
        "first-boot", help="identity, configuration and passwords of a flashed device", description=__doc__
    )
    parser.add_argument("--boot", type=Path, metavar="DIR", help="default: /bootcfg, else /boot/firmware, else /boot")
    parser.add_argument("--etc", type=Path, default=Path("/etc"), metavar="DIR", help="the device's own; default: /etc")
    parser.add_argument("--data", type=Path, metavar="DIR", help="default: as everywhere, /var/lib/edge")
    parser.add_argument("--default", type=Path, metavar="FILE", help="edge.toml of a device whose owner gave none")
    parser.add_argument("--user", default="edge", help="who runs the program; default: edge")
    parser.add_argument("--no-apply", action="store_true", help="leave the running kernel alone: only write files")
    parser.add_argument("--json", action="store_true", help="the report as one JSON object")
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    from edge import appliance
    from edge.appliance.first_boot import first_boot
    from edge.appliance.places import Places, boot_folder, is_flashed, why_no_data

    places = Places(
        boot=options.boot or boot_folder(),
        etc=options.etc,
        data=(options.data or default_data_dir()).resolve(),
        default=options.default or Path(appliance.__file__).with_name("edge.toml"),
        user=options.user,
        is_card=options.etc != Path("/etc") or is_flashed(),
        no_data=why_no_data(),
    )
    report = first_boot(places, _check, apply=not options.no_apply)
    if options.json:
        print_json(report)
        return 0
    print(f"{report.device} is {report.host}; cameras: {', '.join(report.cameras) or 'none'}")
    for problem in report.problems:
        print(f"wrong: {problem}")
    return 0


def _check(config: Config) -> None:
    """Only for a file that is new: all that can be asked for is loaded for it."""
    from edge.wiring.checking import check_part

    check_part(config)
