"""The scheduler with real workers: starting, stopping, observing, another process at the door."""

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from edge.clock import Instant, SystemClock
from edge.errors import StoreError, WorkError
from edge.testing.device import SimulatedDevice
from edge.work import service
from edge.work.bell import ring
from edge.work.chain import begin
from edge.work.constraints import Charging, Network
from edge.work.enqueueing import Enqueued
from edge.work.observe import WorkInfo
from edge.work.request import Existing, OneTimeWork, PeriodicWork, WorkOnChange, hours
from edge.work.runs import Limits
from edge.work.service import BackgroundWork
from edge.work.states import StopReason, WorkState
from edge.work.store import WorkStore
from tests import work_workers
from tests.work_rig import file_is, only, until, working
from tests.work_workers import LOG

ENQUEUED, RUNNING = WorkState.ENQUEUED, WorkState.RUNNING
ON_BATTERY = {"source": "battery", "battery_percent": 41.0}


def running(info: WorkInfo) -> bool:
    return info.state is RUNNING


def stopped(info: WorkInfo) -> bool:
    return info.state is ENQUEUED and info.attempts > 0


async def test_one_time_work_runs_and_gives_its_output(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, _):
        info = await work.result(await only(work, OneTimeWork("note", text="hello")))
    assert info.state is WorkState.SUCCEEDED
    assert "pid" in info.output
    assert (tmp_path / LOG).read_text() == "hello\n"


async def test_a_chain_runs_in_order(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, _):
        chain = (
            begin(OneTimeWork("note", text="a")).then(OneTimeWork("note", text="b")).then(OneTimeWork("note", text="c"))
        )
        await work.result((await work.enqueue(chain)).ids[-1])
    assert (tmp_path / LOG).read_text().split() == ["a", "b", "c"]


async def test_work_waits_for_its_time(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, _):
        begin_s = asyncio.get_running_loop().time()
        await work.result(await only(work, OneTimeWork("note").after(0.4)))
        assert asyncio.get_running_loop().time() - begin_s >= 0.4


async def test_periodic_work_goes_on(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, _):
        id_ = await only(work, PeriodicWork("note", every=1.0))
        await until(work, id_, lambda info: info.periods >= 3)


async def test_tracking_starts_and_stops_with_the_work(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, device):
        device.become(power=ON_BATTERY)
        id_ = await only(work, OneTimeWork("wait").when(Charging()))
        info = await until(work, id_, lambda info: "waiting for mains power" in info.waits_for)
        assert info.waits_for.endswith(", 41 %")
        device.become()
        assert (await until(work, id_, running)).waits_for == ""
        await file_is_empty_or_missing(tmp_path / LOG)
        device.become(network={"connected": False})  # nothing that it needs
        device.become(power=ON_BATTERY)
        info = await until(work, id_, stopped)
        assert info.stop_reason is StopReason.CHARGING
        assert info.progress == {"waiting": True}
        assert "backing off until" in info.waits_for
        device.become()
        await asyncio.sleep(0.2)
        assert (await work.infos("id", id_))[0].state is ENQUEUED, "a flapping supply cannot spin it"
    assert (tmp_path / LOG).read_text() == "stop: charging\n"


async def file_is_empty_or_missing(path: Path) -> None:
    await asyncio.sleep(0.1)
    assert not path.exists() or not path.read_text()


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"power": {"source": "battery"}}, StopReason.CHARGING),
        ({"network": {"connected": False, "kind": "none"}}, StopReason.CONNECTIVITY),
        ({"network": {"metered": True}}, StopReason.METERED),
    ],
)
async def test_the_reason_of_a_lost_constraint_reaches_a_heavy_worker(
    tmp_path: Path, parts: dict[str, Any], reason: StopReason
) -> None:
    async with working(tmp_path, limits=Limits(grace_s=10)) as (work, device):
        id_ = await only(work, OneTimeWork("heavy-wait").when(Charging(), Network("unmetered")))
        await file_is(tmp_path / LOG, "waiting")
        device.become(**parts)
        info = await until(work, id_, stopped)
    assert info.stop_reason is reason
    assert f"stop: {reason.value}" in (tmp_path / LOG).read_text()


@pytest.mark.parametrize(("by", "value"), [("id", None), ("tag", "t"), ("name", "n"), ("all", "")])
async def test_cancel_while_running(tmp_path: Path, by: Any, value: str | None) -> None:
    async with working(tmp_path) as (work, _):
        id_ = await only(work, OneTimeWork("wait").tagged("t"), name="n")
        await until(work, id_, running)
        assert await work.cancel(by, id_ if value is None else value) == 1
        await file_is(tmp_path / LOG, "stop: cancelled")
        info = (await work.infos("id", id_))[0]
        assert (info.state, info.stop_reason) == (WorkState.CANCELLED, StopReason.CANCELLED)


async def test_replaced_work_is_stopped(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, _):
        await until(work, await only(work, OneTimeWork("wait"), name="n"), running)
        await work.result(await only(work, OneTimeWork("note"), name="n", existing=Existing.REPLACE))
        await file_is(tmp_path / LOG, "stop: cancelled")


