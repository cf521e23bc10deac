"""kill -9 at any moment: no work is lost, none runs after it was done, chains complete."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge.work import Existing, OneTimeWork, PeriodicWork, WorkOnChange, WorkState, begin
from edge.work.store import WorkStore
from tests.support import ROOT, environment
from tests.work_program import EFFECTS, LOG, FastClock

ROUNDS = 30
LONGEST_S = 0.5
LAST_S = 60.0


@pytest.mark.timeout(240)
def test_nothing_is_lost_over_thirty_kills(tmp_path: Path) -> None:
    seed = random.randrange(1 << 30)
    print(f"seed {seed}")
    chance = random.Random(seed)
    store = WorkStore(tmp_path, FastClock())
    chains, works = enqueue(store, tmp_path)
    assert len(works) == 20
    done: dict[str, int] = {}
    for _ in range(ROUNDS):
        killed_during_work(tmp_path, chance.uniform(0, LONGEST_S))
        check_none_ran_after(tmp_path, done)
        lines = log_of(tmp_path)
        done |= {
            work.id: len(lines)
            for work in store.find("all")
            if work.state is WorkState.SUCCEEDED and work.id not in done
        }
        assert {work.id for work in store.find("all")} == works, "none is lost"
    finish_all(tmp_path, store)
    check_none_ran_after(tmp_path, done)
    kept = store.find("all")
    store.close()

    assert {work.id for work in kept} == works
    assert all(work.request.series or work.state is WorkState.SUCCEEDED for work in kept)
    assert {path.name for path in (tmp_path / EFFECTS).iterdir()} == works, (
        "each had its effect, and nothing else had one"
    )
    lines = log_of(tmp_path)
    for first, second in chains:
        assert lines.index(f"end {first}") < lines.index(f"start {second}"), "a chain runs in order"
    starts = [line for line in lines if line.startswith("start ")]
    assert len(starts) > len(works), "at least once: some were cut off and ran again"


def enqueue(store: WorkStore, folder: Path) -> tuple[list[tuple[str, str]], set[str]]:
    """Twenty works of all kinds; those pairs of them of which one waits for the other, and all."""
    tickets = [store.enqueue(begin(OneTimeWork("light").after(200 * number))) for number in range(4)]
    tickets += [store.enqueue(begin(OneTimeWork("heavy").after(400 * number))) for number in range(3)]
    tickets += [store.enqueue(begin(OneTimeWork("again").backing_off(10).after(100 * number))) for number in range(2)]
    tickets.append(store.enqueue(begin(OneTimeWork("light").at_once())))
    tickets.append(store.enqueue(begin(OneTimeWork("light").long_running()), name="n", existing=Existing.REPLACE))
    tickets.append(store.enqueue(begin(PeriodicWork("light", every=150))))
    tickets.append(store.enqueue(begin(PeriodicWork("heavy", every=600, flex=300))))
    tickets.append(store.enqueue(begin(PeriodicWork("light", cron="*/10 * * * *"))))
    tickets.append(store.enqueue(begin(WorkOnChange("light", str(folder / EFFECTS), update_delay_s=10))))
    line = store.enqueue(begin(OneTimeWork("light")).then(OneTimeWork("heavy")).then(OneTimeWork("light").after(300)))
    fork = store.enqueue(begin(OneTimeWork("heavy")).then(OneTimeWork("light")))
    pairs = [(line.ids[0], line.ids[1]), (line.ids[1], line.ids[2]), (fork.ids[0], fork.ids[1])]
    return pairs, {id_ for ticket in (*tickets, line, fork) for id_ in ticket.ids}


def start(folder: Path) -> "subprocess.Popen[bytes]":
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.work_program", str(folder)], stdout=subprocess.PIPE, cwd=ROOT, env=environment()
    )
    assert program.stdout is not None
    assert program.stdout.readline() == b"running\n"
    return program


def killed_during_work(folder: Path, after_s: float) -> None:
    program = start(folder)
    try:
        time.sleep(after_s)
    finally:
        program.kill()
        program.communicate()


def finish_all(folder: Path, store: WorkStore) -> None:
    program = start(folder)
    try:
        deadline_s = time.monotonic() + LAST_S
        while not all(is_through(work.state, work.periods) for work in store.find("all")):
            assert time.monotonic() < deadline_s, [
                (work.request.worker, work.state, work.attempts) for work in store.find("all")
            ]
            time.sleep(0.1)
    finally:
        program.kill()
        program.communicate()


def is_through(state: WorkState, periods: int) -> bool:
    return state is WorkState.SUCCEEDED or periods > 0


def check_none_ran_after(folder: Path, done: dict[str, int]) -> None:
    """`done`: how long the log was when a work was first seen to have succeeded."""
    lines = log_of(folder)
    for id_, length in done.items():
        assert f"start {id_}" not in lines[length:], "it ran after it was done"


def log_of(folder: Path) -> list[str]:
    path = folder / LOG
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
