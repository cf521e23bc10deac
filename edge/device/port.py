"""The port of a source: something that tells one facet of the device's state."""

from collections.abc import Callable
from typing import Literal, Protocol

import msgspec

from edge.device.state import LinkKind, PowerSource
from edge.errors import EdgeError

Facet = Literal["power", "voltage", "network", "storage", "heat", "clock"]


class SourceError(EdgeError):
    """A source cannot be read. What it told is unknown now; it is tried again."""

    retryable = True


class PowerReading(msgspec.Struct, frozen=True, kw_only=True):
    """`low`: the supply itself says that its battery is; None where it does not say. `told_by` names the supplies that were read."""

    source: PowerSource
    percent: float | None = None
    low: bool | None = None
    told_by: str = ""


class VoltageReading(msgspec.Struct, frozen=True, kw_only=True):
    """`under_voltage` now. `throttled`: slowed down for its heat, None where that is not told."""

    under_voltage: bool
    throttled: bool | None = None


class NetworkReading(msgspec.Struct, frozen=True, kw_only=True):
    """As in `edge.device.state.Network`."""

    connected: bool | None = None
    validated: bool | None = None
    metered: bool | None = None
    roaming: bool | None = None
    kind: LinkKind = "unknown"
    ssid: str | None = None


class StorageReading(msgspec.Struct, frozen=True, kw_only=True):
    """`total_inodes` is 0 on file systems that count none."""

    free_bytes: int
    total_bytes: int
    free_inodes: int
    total_inodes: int


class HeatReading(msgspec.Struct, frozen=True, kw_only=True):
    """The hottest zone; None where the machine has none."""

    celsius: float | None


class ClockReading(msgspec.Struct, frozen=True, kw_only=True):
    """The kernel's word on the wall clock."""

    synchronised: bool


Reading = PowerReading | VoltageReading | NetworkReading | StorageReading | HeatReading | ClockReading
Report = Callable[[Reading], None]


class Source(Protocol):
    """One way to learn one facet. Making one touches nothing; vendor packages are imported in `run`."""

    @property
    def name(self) -> str:
        """Names it in `edge device`, in the configuration and in logs."""
        ...

    @property
    def facet(self) -> Facet: ...

    async def run(self, report: Report) -> None:
        """Report a reading at once, each change as it comes, and the same reading every so often while nothing changes.

        Ends only when it is cancelled, and lets go of everything then.

        Raises:
            SourceError: it cannot tell any more; it may be run again later.

        Thread: the one that runs asyncio; never blocks it for more than milliseconds.
        """
        ...
