"""What a work may demand of the device: each constraint judges a state in words that a person understands."""

from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Literal, NamedTuple

import msgspec

from edge.device.state import DeviceState
from edge.errors import WorkError
from edge.work.states import StopReason


class Moment(NamedTuple):
    """What constraints are judged by. `zone`: the device's time zone, for words and for quiet hours."""

    device: DeviceState
    wall_s: float
    boot_s: float
    zone: tzinfo


class Finding(NamedTuple):
    """What one constraint says. `again_in_s`: it may change by then with time alone; None: only when the device changes."""

    met: bool
    words: str
    stop: StopReason = StopReason.NOT_STOPPED
    again_in_s: float | None = None


class Verdict(NamedTuple):
    """Met, or why not: what all constraints of a work say together."""

    findings: tuple[Finding, ...] = ()

    @property
    def met(self) -> bool:
        return all(finding.met for finding in self.findings)

    @property
    def stop(self) -> StopReason:
        """Why a running work is stopped; NOT_STOPPED while it is not."""
        return next((finding.stop for finding in self.findings if not finding.met), StopReason.NOT_STOPPED)

    @property
    def again_in_s(self) -> float | None:
        return min((each.again_in_s for each in self.findings if each.again_in_s is not None), default=None)

    @property
    def words(self) -> str:
        """`waiting for mains power: on battery since 14:02, 41 %; holds: Wi-Fi`."""
        waits = [finding.words for finding in self.findings if not finding.met]
        holds = [finding.words for finding in self.findings if finding.met]
        parts = [f"waiting for {', and for '.join(waits)}"] if waits else []
        return "; ".join([*parts, f"holds: {', '.join(holds)}"] if holds else parts) or "needs nothing"


