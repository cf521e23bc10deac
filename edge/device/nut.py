"""A UPS that Network UPS Tools looks after: `upsd` is asked again and again, as it tells nothing by itself.

The part of NUT's protocol that this needs is two requests, so it needs no package.
"""

import asyncio
import shlex
from typing import NamedTuple

from edge.device.port import Facet, PowerReading, Report, SourceError
from edge.device.state import PowerSource

PORT = 3493
ANSWER_S = 5.0
MAX_LINES = 1000


class Address(NamedTuple):
    """`ups` empty: the first that the server lists."""

    ups: str = ""
    host: str = "localhost"
    port: int = PORT


def parse_address(text: str) -> Address:
    """`NAME@HOST:PORT` as NUT's own tools take it; each part may be missing. The configuration has checked it."""
    ups, _, place = text.partition("@")
    host, _, port = place.partition(":")
    return Address(ups, host or "localhost", int(port or PORT))


class Nut:
    """The source."""

    name = "nut"
    facet: Facet = "power"

    def __init__(self, address: Address, interval_s: float) -> None:
        self._address = address
        self._interval_s = interval_s

    async def run(self, report: Report) -> None:
        address = self._address
        try:
            async with asyncio.timeout(ANSWER_S):
                reader, writer = await asyncio.open_connection(address.host, address.port)
            try:
                server = _Server(reader, writer)
                ups = address.ups or await server.first_ups()
                while True:
                    report(reading_of(ups, await server.variables(ups)))
                    await asyncio.sleep(self._interval_s)
            finally:
                writer.close()
        except TimeoutError as error:
            raise SourceError(f"nut: {address.host}:{address.port} does not answer within {ANSWER_S:.0f} s") from error
        except (OSError, ValueError, EOFError) as error:
            hint = "is upsd running, and does it listen there?"
            raise SourceError(f"nut: {address.host}:{address.port}: {error}", hint=hint) from error


def reading_of(ups: str, variables: dict[str, str]) -> PowerReading:
    """From `ups.status`, words such as `OL CHRG` or `OB LB`, and `battery.charge`."""
    words = variables.get("ups.status", "").split()
    source: PowerSource = "battery" if "OB" in words else "mains" if "OL" in words else "unknown"
    try:
        percent = float(variables["battery.charge"])
    except (KeyError, ValueError):
        percent = None
    return PowerReading(
        source=source,
        percent=percent,
        low=None if source == "unknown" else "LB" in words,
        told_by=f"{ups} {' '.join(words)}".strip(),
    )


class _Server:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def first_ups(self) -> str:
        rows = await self._list("UPS")
        if not rows:
            raise SourceError("nut: the server has no UPS", hint="add one to ups.conf")
        return rows[0][1]

    async def variables(self, ups: str) -> dict[str, str]:
        return {row[2]: row[3] for row in await self._list(f"VAR {ups}") if len(row) == 4}

    async def _list(self, what: str) -> list[list[str]]:
        """`LIST …`: the rows between BEGIN and END, split into words."""
        async with asyncio.timeout(ANSWER_S):
            self._writer.write(f"LIST {what}\n".encode())
            first = await self._line()
            if not first.startswith("BEGIN"):
                raise SourceError(f"nut: LIST {what} was answered: {first}", hint=_REMEDIES.get(first, ""))
            rows: list[list[str]] = []
            while not (line := await self._line()).startswith("END"):
                if len(rows) == MAX_LINES:
                    raise SourceError(f"nut: LIST {what} has no end")
                rows.append(shlex.split(line))
            return rows

    async def _line(self) -> str:
        line = await self._reader.readline()
        if not line.endswith(b"\n"):
            raise ConnectionError("the server has closed the connection")
        return line.decode(errors="replace").strip()


_REMEDIES = {
    "ERR DRIVER-NOT-CONNECTED": "the UPS's driver has died or the cable is out: upsdrvctl start",
    "ERR DATA-STALE": "the driver has not heard from the UPS for a while: look at its cable",
    "ERR UNKNOWN-UPS": "`upsc -l` lists the names",
}
