"""What the device can afford now: power, network, storage, heat and clock, as one frozen value. None means that nobody can tell."""

from collections.abc import AsyncIterator, Callable
from typing import Literal, Protocol

import msgspec

from edge.clock import Instant

PowerSource = Literal["mains", "battery", "unknown"]
LinkKind = Literal["wifi", "ethernet", "cellular", "other", "none", "unknown"]


class Power(msgspec.Struct, frozen=True, kw_only=True):
    """`since` is when `source` became what it is: on battery since, back on mains since.

    `battery_low` also when a UPS says so itself. A device without a battery is on mains and its battery is not low.
    `under_voltage`: the supply sags now.
    """

    since: Instant
    source: PowerSource = "unknown"
    battery_percent: float | None = None
    battery_low: bool | None = None
    under_voltage: bool | None = None


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """`since` is when `connected` became what it is.

    `connected`: a default route over a link that is up. `validated`: the internet was reached by it; None where nobody checks.
    `kind` is that of the link with the default route, "none" without one. `ssid` only of "wifi".
    """

    since: Instant
    connected: bool | None = None
    validated: bool | None = None
    metered: bool | None = None
    roaming: bool | None = None
    kind: LinkKind = "unknown"
    ssid: str | None = None


class Storage(msgspec.Struct, frozen=True, kw_only=True):
    """Of the file system that holds the data folder; free is what this user may still use."""

    free_bytes: int | None = None
    total_bytes: int | None = None
    free_inodes: int | None = None
    low: bool | None = None


class Thermal(msgspec.Struct, frozen=True, kw_only=True):
    """`celsius` of the hottest zone. `hot` with hysteresis, or because the firmware slows the processor down for its heat."""

    hot: bool | None = None
    celsius: float | None = None


class ClockState(msgspec.Struct, frozen=True, kw_only=True):
    """`synchronised`: the kernel says that something has set the wall clock since the boot."""

    synchronised: bool | None = None


class DeviceState(msgspec.Struct, frozen=True, kw_only=True):
    """One reading of everything. `idle`: nothing was seen and nobody asked for anything for a while."""

    at: Instant
    power: Power
    network: Network
    storage: Storage = Storage()
    thermal: Thermal = Thermal()
    clock: ClockState = ClockState()
    idle: bool = False


def unknown(at: Instant) -> DeviceState:
    """Before anything was read."""
    return DeviceState(at=at, power=Power(since=at), network=Network(since=at))


StateListener = Callable[[DeviceState], None]


class DeviceMonitor(Protocol):
    """Keeps the newest state. Thread: `current` any, the rest the one that runs asyncio."""

    def current(self) -> DeviceState:
        """The newest settled state, with the newest numbers; never waits."""
        ...

    def listen(self, listener: StateListener) -> None:
        """Be called, in the loop, with each settled change from now on; must not block."""
        ...

    def changes(self) -> AsyncIterator[DeviceState]:
        """The current state, then each settled change; one that comes while the last is handled replaces it."""
        ...
