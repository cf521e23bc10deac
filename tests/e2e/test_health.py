"""`edge health` over the running program."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support import edge, start_edge, until

pytestmark = pytest.mark.e2e

CONFIG = """
[paths]
models = "{models}"
[detector]
model = "mobilenet_v1_025_imagenet"
[[camera]]
name = "yard"
source = "{source}"
{more}
"""


def health(data: Path, *more: object) -> tuple[int, dict[str, Any]]:
    done = edge("health", "--data", data, "--json", *more)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def test_nothing_runs(tmp_path: Path) -> None:
    code, said = health(tmp_path)
    assert (code, said["well"]) == (1, False)
    assert "no appliance runs" in said["checks"][0]["found"]


@pytest.mark.parametrize(("source", "well"), [("test:", True), ("file:/nowhere.mp4", False)])
def test_a_running_program_is_asked(tmp_path: Path, shared: Path, source: str, well: bool) -> None:
    config, data = tmp_path / "edge.toml", tmp_path / "data"
    config.write_text(
        CONFIG.format(models=shared / "models", source=source, more='[mqtt]\nhost = "127.0.0.1"\nport = 1')
    )
    program = start_edge("run", "--config", config, "--data", data, log=tmp_path / "log")
    try:
        until(lambda: (data / "control.sock").exists() or program.poll() is not None, 60, "the start")
        code, said = health(data, "--wait", 40 if well else 3)
        found = {check["what"]: check for check in said["checks"]}
        assert (code, said["well"]) == (0 if well else 1, well), found
        assert "outbox" in found["messages"]["found"]
        assert found["frames"]["well"] is well
        assert json.loads((data / "health.json").read_text())["checks"]
    finally:
        program.terminate()
        try:
            program.wait(30)
        except subprocess.TimeoutExpired:
            program.kill()
            program.wait()


def test_what_the_first_boot_found_wrong_is_a_state(tmp_path: Path, shared: Path) -> None:
    boot, data = tmp_path / "boot", tmp_path / "data"
    boot.mkdir()
    (boot / "edge.toml").write_text(
        CONFIG.format(models=shared / "models", source="test:", more='[retention]\ndays = -3\n[mqtt]\nhost = ""\n')
    )
    arguments = ["--boot", boot, "--etc", tmp_path / "etc", "--data", data, "--no-apply"]
    assert "retention.days is -3" in edge("first-boot", *arguments, check=True).stdout
    config = tmp_path / "etc/edge/edge.toml"
    program = start_edge("run", "--config", config, "--data", data, log=tmp_path / "log")
    try:
        until(lambda: (data / "control.sock").exists() or program.poll() is not None, 60, "the start")
        found = json.loads(edge("ask", "status", "--data", data, check=True).stdout)
        (part,) = [each for each in found if each["part"] == "configuration"]
        assert (part["name"], part["state"]) == ("owner", "degraded")
        assert part["cause"].startswith("edge.toml: retention.days is -3")
    finally:
        program.terminate()
        program.wait(40)
