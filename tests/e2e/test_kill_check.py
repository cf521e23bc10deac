"""kill -9 at any moment, with events and retention running: database and files agree after each."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from edge.identity import cut_since
from edge.store.check import Checker
from edge.store.events import EventStore
from edge.store.removal import Remover
from tests.support import ROOT, edge, environment, start_edge, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

WRITER_ROUNDS, WRITER_LONGEST_S = 24, 0.6
PROGRAM_ROUNDS, PROGRAM_LONGEST_S = 6, 2.5


def nothing_unexplained(data_dir: Path) -> None:
    done = edge("events", "check", "--hashes", "--json", "--data", data_dir)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [finding for finding in found if not finding["explained"]] == []
    assert done.returncode == 0, done.stderr


def start_writer(data_dir: Path, log: Path) -> "subprocess.Popen[bytes]":
    with log.open("ab") as file:
        command = [sys.executable, "-m", "tests.writer", str(data_dir)]
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=ROOT, env=environment()
        )


def killed(start: Callable[[], "subprocess.Popen[bytes]"], log: Path, mark: bytes, after_s: float) -> None:
    seen = log.stat().st_size if log.exists() else 0
    program = start()
    try:
        until(lambda: mark in log.read_bytes()[seen:] or program.poll() is not None, 30, "the start")
        time.sleep(after_s)
        assert program.poll() is None, log.read_text()
    finally:
        program.kill()
        program.wait()


def test_keeping_and_deleting_at_full_speed(tmp_path: Path) -> None:
    data_dir, log, seed = tmp_path / "data", tmp_path / "log", random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    left: list[str] = []
    for _ in range(WRITER_ROUNDS):
        killed(lambda: start_writer(data_dir, log), log, b"started", chance.uniform(0, WRITER_LONGEST_S))
        found = Checker(data_dir, cut_since_s=cut_since(data_dir)).check(hashes=True)
        assert [finding for finding in found if not finding.explained] == []
        left += [finding.what for finding in found]
    assert "open" in left, "it was killed in the middle of something"
    store, remover = EventStore(data_dir), Remover(data_dir)
    last = store.newest(1)[0]
    assert last.picture is not None
    assert log.read_text().count("retention deleted") > WRITER_ROUNDS // 2
    assert remover.total_bytes() < 3_000_000, "retention keeps up over all the kills"
    store.close()
    remover.close()


def test_the_whole_program(base_dir: Path, tmp_path: Path) -> None:
    data_dir, log, seed = tmp_path / "data", tmp_path / "log", random.randrange(1 << 30)
    print(f"seed {seed}")
    chance, config = random.Random(seed), tmp_path / "edge.toml"
    config.write_text(
        f"""
        [paths]
        data = "{data_dir}"
        models = "{base_dir / "models"}"
        [[camera]]
        name = "street"
        source = "file:{base_dir / "samples" / "bikes.mp4"}"
        pace = "fast"
        loop = true
        [tracking]
        lost_after_s = 0.3
        [retention]
        max_mb = 2
        [clips]
        mode = "encode"
        pre_s = 1
        post_s = 0.5
        max_s = 5
        """
    )
    for _ in range(PROGRAM_ROUNDS):
        killed(
            lambda: start_edge("run", "--config", config, log=log),
            log,
            b"started device",
            chance.uniform(0, PROGRAM_LONGEST_S),
        )
        nothing_unexplained(data_dir)
    assert log.read_bytes().count(b"the last run was cut off") == PROGRAM_ROUNDS - 1
    done = edge("run", "--once", "--config", finite(config))
    assert done.returncode == 0, done.stderr
    nothing_unexplained(data_dir)
    clips = list((data_dir / "clips").rglob("*.mp4"))
    assert len(clips) > 0, "there were clips, over all the kills"
    for clip in clips:
        assert pictures_in(clip) > 0
    assert not list((data_dir / "clips").rglob(".*"))


def finite(config: Path) -> Path:
    """The same with a camera that ends."""
    path = config.with_name("finite.toml")
    path.write_text(config.read_text().replace("loop = true", ""))
    return path


def pictures_in(clip: Path) -> int:
    import av

    with av.open(str(clip)) as container:
        return sum(1 for _ in container.decode(video=0))
