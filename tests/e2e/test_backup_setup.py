"""Setting a backup up at a terminal: a person is asked, what is secret is not shown, and nothing is left behind that does not work."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from edge.backup.target import is_set_up, load, read_kit
from tests.backup_rig import PASSWORD, USER, served
from tests.support import ROOT, edge, environment

pytestmark = pytest.mark.e2e
WAIT_S = 60.0


def at_a_terminal(arguments: Sequence[object], answers: Sequence[tuple[str, str]]) -> tuple[int, str]:
    """Type each answer when its question has come. Exit code, and all that was on the screen."""
    terminal, end = os.openpty()
    command = [sys.executable, "-m", "edge", *map(str, arguments)]
    screen = ""
    with subprocess.Popen(
        command, cwd=ROOT, env=environment(), stdin=end, stdout=end, stderr=end, start_new_session=True
    ) as process:
        os.close(end)
        try:
            for question, answer in answers:
                screen += _until(terminal, question)
                os.write(terminal, f"{answer}\n".encode())
            screen += _until(terminal, "")
            return process.wait(WAIT_S), screen
        finally:
            os.close(terminal)
            process.kill()


def _until(terminal: int, words: str) -> str:
    """What comes until these words, or until the end."""
    seen, deadline_s = "", time.monotonic() + WAIT_S
    while not words or words not in seen:
        assert select.select([terminal], [], [], max(0.0, deadline_s - time.monotonic()))[0], (
            f"no {words!r} in {seen!r}"
        )
        try:
            seen += os.read(terminal, 4096).decode(errors="replace")
        except OSError:  # how a terminal says that nobody is there any more
            assert not words, f"no {words!r} in {seen!r}"
            return seen
    return seen


def test_a_person_is_walked_through_and_gets_the_kit(tmp_path: Path) -> None:
    (tmp_path / "remote" / "b").mkdir(parents=True)
    with served("webdav", tmp_path / "remote") as options:
        answers = [
            ("where to", "webdav"), ("address", options["url"]), ("nextcloud", ""), ("user", USER),
            ("password", PASSWORD), ("folder there", "b/home"), ("encrypt", ""), ("plain pictures", ""),
        ]  # fmt: skip
        code, screen = at_a_terminal(["backup", "setup", "--data", tmp_path / "data"], answers)
        assert code == 0, screen
        assert "can be written, read and deleted from" in screen
        assert PASSWORD not in screen
        assert edge("backup", "now", "--data", tmp_path / "data").returncode == 0
    kit = screen.replace("\r", "")
    kit = kit[kit.index("format = 1") :].partition("\n\n")[0]
    assert read_kit(kit) == load(tmp_path / "data")


def test_what_does_not_work_is_not_set_up(tmp_path: Path) -> None:
    (tmp_path / "remote" / "b").mkdir(parents=True)
    password = tmp_path / "password"
    password.write_text("not it\n")
    with served("webdav", tmp_path / "remote") as options:
        remote = [f"--set={key}={options[key]}" for key in ("url", "vendor", "user")]
        asked = ["--type", "webdav", "--path", "b", *remote, "--secret", f"pass={password}"]
        done = edge("backup", "setup", *asked, "--data", tmp_path / "data")
        assert (done.returncode, "refuses us" in done.stderr) == (1, True)
    assert not is_set_up(tmp_path / "data")
    nowhere = ["--type", "webdav", "--path", "b", "--set=url=http://127.0.0.1:1", "--set=vendor=other"]
    done = edge("backup", "setup", *nowhere, "--data", tmp_path / "data")
    assert (done.returncode, "cannot be reached" in done.stderr) == (1, True)
    silent = edge("backup", "setup", "--data", tmp_path / "data")
    assert (silent.returncode, "no path" in silent.stderr) == (2, True), "nobody can be asked"
    assert not is_set_up(tmp_path / "data")


def test_a_place_that_has_another_backup_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    asked = ["backup", "setup", "--type", "local", "--path", remote, "--plain"]
    edge(*asked, "--data", tmp_path / "one", check=True)
    edge("backup", "now", "--data", tmp_path / "one", check=True)
    before = {path: path.read_bytes() for path in remote.rglob("*") if path.is_file()}
    refused = edge(*asked, "--data", tmp_path / "two")
    assert (refused.returncode, "another backup already" in refused.stderr) == (1, True)
    assert not is_set_up(tmp_path / "two")
    assert {path: path.read_bytes() for path in remote.rglob("*") if path.is_file()} == before
