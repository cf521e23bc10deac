"""The system's D-Bus, as far as sources need it: properties, and the news that some changed.

dbus-fast is imported when the first connection is made.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge.device.port import Reading, Report, SourceError

if TYPE_CHECKING:
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

ANSWER_S = 5.0
GAP_S = 0.2
"""Signals come in bursts: one reading answers all that came in so long."""
DEFAULT_ADDRESS = "unix:path=/run/dbus/system_bus_socket"
DBUS = "org.freedesktop.DBus"


class AbsentError(SourceError):
    """A service, an object or an interface is not on the bus."""


class Service:
    """One service on the bus, by its well-known name."""

    def __init__(self, bus: "MessageBus", name: str) -> None:
        self._bus = bus
        self._name = name
        self._changed = asyncio.Event()
        self._lost = False

    async def properties(self, path: str, interface: str) -> dict[str, Any]:
        """All properties of one interface of one object.

        Raises:
            AbsentError: the service or the object is not there.
        """
        values = await self._ask(self._name, path, f"{DBUS}.Properties", "GetAll", "s", [interface])
        return {name: variant.value for name, variant in values.items()}

    async def call(self, path: str, interface: str, method: str) -> Any:
        """The first value that a method without arguments returns."""
        return await self._ask(self._name, path, interface, method, "", [])

    async def follow(self) -> None:
        """Begin to watch for changes."""
        for rule in (
            f"type='signal',sender='{self._name}'",
            f"type='signal',sender='{DBUS}',member='NameOwnerChanged',arg0='{self._name}'",
        ):
            await self._ask(DBUS, "/org/freedesktop/DBus", DBUS, "AddMatch", "s", [rule])

    async def change(self, timeout_s: float) -> None:
        """Wait until something of it changed, at the longest so long.

        Raises:
            SourceError: the service or the bus has gone.
        """
        try:
            await asyncio.wait_for(self._changed.wait(), timeout_s)
            await asyncio.sleep(GAP_S)
        except TimeoutError:
            pass
        self._changed.clear()
        if self._lost:
            raise SourceError(f"{self._name} has left the bus")

    def heard(self, message: "Message") -> None:
        """A signal came in."""
        if message.member == "NameOwnerChanged":
            self._lost = self._lost or not message.body[2]
        self._changed.set()

    def disconnected(self, _: object) -> None:
        """The bus has gone."""
        self._lost = True
        self._changed.set()

    async def _ask(self, *request: Any) -> Any:
        from dbus_fast import Message, MessageType

        destination, path, interface, member, signature, body = request
        message = Message(
            destination=destination, path=path, interface=interface, member=member, signature=signature, body=body
        )
        try:
            async with asyncio.timeout(ANSWER_S):
                answer = await self._bus.call(message)
        except TimeoutError as error:
            raise SourceError(f"{destination} does not answer within {ANSWER_S:.0f} s") from error
        except (OSError, EOFError) as error:
            raise SourceError(f"D-Bus: {error or 'the connection is lost'}") from error
        if answer.message_type is MessageType.ERROR:
            words = " ".join(map(str, answer.body))
            raise AbsentError(f"{destination}: {member} of {path}: {words or answer.error_name}")
        return answer.body[0] if answer.body else None


@asynccontextmanager
async def system_service(name: str) -> AsyncIterator[Service]:
    """A connection of its own to the system's bus, and the service there.

    Raises:
        SourceError: dbus-fast is not installed, or there is no bus.
    """
    bus = await _connect()
    service = Service(bus, name)
    lost = asyncio.ensure_future(bus.wait_for_disconnect())  # type: ignore[no-untyped-call]
    lost.add_done_callback(service.disconnected)
    bus.add_message_handler(_signals_to(service))
    try:
        yield service
    finally:
        lost.cancel()
        bus.disconnect()


def _signals_to(service: Service) -> Any:
    from dbus_fast import MessageType

    def handle(message: "Message") -> None:
        if message.message_type is MessageType.SIGNAL and message.member != "NameAcquired":
            service.heard(message)

    return handle


async def _connect() -> "MessageBus":
    try:
        from dbus_fast.aio import MessageBus
    except ImportError as error:
        hint = "pip install 'edge-appliance[dbus]'"
        raise SourceError("D-Bus: the package dbus-fast is not installed", hint=hint) from error
    try:
        async with asyncio.timeout(ANSWER_S):
            return await MessageBus(bus_address=_address()).connect()
    except Exception as error:
        raise SourceError(f"D-Bus: no connection to {_address()}: {error}", hint="is dbus running?") from error


def _address() -> str:
    return os.environ.get("DBUS_SYSTEM_BUS_ADDRESS", DEFAULT_ADDRESS)


def has_system_bus() -> bool:
    """Whether its socket is there; one that is no file is taken to be."""
    path = dict(part.partition("=")[::2] for part in _address().partition(":")[2].split(",")).get("path")
    return path is None or Path(path).exists()


async def follow(name: str, read: Callable[[Service], Awaitable[Reading]], report: Report, interval_s: float) -> None:
    """Report what `read` makes of the service at once, at each of its signals, and every `interval_s`. Raises as `system_service`."""
    async with system_service(name) as service:
        await service.follow()
        while True:
            report(await read(service))
            await service.change(interval_s)
