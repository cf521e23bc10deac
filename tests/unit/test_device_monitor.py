"""What the sources tell becomes one state: limits, the cautious word, hysteresis, settling, and sources that die."""

import asyncio
import logging
from collections.abc import Sequence

import pytest

from edge.device.idleness import Idleness
from edge.device.merging import Limits, merge
from edge.device.monitor import Monitor, running
from edge.device.port import (
    ClockReading,
    Facet,
    HeatReading,
    NetworkReading,
    PowerReading,
    Reading,
    Report,
    SourceError,
    StorageReading,
    VoltageReading,
)
from edge.device.reporting import report_conditions
from edge.device.state import DeviceState, unknown
from edge.health import CAUSE_S, Condition, Health
from edge.testing.clock import SimulatedClock

MAINS, BATTERY = PowerReading(source="mains", low=False), PowerReading(source="battery", percent=41, low=False)
SILENT = PowerReading(source="unknown")


def state_of(before: DeviceState | None = None, **told: Sequence[Reading | None]) -> DeviceState:
    clock = SimulatedClock()
    clock.advance(60)
    readings: dict[Facet, Sequence[Reading | None]] = dict(told)  # type: ignore[arg-type]
    return merge(before or unknown(SimulatedClock().now()), readings, Limits(), clock.now(), idle=False)


@pytest.mark.parametrize(
    ("told", "source", "low"),
    [
        ([], "unknown", None),
        ([None], "unknown", None),
        ([MAINS], "mains", False),
        ([BATTERY], "battery", False),
        ([MAINS, BATTERY], "battery", False),
        ([MAINS, None], "unknown", None),
        ([BATTERY, None], "battery", False),
        ([MAINS, SILENT], "mains", False),
        ([SILENT], "unknown", None),
        ([PowerReading(source="battery", percent=15)], "battery", True),
        ([PowerReading(source="battery", percent=60, low=True)], "battery", True),
        ([PowerReading(source="battery")], "battery", None),
    ],
)
def test_the_cautious_word_counts(told: list[Reading | None], source: str, low: bool | None) -> None:
    power = state_of(power=told).power
    assert (power.source, power.battery_low) == (source, low)


def test_low_and_hot_have_hysteresis() -> None:
    state, seen = unknown(SimulatedClock().now()), []
    for percent, celsius, free in ((16, 79, 6), (15, 80, 4), (19, 73, 5), (21, 71, 7)):
        told = {
            "power": [PowerReading(source="battery", percent=percent)],
            "heat": [HeatReading(celsius=celsius)],
            "storage": [StorageReading(free_bytes=free, total_bytes=100, free_inodes=0, total_inodes=0)],
        }
        state = state_of(state, **told)
        seen.append((state.power.battery_low, state.thermal.hot, state.storage.low))
    assert seen == [(False, False, False), (True, True, True), (True, True, True), (False, False, False)]


def test_inodes_run_out_too() -> None:
    full = StorageReading(free_bytes=90, total_bytes=100, free_inodes=1, total_inodes=1000)
    assert state_of(storage=[full]).storage.low


def test_the_firmware_tells_of_voltage_and_of_heat() -> None:
    state = state_of(voltage=[VoltageReading(under_voltage=True, throttled=True)], heat=[HeatReading(celsius=60)])
    assert state.power.under_voltage
    assert state.thermal.hot
    assert state_of(heat=[HeatReading(celsius=None)]).thermal.hot is None
    assert state_of(clock=[ClockReading(synchronised=False)]).clock.synchronised is False


def test_since_is_when_it_became_so() -> None:
    first = state_of(power=[BATTERY], network=[NetworkReading(connected=True)])
    assert first.power.since == first.network.since == first.at
    clock = SimulatedClock()
    clock.advance(600)
    told: dict[Facet, Sequence[Reading | None]] = {"power": [MAINS], "network": [NetworkReading(connected=True)]}
    later = merge(first, told, Limits(), clock.now(), idle=False)
    assert later.power.since == later.at
    assert later.network.since == first.at


class Told:
    """A source that tells what it is told to, and dies when that is an error."""

    name = "told"
    facet: Facet = "power"

    def __init__(self) -> None:
        self.runs = 0
        self._mail: asyncio.Queue[Reading | Exception] = asyncio.Queue()

    def tell(self, *items: Reading | Exception) -> None:
        for item in items:
            self._mail.put_nowait(item)

    async def run(self, report: Report) -> None:
        self.runs += 1
        while True:
            item = await self._mail.get()
            if isinstance(item, Exception):
                raise item
            report(item)


