"""A device on a UPS whose battery runs low: the service manager is asked to shut it down."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.test_device_power import nut
from tests.support import ROOT, environment, until

pytestmark = pytest.mark.e2e

CONFIG = """
[paths]
models = "{models}"
[detector]
model = "mobilenet_v1_025_imagenet"
[[camera]]
name = "yard"
source = "test:"
[power]
nut = "@127.0.0.1:{port}"
stop_after_s = {after_s}
[limits]
settle_s = 0.3
poll_s = 0.1
"""
SYSTEMCTL = """#!/bin/sh
echo "$*" >>{asked}
"""


def started(folder: Path, port: int, models: Path, after_s: float) -> "subprocess.Popen[bytes]":
    """The appliance, with a service manager that writes down what it is asked for."""
    programs = folder / "bin"
    programs.mkdir()
    (programs / "systemctl").write_text(SYSTEMCTL.format(asked=folder / "asked"))
    (programs / "systemctl").chmod(0o755)
    config = folder / "edge.toml"
    config.write_text(CONFIG.format(models=models, port=port, after_s=after_s))
    variables = environment() | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    command = [sys.executable, "-m", "edge", "run", "--config", str(config), "--data", str(folder / "data")]
    with (folder / "log").open("ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, env=variables)


def test_mains_that_come_back_in_time_take_it_back_and_a_low_battery_shuts_down(tmp_path: Path, shared: Path) -> None:
    with nut(tmp_path / "nut") as ups:
        program = started(tmp_path, ups.port, shared / "models", 8.0)
        log = tmp_path / "log"
        try:
            until(lambda: " started device=" in log.read_text(), 60, "the start")
            ups.becomes("OB LB DISCHRG", 9)
            until(lambda: log.read_text().count("the device stops in 8 s") == 1, 30, "the warning")
            ups.becomes("OL CHRG", 30)
            until(lambda: "the device goes on" in log.read_text(), 30, "the word that it goes on")
            ups.becomes("OB DISCHRG", 60)
            assert not (tmp_path / "asked").exists()
            ups.becomes("OB LB DISCHRG", 8)
            until(lambda: (tmp_path / "asked").exists(), 60, "the shutdown")
            assert log.read_text().count("the device stops in 8 s") == 2
            assert (tmp_path / "asked").read_text() == "--no-block poweroff\n"
        finally:
            program.terminate()
            try:
                assert program.wait(30) == 0
            finally:
                program.kill()
                program.wait()
