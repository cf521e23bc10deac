"""What each constraint says of each state, in words."""

from datetime import UTC
from typing import Any

import msgspec
import pytest

from edge.clock import Instant
from edge.errors import WorkError
from edge.testing.work import device_state
from edge.work.constraints import (
    BatteryNotLow,
    Charging,
    ClockSynchronised,
    Constraint,
    DeviceIdle,
    MainsFor,
    Moment,
    Network,
    NotHot,
    NoUnderVoltage,
    OutsideHours,
    StorageNotLow,
    Verdict,
    judge,
)
from edge.work.states import StopReason

TWO_PM = Instant(1_763_733_600.0, 1000.0)
BATTERY = {"source": "battery", "battery_percent": 41.0, "since": TWO_PM}
OFF = {"connected": False, "kind": "none", "since": TWO_PM}


def moment(later_s: float = 120.0, **parts: Any) -> Moment:
    now = TWO_PM.later(later_s)
    return Moment(device_state(TWO_PM, **parts), now.wall_s, now.boot_s, UTC)


@pytest.mark.parametrize(
    ("constraint", "parts", "words", "stop"),
    [
        (Charging(), {"power": BATTERY}, "mains power: on battery since 14:00, 41 %", "charging"),
        (Charging(), {"power": {"source": "unknown"}}, "mains power: nobody can tell", "charging"),
        (BatteryNotLow(), {"power": {**BATTERY, "battery_low": True}}, "a battery that is not low: on battery since 14:00, 41 %",
         "battery"),
        (MainsFor(minutes=10), {"power": {"since": TWO_PM}}, "mains power for 10 minutes: back since 14:00", "charging"),
        (MainsFor(minutes=10), {"power": BATTERY}, "mains power for 10 minutes: on battery since 14:00, 41 %", "charging"),
        (NoUnderVoltage(), {"power": {"under_voltage": True}}, "a steady supply: its voltage is too low", "device state"),
        (Network(), {"network": OFF}, "a network: no network since 14:00", "connectivity"),
        (Network(), {"network": {"connected": None}}, "a network: nobody can tell", "connectivity"),
        (Network(), {"network": {"validated": False}}, "a network: this network does not reach the internet", "connectivity"),
        (Network("unmetered"), {"network": {"metered": True}}, "an unmetered network: this one is metered", "metered"),
        (Network("unmetered"), {"network": {"metered": None}}, "an unmetered network: nobody can tell", "metered"),
        (Network("metered"), {}, "a metered network: this one is not metered", "metered"),
        (Network("not-roaming"), {"network": {"roaming": True}}, "a network without roaming: roaming", "connectivity"),
        (Network("wifi"), {}, "Wi-Fi: connected by Ethernet", "connectivity"),
        (Network("ethernet"), {"network": {"kind": "wifi", "ssid": "attic"}}, "Ethernet: connected by Wi-Fi attic", "connectivity"),
        (Network(ssids=("home",)), {"network": {"kind": "wifi", "ssid": "cafe"}}, "the Wi-Fi home: connected by Wi-Fi cafe",
         "connectivity"),
        (StorageNotLow(), {"storage": {"low": True, "free_bytes": 12_000_000}}, "free space: 12 MB are free", "storage"),
        (NotHot(), {"thermal": {"hot": True, "celsius": 83.4}}, "a cooler device: it has 83 °C", "thermal"),
        (DeviceIdle(), {}, "an idle device: it is in use", "idle"),
        (ClockSynchronised(), {"clock": {"synchronised": False}}, "a synchronised clock: it is not yet", "device state"),
        (OutsideHours("13:30", "14:30"), {}, "the end of the quiet hours at 14:30", "device state"),
    ],
)  # fmt: skip
def test_not_met(constraint: Constraint, parts: dict[str, Any], words: str, stop: str) -> None:
    verdict = judge([constraint], moment(**parts))
    assert not verdict.met
    assert verdict.words == f"waiting for {words}"
    assert verdict.stop is StopReason(stop)


@pytest.mark.parametrize(
    ("constraint", "parts"),
    [
        (Charging(), {}),
        (Charging(if_unknown=True), {"power": {"source": "unknown"}}),
        (BatteryNotLow(), {}),
        (NoUnderVoltage(), {"power": {"under_voltage": None}}),
        (Network(), {"network": {"validated": None}}),
        (Network("unmetered"), {}),
        (Network("unmetered", if_unknown=True), {"network": {"metered": None}}),
        (Network("metered"), {"network": {"metered": True}}),
        (Network("not-roaming"), {}),
        (Network("wifi"), {"network": {"kind": "wifi"}}),
        (Network("ethernet"), {}),
        (Network(ssids=("home", "attic")), {"network": {"kind": "wifi", "ssid": "attic"}}),
        (StorageNotLow(), {}),
        (NotHot(), {"thermal": {"hot": None}}),
        (ClockSynchronised(), {}),
        (OutsideHours("22:00", "07:00"), {}),
    ],
)
def test_met(constraint: Constraint, parts: dict[str, Any]) -> None:
    assert judge([constraint], moment(**parts)).met


def test_idle() -> None:
    idle = msgspec.structs.replace(moment().device, idle=True)
    assert judge([DeviceIdle()], moment()._replace(device=idle)).met


def test_mains_for_comes_with_time_alone() -> None:
    finding = MainsFor(minutes=10).judge(moment(power={"since": TWO_PM}))
    assert finding.again_in_s == 480
    assert MainsFor(minutes=10).judge(moment(600, power={"since": TWO_PM})).met


@pytest.mark.parametrize(("at_h", "met", "again_h"), [(21, True, 1), (22, False, 9), (2, False, 5), (7, True, 15)])
def test_quiet_hours_over_midnight(at_h: int, met: bool, again_h: float) -> None:
    finding = OutsideHours("22:00", "07:00").judge(moment((at_h - 14) * 3600))
    assert (finding.met, finding.again_in_s) == (met, again_h * 3600)


def test_a_wrong_time_of_day_is_refused() -> None:
    with pytest.raises(WorkError, match="'25:00' is no time of day"):
        OutsideHours("25:00", "07:00")


def test_a_verdict_says_what_holds_and_what_does_not() -> None:
    verdict = judge([Charging(), Network("wifi"), StorageNotLow()], moment(power=BATTERY))
    assert verdict.words == (
        "waiting for mains power: on battery since 14:00, 41 %, and for Wi-Fi: connected by Ethernet; holds: free space"
    )
    assert verdict.stop is StopReason.CHARGING
    assert Verdict().words == "needs nothing"
    assert judge([Charging(), StorageNotLow()], moment()).words == "holds: mains power, free space"