async def test_a_run_that_takes_too_long_is_called_back_and_then_stopped(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, _):
        polite = await only(work, OneTimeWork("wait").within(0.2))
        deaf = await only(work, OneTimeWork("deaf").within(0.2))
        for id_ in (polite, deaf):
            assert (await until(work, id_, stopped)).stop_reason is StopReason.TIMEOUT
    assert (tmp_path / LOG).read_text() == "stop: timeout\n"


async def test_a_stop_of_the_program_stops_work_and_the_next_start_goes_on_with_it(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, _):
        id_ = await only(work, OneTimeWork("wait").after(0.0))
        await until(work, id_, running)
    store = WorkStore(tmp_path, SystemClock())
    (kept,) = store.find("id", id_)
    assert (kept.state, kept.stop_reason) == (ENQUEUED, StopReason.SHUTDOWN)
    store.make_due(id_)
    store.close()
    async with working(tmp_path) as (work, _):
        await until(work, id_, running)


async def test_update_while_running_is_for_the_next_run(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, device):
        id_ = await only(work, OneTimeWork("wait").when(Charging()), name="n")
        await until(work, id_, running)
        assert await work.update(id_, OneTimeWork("note", text="new")) is Enqueued.APPLIED_FOR_NEXT_RUN
        device.become(power=ON_BATTERY)
        await until(work, id_, stopped)
        await work.make_due(id_)
        await work.result(id_)
    assert (tmp_path / LOG).read_text() == "stop: charging\nnew\n"


async def test_places_are_bounded(tmp_path: Path) -> None:
    async with working(tmp_path, limits=Limits(light=2, heavy=1, grace_s=0.5)) as (work, _):
        for _ in range(4):
            await only(work, OneTimeWork("wait"))
            await only(work, OneTimeWork("heavy-wait"))
        await file_is(tmp_path / LOG, "waiting")
        infos = await work.infos("all")
        assert sum(info.state is RUNNING for info in infos) == 3
        assert "waiting for a free place" in {info.waits_for for info in infos}


async def test_expedited_work_gets_the_next_place(tmp_path: Path) -> None:
    async with working(tmp_path, limits=Limits(light=1, grace_s=0.5)) as (work, _):
        first = await only(work, OneTimeWork("wait"))
        await until(work, first, running)
        await only(work, OneTimeWork("note", text="later"))
        await only(work, OneTimeWork("note", text="sooner").at_once())
        await work.cancel("id", first)
        await file_is(tmp_path / LOG, "later")
    assert (tmp_path / LOG).read_text().splitlines() == ["stop: cancelled", "sooner", "later"]


async def test_a_changed_folder_starts_work(tmp_path: Path) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    async with working(tmp_path) as (work, _):
        id_ = await only(work, WorkOnChange("note", str(inbox), update_delay_s=0.1))
        assert (await work.infos("id", id_))[0].waits_for == "waiting for a change of its paths"
        (inbox / "new.jpg").write_bytes(b"picture")
        await until(work, id_, lambda info: info.periods == 1)


async def test_observe_by_id_tag_and_name(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, device):
        device.become(power=ON_BATTERY)
        request = OneTimeWork("note").tagged("t").when(Charging())
        id_ = await only(work, request, name="n")
        seen: dict[str, list[WorkState]] = {"id": [], "tag": [], "name": []}

        async def watch(by: Any, value: str) -> None:
            async for (info,) in work.observe(by, value):
                if info.state not in seen[by]:
                    seen[by].append(info.state)
                if info.state.finished:
                    return

        watchers = [asyncio.create_task(watch(*each)) for each in (("id", id_), ("tag", "t"), ("name", "n"))]
        await asyncio.sleep(0.1)
        device.become()
        async with asyncio.timeout(20):
            await asyncio.gather(*watchers)
    for states in seen.values():
        assert (states[0], states[-1]) == (ENQUEUED, WorkState.SUCCEEDED)


async def test_another_process_rings(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, _):
        await only(work, PeriodicWork("note", every=hours(1)).after(hours(1)))
        store = WorkStore(tmp_path, SystemClock())
        (id_,) = store.enqueue(begin(OneTimeWork("note"))).ids
        assert ring(tmp_path)
        await until(work, id_, lambda info: info.state.finished)
        (waits,) = store.enqueue(begin(OneTimeWork("wait"))).ids
        ring(tmp_path)
        await until(work, waits, running)
        store.cancel("id", waits)
        ring(tmp_path)
        await file_is(tmp_path / LOG, "stop: cancelled")
        store.close()
    assert not ring(tmp_path)


async def test_wrong_requests_are_refused_alone(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, _):
        answers = await asyncio.gather(
            work.enqueue(OneTimeWork("note").after(-1)), work.enqueue(OneTimeWork("note")), return_exceptions=True
        )
        assert isinstance(answers[0], WorkError)
        await work.result(answers[1].ids[0])  # type: ignore[union-attr]


