"""`edge doctor`: is this machine fit to run the appliance, and if not, what to do."""

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge.cli.common import add_config_options, load_config, print_json
from edge.config import Config
from edge.errors import ConfigError


def add_parser(verbs: Any) -> None:
    parser = verbs.add_parser(
        "doctor",
        help="check this machine: runtime, model, accelerator; exit code 1 if anything fails",
        description=__doc__,
    )
    add_config_options(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object with all findings")
    parser.add_argument(
        "--bundle",
        type=Path,
        metavar="FILE",
        help="write findings, configuration, states and log there, without secrets",
    )
    parser.set_defaults(handler=handle)


def handle(options: argparse.Namespace) -> int:
    logging.getLogger("edge.device").setLevel(logging.ERROR)  # what fails is shown
    findings = []
    for finding in _findings(options):
        findings.append(finding)
        if not options.json:
            print(f"{finding.level:5} {finding.what:10} {finding.value}", flush=True)
            if finding.remedy:
                print(f"{'':16} → {finding.remedy}")
    failed = any(finding.level == "fail" for finding in findings)
    if options.bundle:
        _write_bundle(options, findings)
    if options.json:
        print_json({"healthy": not failed, "findings": findings})
    return 1 if failed else 0


def _findings(options: argparse.Namespace) -> Iterator[Any]:
    from edge.doctor import Finding, Patient, examine

    try:
        config = load_config(options)
    except ConfigError as error:
        # The rest is worth knowing too.
        yield Finding(level="fail", what="config", value=str(error.args[0]), remedy=error.hint)
        config = Config()
    yield from _asked(config)
    yield from examine(Patient(config))


def _asked(config: Config) -> Iterator[Any]:
    """Whether buttons, rules and the like ask for what there is."""
    from edge.doctor import Finding
    from edge.wiring.asked import check_asked

    try:
        check_asked(config)
        yield Finding(level="ok", what="config", value=f"cameras: {len(config.camera)}; data: {config.data_dir}")
    except ConfigError as error:
        yield Finding(level="fail", what="config", value=str(error.args[0]), remedy=error.hint)


def _write_bundle(options: argparse.Namespace, findings: list[Any]) -> None:
    from edge.doctor.bundle import write_bundle

    try:
        config = load_config(options)
    except ConfigError:
        config = Config()
    write_bundle(options.bundle, config, findings)
    if not options.json:
        print(f"written: {options.bundle}; look into it before you send it")
