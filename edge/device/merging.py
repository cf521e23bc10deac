"""Many readings become one state. Pure: what was, what is told and the limits in, what is out.

Where sources of power disagree, the cautious one counts: battery before unknown before mains, low before unknown before full enough.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import msgspec

from edge.clock import Instant
from edge.device.port import (
    ClockReading,
    Facet,
    HeatReading,
    NetworkReading,
    PowerReading,
    Reading,
    StorageReading,
    VoltageReading,
)
from edge.device.state import ClockState, DeviceState, Network, Power, PowerSource, Storage, Thermal

Readings = Mapping[Facet, Sequence[Reading | None]]
"""Of every source; None: it tells nothing now."""
R = TypeVar("R")


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """From where on something is low or hot, and how far it must be back to be well again."""

    low_battery_percent: float = 15.0
    battery_back_percent: float = 5.0
    hot_c: float = 80.0
    cooled_by_c: float = 8.0
    low_storage_percent: float = 5.0
    storage_back_percent: float = 1.0


def merge(before: DeviceState, told: Readings, limits: Limits, now: Instant, *, idle: bool) -> DeviceState:
    """The state at `now`. `before` gives what hysteresis and `since` need."""
    return DeviceState(
        at=now,
        power=_power(before.power, told, limits, now),
        network=_network(before.network, told, now),
        storage=_storage(before.storage, told, limits),
        thermal=_thermal(before.thermal, told, limits),
        clock=_clock(told),
        idle=idle,
    )


def _power(before: Power, told: Readings, limits: Limits, now: Instant) -> Power:
    supplies = told.get("power", ())
    known = _of(PowerReading, supplies)
    source = _source([each.source for each in known], told_by_all=len(known) == len(supplies))
    percent = min((each.percent for each in known if each.percent is not None), default=None)
    voltage = _of(VoltageReading, told.get("voltage", ()))
    return Power(
        since=before.since if source == before.source else now,
        source=source,
        battery_percent=percent,
        battery_low=_battery_low(before.battery_low, known, percent, limits) if source != "unknown" else None,
        under_voltage=any(each.under_voltage for each in voltage) if voltage else None,
    )


def _source(sources: list[PowerSource], *, told_by_all: bool) -> PowerSource:
    if "battery" in sources:
        return "battery"
    return "mains" if "mains" in sources and told_by_all else "unknown"


def _battery_low(before: bool | None, known: list[PowerReading], percent: float | None, limits: Limits) -> bool | None:
    words = [each.low for each in known if each.low is not None]
    if any(words):
        return True
    if percent is not None:
        back = limits.battery_back_percent if before else 0.0
        return percent <= limits.low_battery_percent + back
    return False if words else None


def _network(before: Network, told: Readings, now: Instant) -> Network:
    known = _of(NetworkReading, told.get("network", ()))
    newest = known[0] if known else NetworkReading()
    return Network(
        since=before.since if newest.connected == before.connected else now,
        connected=newest.connected,
        validated=newest.validated,
        metered=newest.metered,
        roaming=newest.roaming,
        kind=newest.kind,
        ssid=newest.ssid,
    )


def _storage(before: Storage, told: Readings, limits: Limits) -> Storage:
    known = _of(StorageReading, told.get("storage", ()))
    if not known:
        return Storage()
    room = known[0]
    limit = limits.low_storage_percent + (limits.storage_back_percent if before.low else 0.0)
    shares = [100 * room.free_bytes / max(1, room.total_bytes)]
    if room.total_inodes:
        shares.append(100 * room.free_inodes / room.total_inodes)
    free_inodes = room.free_inodes if room.total_inodes else None
    return Storage(
        free_bytes=room.free_bytes, total_bytes=room.total_bytes, free_inodes=free_inodes, low=min(shares) < limit
    )


def _thermal(before: Thermal, told: Readings, limits: Limits) -> Thermal:
    zones = _of(HeatReading, told.get("heat", ()))
    celsius = max((zone.celsius for zone in zones if zone.celsius is not None), default=None)
    words = [each.throttled for each in _of(VoltageReading, told.get("voltage", ())) if each.throttled is not None]
    limit = limits.hot_c - (limits.cooled_by_c if before.hot else 0.0)
    if any(words) or (celsius is not None and celsius >= limit):
        return Thermal(hot=True, celsius=celsius)
    return Thermal(hot=False if words or celsius is not None else None, celsius=celsius)


def _clock(told: Readings) -> ClockState:
    known = _of(ClockReading, told.get("clock", ()))
    return ClockState(synchronised=known[0].synchronised if known else None)


def _of(kind: type[R], readings: Sequence[Reading | None]) -> list[R]:
    return [reading for reading in readings if isinstance(reading, kind)]


def differs(one: DeviceState, other: DeviceState) -> bool:
    """Whether anything but the passing numbers changed; a percent of the battery counts."""
    return _coarse(one) != _coarse(other)


def _coarse(state: DeviceState) -> tuple[object, ...]:
    power, percent = state.power, state.power.battery_percent
    plain = msgspec.structs.replace(power, battery_percent=None if percent is None else round(percent), since=_NEVER)
    network = msgspec.structs.replace(state.network, since=_NEVER)
    return plain, network, state.storage.low, state.thermal.hot, state.clock, state.idle


def with_numbers(settled: DeviceState, newest: DeviceState) -> DeviceState:
    """What has settled, with the newest numbers."""
    return msgspec.structs.replace(
        settled,
        at=newest.at,
        power=msgspec.structs.replace(settled.power, battery_percent=newest.power.battery_percent),
        storage=msgspec.structs.replace(newest.storage, low=settled.storage.low),
        thermal=msgspec.structs.replace(settled.thermal, celsius=newest.thermal.celsius),
    )


_NEVER = Instant(0.0, 0.0)