@pytest.mark.parametrize("name", ["exits", "cancels-itself", "heavy-exits"])
async def test_a_worker_that_wants_to_end_the_program_only_fails(tmp_path: Path, name: str) -> None:
    async with working(tmp_path) as (work, _):
        assert (await work.result(await only(work, OneTimeWork(name)))).state is WorkState.FAILED
        await work.result(await only(work, OneTimeWork("note")))


async def test_many_are_enqueued_at_once_and_all_run(tmp_path: Path) -> None:
    async with working(tmp_path) as (work, _):
        tickets = await asyncio.gather(*(work.enqueue(OneTimeWork("note", text=f"{n}")) for n in range(300)))
        for ticket in tickets[-5:]:
            await work.result(ticket.ids[0])
        async with asyncio.timeout(20):
            while any(not info.state.finished for info in await work.infos("all")):
                await asyncio.sleep(0.05)
    assert sorted(map(int, (tmp_path / LOG).read_text().split())) == list(range(300))


async def test_a_locked_database_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Errors of the database are bounded: what a run came to is written down when it can be."""
    import sqlite3

    from edge.store import database
    from edge.work import runs, scheduler

    monkeypatch.setattr(database, "BUSY_TIMEOUT_S", 0.05)
    monkeypatch.setattr(runs, "RETRY_S", 0.1)
    monkeypatch.setattr(scheduler, "RETRY_S", 0.1)
    async with working(tmp_path) as (work, _):
        id_ = await only(work, OneTimeWork("wait").within(0.3))
        await until(work, id_, running)
        other = sqlite3.connect(tmp_path / database.FILE_NAME, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        await asyncio.sleep(1)
        other.execute("ROLLBACK")
        other.close()
        assert (await until(work, id_, stopped)).stop_reason is StopReason.TIMEOUT


async def test_time_that_goes_by_alone_is_noticed(tmp_path: Path) -> None:
    """A device that has been on mains for not long enough: no change of the device tells of it."""
    from edge.work.constraints import MainsFor

    async with working(tmp_path) as (work, device):
        now = SystemClock().now()
        device.become(power={"since": Instant(now.wall_s - 59.5, now.boot_s - 59.5)})
        await work.result(await only(work, OneTimeWork("note").when(MainsFor(minutes=1))))


class Share:
    """A network drive whose server is away: asked for its paths, the kernel does not come back."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.path = path
        self.away, self.asked, self.back = threading.Event(), threading.Event(), threading.Event()
        self._stat = os.stat
        monkeypatch.setattr(os, "stat", self.stat)

    def stat(self, path: Any, *args: Any, **options: Any) -> os.stat_result:
        if str(path) == str(self.path) and self.away.is_set():
            self.asked.set()
            self.back.wait()
        return self._stat(path, *args, **options)


@pytest.fixture
def share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Share]:
    made = Share(tmp_path / "share", monkeypatch)
    yield made
    made.back.set()


async def test_a_path_that_never_answers_holds_up_neither_other_work_nor_the_end(tmp_path: Path, share: Share) -> None:
    async with asyncio.timeout(60):
        async with working(tmp_path) as (work, _):
            await only(work, WorkOnChange("note", str(share.path)))
            share.away.set()
            while not share.asked.is_set():
                await asyncio.sleep(0.02)
            await work.result(await only(work, OneTimeWork("note")))
    assert [thread.daemon for thread in threading.enumerate() if thread.name == "work-look"] == [True]


async def test_a_path_that_does_not_answer_at_the_start_is_looked_at_later(
    tmp_path: Path, share: Share, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "LOOK_S", 0.05)
    share.away.set()
    async with asyncio.timeout(60):
        async with working(tmp_path) as (work, _):
            request = WorkOnChange("note", str(share.path), text="changed", update_delay_s=0.0)
            await work.configure({"watch": request, "other": PeriodicWork("note", every=hours(1))}, "c")
            await file_is(tmp_path / LOG, "0")
            share.back.set()
            store = WorkStore(tmp_path, SystemClock())
            while not store.find("name", "watch")[0].signature:
                await asyncio.sleep(0.02)
            store.close()
            assert (tmp_path / LOG).read_text() == "0\n", "the first look is no change"
            share.path.touch()
            await file_is(tmp_path / LOG, "changed")


async def test_before_the_start_and_after_the_end_whoever_asks_is_refused(tmp_path: Path) -> None:
    clock = SystemClock()
    work = BackgroundWork(tmp_path, work_workers.registry(), SimulatedDevice(clock), clock)
    async with asyncio.timeout(20):
        with pytest.raises(StoreError, match="not open"):
            await work.infos("all")
        await work.open()
        waits = asyncio.create_task(work.enqueue(OneTimeWork("note")))
        await asyncio.sleep(0)
        await work.close()
        assert (await waits).ids, "what was asked for before is done"
        with pytest.raises(StoreError, match="not open"):
            await work.infos("all")