class _Constraint(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """`if_unknown`: whether it holds where nobody can tell."""

    if_unknown: bool = False

    def _decide(self, holds: bool | None, needs: str, stop: StopReason, seen: str) -> Finding:
        if holds is None:
            return Finding(self.if_unknown, f"{needs}: nobody can tell", stop)
        return Finding(holds, needs if holds else f"{needs}: {seen}", stop)


class Charging(_Constraint, frozen=True, tag="charging"):
    """On mains power. A device without a battery is."""

    def judge(self, moment: Moment) -> Finding:
        return self._decide(_on_mains(moment), "mains power", StopReason.CHARGING, _on_battery(moment))


class BatteryNotLow(_Constraint, frozen=True, tag="battery-not-low"):
    def judge(self, moment: Moment) -> Finding:
        low = moment.device.power.battery_low
        holds = None if low is None else not low
        return self._decide(holds, "a battery that is not low", StopReason.BATTERY, _on_battery(moment))


class MainsFor(_Constraint, frozen=True, tag="mains-for"):
    """On mains power for so long already: a supply that has just come back may go again."""

    minutes: float = 10.0

    def judge(self, moment: Moment) -> Finding:
        needs = f"mains power for {self.minutes:g} minutes"
        mains = _on_mains(moment)
        if mains is not True:
            return self._decide(mains, needs, StopReason.CHARGING, _on_battery(moment))
        since = moment.device.power.since
        left_s = self.minutes * 60 - (moment.boot_s - since.boot_s)
        if left_s <= 0:
            return Finding(True, needs, StopReason.CHARGING)
        return Finding(False, f"{needs}: back since {_clock(since.wall_s, moment)}", StopReason.CHARGING, left_s)


class NoUnderVoltage(_Constraint, frozen=True, kw_only=True, tag="no-under-voltage"):
    if_unknown: bool = True

    def judge(self, moment: Moment) -> Finding:
        sags = moment.device.power.under_voltage
        holds = None if sags is None else not sags
        return self._decide(holds, "a steady supply", StopReason.DEVICE_STATE, "its voltage is too low")


NetworkNeed = Literal["connected", "unmetered", "metered", "not-roaming", "wifi", "ethernet"]
_NEEDS: dict[NetworkNeed, str] = {
    "connected": "a network",
    "unmetered": "an unmetered network",
    "metered": "a metered network",
    "not-roaming": "a network without roaming",
    "wifi": "Wi-Fi",
    "ethernet": "Ethernet",
}


class Network(_Constraint, frozen=True, tag="network"):
    """A network that reaches the internet as far as anybody knows, and is of the kind that is needed.

    `ssids`: only these Wi-Fi networks; empty: any.
    """

    need: NetworkNeed = "connected"
    ssids: tuple[str, ...] = ()

    def judge(self, moment: Moment) -> Finding:
        network, needs = moment.device.network, _NEEDS[self.need]
        if self.ssids:
            needs = f"the Wi-Fi {' or '.join(self.ssids)}"
        if network.connected is not True:
            return self._decide(
                network.connected,
                needs,
                StopReason.CONNECTIVITY,
                f"no network since {_clock(network.since.wall_s, moment)}",
            )
        if network.validated is False:
            return Finding(False, f"{needs}: this network does not reach the internet", StopReason.CONNECTIVITY)
        return self._judge_kind(moment, needs)

    def _judge_kind(self, moment: Moment, needs: str) -> Finding:
        network = moment.device.network
        metered, roaming = network.metered, network.roaming
        if self.ssids or self.need in ("wifi", "ethernet"):
            return self._decide(
                self._kind_fits(moment), needs, StopReason.CONNECTIVITY, f"connected by {_link(moment)}"
            )
        if self.need == "unmetered":
            return self._decide(_not(metered), needs, StopReason.METERED, "this one is metered")
        if self.need == "metered":
            return self._decide(metered, needs, StopReason.METERED, "this one is not metered")
        if self.need == "not-roaming":
            return self._decide(_not(roaming), needs, StopReason.CONNECTIVITY, "roaming")
        return Finding(True, needs, StopReason.CONNECTIVITY)

    def _kind_fits(self, moment: Moment) -> bool | None:
        network = moment.device.network
        if network.kind == "unknown":
            return None
        if not self.ssids:
            return network.kind == self.need
        return network.kind == "wifi" and network.ssid in self.ssids


class StorageNotLow(_Constraint, frozen=True, tag="storage-not-low"):
    def judge(self, moment: Moment) -> Finding:
        storage = moment.device.storage
        free = "it is full" if storage.free_bytes is None else f"{storage.free_bytes / 1e6:,.0f} MB are free"
        return self._decide(_not(storage.low), "free space", StopReason.STORAGE, free)


class NotHot(_Constraint, frozen=True, kw_only=True, tag="not-hot"):
    if_unknown: bool = True

    def judge(self, moment: Moment) -> Finding:
        thermal = moment.device.thermal
        seen = "it is hot" if thermal.celsius is None else f"it has {thermal.celsius:.0f} °C"
        return self._decide(_not(thermal.hot), "a cooler device", StopReason.THERMAL, seen)


class DeviceIdle(_Constraint, frozen=True, tag="device-idle"):
    def judge(self, moment: Moment) -> Finding:
        return self._decide(moment.device.idle, "an idle device", StopReason.IDLE, "it is in use")


class ClockSynchronised(_Constraint, frozen=True, tag="clock-synchronised"):
    def judge(self, moment: Moment) -> Finding:
        synchronised = moment.device.clock.synchronised
        return self._decide(synchronised, "a synchronised clock", StopReason.DEVICE_STATE, "it is not yet")


class OutsideHours(_Constraint, frozen=True, tag="outside-hours"):
    """Quiet hours: never between `start` and `end`, `HH:MM` in the device's time zone; over midnight too."""

    start: str = "22:00"
    end: str = "07:00"

    def __post_init__(self) -> None:
        _minute_of(self.start), _minute_of(self.end)

    def judge(self, moment: Moment) -> Finding:
        now = datetime.fromtimestamp(moment.wall_s, moment.zone)
        second = now.hour * 3600 + now.minute * 60 + now.second + now.microsecond / 1e6
        start_s, end_s = _minute_of(self.start) * 60, _minute_of(self.end) * 60
        inside = (second - start_s) % 86_400 < (end_s - start_s) % 86_400
        again_in_s = ((end_s if inside else start_s) - second) % 86_400 or 86_400.0
        words = f"the end of the quiet hours at {self.end}" if inside else f"no quiet hours before {self.start}"
        return Finding(not inside, words, StopReason.DEVICE_STATE, again_in_s)


ExpeditedConstraint = Network | StorageNotLow
Constraint = (
    Charging
    | BatteryNotLow
    | MainsFor
    | NoUnderVoltage
    | Network
    | StorageNotLow
    | NotHot
    | DeviceIdle
    | ClockSynchronised
    | OutsideHours
)


def judge(constraints: Sequence[Constraint], moment: Moment) -> Verdict:
    return Verdict(tuple(constraint.judge(moment) for constraint in constraints))


def _on_mains(moment: Moment) -> bool | None:
    source = moment.device.power.source
    return None if source == "unknown" else source == "mains"


def _on_battery(moment: Moment) -> str:
    power = moment.device.power
    charge = "" if power.battery_percent is None else f"{power.battery_percent:.0f} %"
    if power.source != "battery":
        return charge or "its charge is low"
    return ", ".join(filter(None, (f"on battery since {_clock(power.since.wall_s, moment)}", charge)))


def _link(moment: Moment) -> str:
    network = moment.device.network
    names = {"wifi": f"Wi-Fi {network.ssid or ''}".strip(), "ethernet": "Ethernet", "cellular": "mobile radio"}
    return names.get(network.kind, network.kind)


def _clock(wall_s: float, moment: Moment) -> str:
    return datetime.fromtimestamp(wall_s, moment.zone).strftime("%H:%M")


def _not(value: bool | None) -> bool | None:
    return None if value is None else not value


def _minute_of(text: str) -> int:
    hour, _, minute = text.partition(":")
    if not (hour.isdigit() and len(minute) == 2 and minute.isdigit() and int(hour) < 24 and int(minute) < 60):
        raise WorkError(f"{text!r} is no time of day", hint="write HH:MM")
    return int(hour) * 60 + int(minute)
