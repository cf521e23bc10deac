"""The device's name in the local network, `<device>.local`, by multicast DNS. The only file that imports zeroconf."""

import asyncio
import logging
from contextlib import suppress
from ipaddress import ip_address

import ifaddr
import zeroconf
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

log = logging.getLogger(__name__)

LOOK_S = 30.0
"""How soon a new address is told."""


class Announcer:
    """Tells the network where the page is, and again when the device's addresses have changed.

    It gets along with an Avahi on the same machine: that one tells its own name.

    Args:
        interfaces: addresses of those that it is told over; None: all but the loopback.

    Thread: the one that runs asyncio.
    """

    def __init__(self, device: str, port: int, *, over_tls: bool, interfaces: list[str] | None = None) -> None:
        self._device = device
        self._port = port
        self._kind = "_https._tcp.local." if over_tls else "_http._tcp.local."
        self._interfaces = interfaces
        self._told: list[str] = []
        self._zeroconf: AsyncZeroconf | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Take the name away again."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._silence()

    async def _run(self) -> None:
        while True:
            addresses = self._interfaces or addresses_of_this_machine()
            if addresses != self._told:
                await self._silence()
                try:
                    await self._tell(addresses)
                except (OSError, zeroconf.Error) as error:
                    log.warning("not announced by mDNS error=%s", error)
                    await self._silence()
            await asyncio.sleep(LOOK_S)

    async def _tell(self, addresses: list[str]) -> None:
        if not addresses:
            return
        self._zeroconf = AsyncZeroconf(interfaces=addresses)
        info = AsyncServiceInfo(
            self._kind,
            f"{self._device}.{self._kind}",
            parsed_addresses=addresses,
            port=self._port,
            properties={"path": "/"},
            server=f"{self._device}.local.",
        )
        telling = await self._zeroconf.async_register_service(info, allow_name_change=True)
        self._told = addresses
        await telling  # a few times, as the protocol wants it
        log.info("announced by mDNS name=%s.local addresses=%s", self._device, ",".join(addresses))

    async def _silence(self) -> None:
        zeroconf_, self._zeroconf, self._told = self._zeroconf, None, []
        if zeroconf_ is not None:
            await zeroconf_.async_unregister_all_services()
            await zeroconf_.async_close()


def addresses_of_this_machine() -> list[str]:
    """IPv4, as others in the local network reach it; sorted."""
    found = (ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips if isinstance(ip.ip, str))
    return sorted(text for text in found if not ip_address(text).is_loopback)
