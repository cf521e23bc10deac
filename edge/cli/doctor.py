"""`edge doctor`: is this machine fit to run the appliance, and if not, what to do."""

import argparse
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from edge.cli.common import add_config_options, config_file, load_config, print_json
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
    for finding in findings_of(options):
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


def findings_of(options: argparse.Namespace) -> Iterator[Any]:
    """Of the configuration, then of the machine; they come as they are made."""
    from edge.doctor import Patient, examine
    from edge.doctor.port import from_error

    config = Config()
    try:
        config = load_config(options)
        yield _checked(config, is_there=config_file(options) is not None)
    except (ConfigError, OSError) as error:
        # The rest is worth knowing too.
        yield from_error("fail", "config", error)
    yield from examine(Patient(config))


def _checked(config: Config, *, is_there: bool) -> Any:
    """Whether `edge run` would take it. Raises ConfigError."""
    from edge.doctor import Finding
    from edge.wiring.checking import check_config

    if not is_there:
        value = "there is none: the defaults are looked at"
        return Finding(level="warn", what="config", value=value, remedy="write one: docs/configuration.md")
    check_config(config)
    return Finding(level="ok", what="config", value=f"cameras: {len(config.camera)}; data: {config.data_dir}")


def _write_bundle(options: argparse.Namespace, findings: list[Any]) -> None:
    from edge.doctor.bundle import write_bundle

    try:
        config = load_config(options)
    except ConfigError:
        config = Config()
    write_bundle(options.bundle, config, findings)
    if not options.json:
        print(f"written: {options.bundle}; look into it before you send it")
