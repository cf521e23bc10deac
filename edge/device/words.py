"""The device's state in words that a person understands, and as conditions of its parts."""

import time
from collections.abc import Iterator, Mapping
from typing import NamedTuple

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
from edge.device.state import DeviceState, Network, Power, Storage, Thermal
from edge.health import Part, State


class Word(NamedTuple):
    """How one part of the device is, for `edge.health.Health.report`."""

    part: Part
    name: str
    state: State
    cause: str


def conditions(state: DeviceState, problems: Mapping[Facet, str]) -> Iterator[Word]:
    """One for each part that something can tell of.

    Args:
        problems: by facet, why nothing is known.
    """
    yield from _known("power", "supply", _supply(state.power, problems.get("power")), problems.get("power"))
    yield from _known("power", "voltage", _voltage(state.power), problems.get("voltage"))
    yield from _known("network", "uplink", _uplink(state.network), problems.get("network"))
    yield from _known("heat", "device", _heat(state.thermal), problems.get("heat"))
    yield from _known("storage", "data", _storage(state.storage), problems.get("storage"))


def _known(part: Part, name: str, word: tuple[State, str] | None, problem: str | None) -> Iterator[Word]:
    if word is not None:
        yield Word(part, name, *word)
    elif problem:
        yield Word(part, name, "failed", problem)


def _supply(power: Power, problem: str | None) -> tuple[State, str] | None:
    if power.source == "unknown":
        return None if problem else ("failed", "nobody can tell whether this is mains or battery")
    charge = "" if power.battery_percent is None else f", {power.battery_percent:.0f} %"
    low = ", battery low" if power.battery_low else ""
    if power.source == "battery":
        return "degraded", f"on battery since {clock_time(power.since)}{charge}{low}"
    return ("degraded", f"on mains{charge}{low}") if low else ("running", "")


def _voltage(power: Power) -> tuple[State, str] | None:
    if power.under_voltage is None:
        return None
    cause = "under-voltage: a stronger power supply or a shorter cable is needed"
    return ("degraded", cause) if power.under_voltage else ("running", "")


def _uplink(network: Network) -> tuple[State, str] | None:
    if network.connected is None:
        return None
    if not network.connected:
        return "absent", f"no network since {clock_time(network.since)}"
    return ("degraded", "the internet is not reached") if network.validated is False else ("running", "")


def _heat(thermal: Thermal) -> tuple[State, str] | None:
    if thermal.hot is None:
        return None
    degrees = "slowed down for its heat" if thermal.celsius is None else f"{thermal.celsius:.0f} °C"
    return ("degraded", f"hot: {degrees}") if thermal.hot else ("running", "")


def _storage(storage: Storage) -> tuple[State, str] | None:
    if storage.low is None:
        return None
    return ("degraded", f"low: {_room(storage.free_bytes, storage.total_bytes)}") if storage.low else ("running", "")


def facts(state: DeviceState) -> Iterator[tuple[str, str]]:
    """What was made of it all, facet by facet."""
    power, network = state.power, state.network
    voltage = {True: ", under-voltage", False: "", None: ""}[power.under_voltage]
    low = {True: ", battery low", False: "", None: ", whether the battery is low is unknown"}[power.battery_low]
    charge = "" if power.battery_percent is None else f", {power.battery_percent:.0f} %"
    yield "power", f"{power.source} since {clock_time(power.since)}{charge}{low}{voltage}"
    words = {True: "connected", False: "not connected", None: "unknown"}[network.connected]
    links = "" if not network.connected else ": " + _network(network)
    yield "network", f"{words} since {clock_time(network.since)}{links}"
    yield "storage", {True: "low", False: "not low", None: "unknown"}[state.storage.low]
    yield "heat", {True: "hot", False: "not hot", None: "unknown"}[state.thermal.hot]
    yield "clock", {True: "synchronised", False: "not synchronised", None: "unknown"}[state.clock.synchronised]


def clock_time(at: Instant) -> str:
    """`14:02`, local time; with the day where that is not today."""
    then = time.localtime(at.wall_s)
    return time.strftime("%H:%M" if then[:3] == time.localtime()[:3] else "%d %b %H:%M", then)


def describe(reading: Reading) -> str:
    """What a source told, in a line."""
    match reading:
        case PowerReading():
            charge = "" if reading.percent is None else f", {reading.percent:.0f} %"
            low = ", battery low" if reading.low else ""
            return f"{reading.source}{charge}{low} ({reading.told_by})"
        case VoltageReading():
            heat = "" if not reading.throttled else ", slowed down for its heat"
            return ("under-voltage" if reading.under_voltage else "voltage is well") + heat
        case NetworkReading():
            return _network(reading)
        case StorageReading():
            inodes = f", {reading.free_inodes:,} inodes free" if reading.total_inodes else ""
            return _room(reading.free_bytes, reading.total_bytes) + inodes
        case HeatReading():
            return "no zone" if reading.celsius is None else f"{reading.celsius:.1f} °C"
        case ClockReading():
            return "synchronised" if reading.synchronised else "not synchronised"


def _network(reading: NetworkReading | Network) -> str:
    if not reading.connected:
        return "unknown" if reading.connected is None else "not connected"
    link = reading.kind + (f" {reading.ssid!r}" if reading.ssid else "")
    internet = {True: "internet reached", False: "internet not reached", None: "internet not checked"}[
        reading.validated
    ]
    costs = {True: "metered", False: "not metered", None: "cost unknown"}[reading.metered]
    return ", ".join([link, internet, costs, *(["roaming"] if reading.roaming else [])])


def _room(free_bytes: int | None, total_bytes: int | None) -> str:
    return f"{(free_bytes or 0) / 1e9:.1f} of {(total_bytes or 0) / 1e9:.1f} GB free"