async def settled(monitor: Monitor, source: str) -> DeviceState:
    async with asyncio.timeout(10):
        async for state in monitor.changes():
            if state.power.source == source:
                return state
    raise AssertionError


def make(source: Told, settle_s: float = 0.05) -> Monitor:
    return Monitor([source], SimulatedClock(), settle_s=settle_s, first_retry_s=0.01)


def test_what_flaps_back_is_not_told_and_what_stays_is() -> None:
    async def scene() -> list[str]:
        source, told = Told(), list[str]()
        monitor = make(source, settle_s=0.3)
        source.tell(MAINS)
        async with running(monitor, 5):
            assert monitor.current().power.source == "mains"  # the first word needs no settling
            monitor.listen(lambda state: told.append(state.power.source))
            source.tell(BATTERY, MAINS, BATTERY, MAINS)
            await asyncio.sleep(0.5)
            assert told == []
            source.tell(MAINS, BATTERY)
            await settled(monitor, "battery")
            source.tell(MAINS)
            await settled(monitor, "mains")
        return told

    assert asyncio.run(scene()) == ["battery", "mains"]


def test_numbers_pass_without_a_change_and_percents_with_one() -> None:
    async def scene() -> None:
        source, told = Told(), list[float | None]()
        monitor = make(source)
        source.tell(BATTERY)
        async with running(monitor, 5):
            monitor.listen(lambda state: told.append(state.power.battery_percent))
            source.tell(PowerReading(source="battery", percent=40.9, low=False))
            await asyncio.sleep(0.2)
            assert monitor.current().power.battery_percent == 40.9
            assert told == []
            source.tell(PowerReading(source="battery", percent=40.1, low=False))
            async with asyncio.timeout(10):
                while not told:
                    await asyncio.sleep(0.01)
        assert told == [40.1]

    asyncio.run(scene())


def test_a_source_that_dies_is_unknown_said_once_and_tried_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "edge.device")

    async def scene() -> None:
        source = Told()
        monitor = make(source)
        source.tell(MAINS)
        async with running(monitor, 5):
            source.tell(SourceError("the cable is out"), ValueError("not foreseen"), SourceError("the cable is out"))
            await settled(monitor, "unknown")
            (status,) = monitor.statuses
            assert status.value is None
            assert monitor.problems == {"power": "the cable is out"}
            source.tell(BATTERY)
            await settled(monitor, "battery")
            assert monitor.problems == {}
            assert source.runs == 4

    asyncio.run(scene())
    lines = [record.message for record in caplog.records if "device source" in record.message]
    assert lines == ["device source failed source=told error=the cable is out", "device source is back source=told"]


def test_a_silent_source_does_not_hold_up_the_others() -> None:
    async def scene() -> None:
        async with running(make(Told()), 0.05) as monitor:
            assert monitor.current().power.source == "unknown"
            assert not monitor.statuses[0].is_known

    asyncio.run(scene())


def test_conditions_follow_the_state() -> None:
    async def scene() -> list[Condition]:
        source, told = Told(), list[Condition]()
        clock = SimulatedClock()
        monitor, health = make(source), Health(clock)
        health.listen(told.append)
        source.tell(MAINS)
        async with running(monitor, 5):
            reporting = asyncio.ensure_future(report_conditions(monitor, health))
            steps: list[tuple[Reading | Exception, str]] = [
                (MAINS, "running"),
                (BATTERY, "degraded"),
                (SILENT, "failed"),
                (SourceError("the cable is out"), "failed"),
                (MAINS, "running"),
            ]
            for count, (item, state) in enumerate(steps, 1):
                clock.advance(CAUSE_S)
                source.tell(item)
                async with asyncio.timeout(10):
                    while len(told) < count or told[-1].state != state:
                        await asyncio.sleep(0.01)
            reporting.cancel()
        return told

    conditions = asyncio.run(scene())
    assert {(each.part, each.name) for each in conditions} == {("power", "supply")}
    assert [each.state for each in conditions] == ["running", "degraded", "failed", "failed", "running"]
    assert conditions[1].cause.startswith("on battery since ")
    assert conditions[1].cause.endswith(", 41 %")
    assert [each.cause for each in conditions[2:4]] == [
        "nobody can tell whether this is mains or battery",
        "the cable is out",
    ]


def test_idle_is_nothing_seen_and_nothing_asked_for_a_while() -> None:
    clock = SimulatedClock()
    idle = Idleness(clock, after_s=600)
    clock.advance(599)
    assert not idle(clock.now())
    clock.advance(1)
    assert idle(clock.now())
    idle.touch()
    assert not idle(clock.now())
