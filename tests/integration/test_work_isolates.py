"""Heavy works: a run that goes wrong ends that run, with all that it started, and nothing else."""

import asyncio
import errno
import os
import threading
import time
from pathlib import Path

import pytest

from edge.work import checks, heavy
from edge.work.observe import WorkInfo
from edge.work.request import OneTimeWork
from edge.work.runs import Limits
from edge.work.states import StopReason, WorkState
from tests.unit.test_isolate import alive
from tests.work_rig import file_is, only, until, working
from tests.work_workers import LOG


def back_again(info: WorkInfo) -> bool:
    return info.state is WorkState.ENQUEUED and info.attempts > 0


async def beside(work_and_check: "asyncio.Future[object]") -> int:
    """How long the loop was held up at the most, in ms, while that went on."""
    worst_s = 0.0
    while not work_and_check.done():
        begin_s = time.monotonic()
        await asyncio.sleep(0.01)
        worst_s = max(worst_s, time.monotonic() - begin_s - 0.01)
    return round(worst_s * 1000)


async def test_heavy_work_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, _):
        info = await work.result(await only(work, OneTimeWork("heavy-note", colour="red")))
    assert info.state is WorkState.SUCCEEDED
    assert info.output["ppid"] == os.getpid() != info.output["pid"]
    assert info.output["colour"] == "red"
    assert (tmp_path / LOG).read_text() == f"nice {min(19, os.getpriority(os.PRIO_PROCESS, 0) + 19)}\n"


async def test_an_exception_of_a_heavy_worker_fails(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, _):
        info = await work.result(await only(work, OneTimeWork("heavy-raises")))
    assert (info.state, info.message) == (WorkState.FAILED, "OSError: the disk is on fire")


async def test_a_segfault(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, _):
        info = await until(work, await only(work, OneTimeWork("segfault")), back_again)
        assert info.stop_reason is StopReason.CRASH
        assert "killed by SIGSEGV" in info.message
        assert (await work.result(await only(work, OneTimeWork("heavy-note")))).state is WorkState.SUCCEEDED


async def test_a_crash_counts_against_max_attempts(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, _):
        info = await work.result(await only(work, OneTimeWork("segfault").giving_up_after(1)))
    assert info.state is WorkState.FAILED
    assert info.message.startswith("gave up after 1 attempts")


async def test_a_hang(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, _):
        id_ = await only(work, OneTimeWork("hang").within(3))
        await file_is(tmp_path / LOG, "hanging")
        begin_s = time.monotonic()
        info = await until(work, id_, back_again)
        assert time.monotonic() - begin_s < 10
    assert info.stop_reason is StopReason.TIMEOUT


@pytest.mark.parametrize("slowly", [False, True])
async def test_eating_memory(tmp_path: Path, slowly: bool) -> None:
    async with working(tmp_path) as (work, _):
        info = await until(work, await only(work, OneTimeWork("eat", slowly=slowly)), back_again)
    assert info.stop_reason is StopReason.CRASH
    assert "more than 64" in info.message


async def test_a_child_that_eats_memory(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, _):
        info = await until(work, await only(work, OneTimeWork("child-eats")), back_again)
    assert info.stop_reason is StopReason.CRASH
    assert "more than 96" in info.message


async def test_a_run_that_cannot_even_begin_ends_that_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_thread(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    async with working(tmp_path) as (work, _):
        with monkeypatch.context() as patch:
            patch.setattr(heavy, "Isolate", no_thread)
            info = await until(work, await only(work, OneTimeWork("heavy-note")), back_again)
        assert (info.stop_reason, info.message) == (StopReason.CRASH, "RuntimeError: can't start new thread")
        assert (await work.result(await only(work, OneTimeWork("heavy-note")))).state is WorkState.SUCCEEDED


async def test_more_than_the_process_takes_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MAX_TAGS", 300)  # as a store has it from before there was a limit
    async with working(tmp_path) as (work, _):
        request = OneTimeWork("heavy-note").tagged(*(f"{number:0124d}" for number in range(300)))
        info = await work.result(await only(work, request))
    assert info.state is WorkState.FAILED
    assert "Begin has" in info.message


async def test_without_the_right_to_a_higher_priority_it_runs_at_the_programs_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: int) -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    monkeypatch.setattr(os, "setpriority", refused)
    async with working(tmp_path) as (work, _):
        info = await work.result(await only(work, OneTimeWork("heavy-note")))
    assert info.state is WorkState.SUCCEEDED
    assert (tmp_path / LOG).read_text() == f"nice {os.getpriority(os.PRIO_PROCESS, 0)}\n"


async def test_flooding_the_pipe(tmp_path: Path) -> None:
    """It is slowed down; the daemon's memory and its loop do not notice."""
    async with working(tmp_path) as (work, _):
        id_ = await only(work, OneTimeWork("flood").within(3))
        await file_is(tmp_path / LOG, "flooding")
        before_kb = resident_kb()
        ended = asyncio.ensure_future(until(work, id_, back_again))
        held_up_ms = await beside(ended)
        info = await ended
        assert resident_kb() - before_kb < 20_000
    assert info.stop_reason is StopReason.TIMEOUT
    assert held_up_ms < 1000


async def test_garbage_on_the_pipe(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, _):
        info = await until(work, await only(work, OneTimeWork("garbage")), back_again)
    assert info.stop_reason is StopReason.CRASH
    assert "sent what is no message" in info.message


async def test_forked_children_that_ignore_sigterm(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, _):
        id_ = await only(work, OneTimeWork("forks"))
        await file_is(tmp_path / "pids", " ")
        pids = [int(pid) for pid in (tmp_path / "pids").read_text().split()]
        assert all(map(alive, pids))
        await work.cancel("id", id_)
        async with asyncio.timeout(10):
            while any(map(alive, pids)):
                await asyncio.sleep(0.02)
    assert len(pids) == 4


async def test_nothing_is_left_behind(tmp_path: Path) -> None:
    async with working(tmp_path, limits=Limits(heavy=2, grace_s=0.5)) as (work, _):
        await work.result(await only(work, OneTimeWork("heavy-note")))
        before = descriptors()
        for name in ("heavy-note", "heavy-raises", "segfault"):
            await until(
                work,
                await only(work, OneTimeWork(name)),
                lambda info: info.attempts > 0 and info.state is not WorkState.RUNNING,
            )
        assert descriptors() == before
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith("work")]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def resident_kb() -> int:
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * 4
