"""A zip archive that is written while it is sent: nothing of it stands on the card, and no file stands in memory whole."""

import asyncio
import io
import time
import zipfile
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from contextlib import aclosing
from pathlib import Path
from typing import NamedTuple

CHUNK_BYTES = 256 * 1024
_OLDEST = 315_532_800.0
"""1980-01-01: a zip knows no earlier time."""


class Member(NamedTuple):
    """A file of the archive. `content` is a file's path, or the bytes themselves; a file that is gone is left out."""

    name: str
    content: Path | bytes
    at_wall_s: float


class _Sink(io.RawIOBase):
    """Takes what the archive writes until it is fetched. It cannot seek, so that sizes follow behind each member."""

    def __init__(self) -> None:
        self._parts = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: object) -> int:
        part = bytes(data)  # type: ignore[call-overload]
        self._parts += part
        return len(part)

    def fetch(self) -> bytes:
        parts, self._parts = self._parts, bytearray()
        return bytes(parts)


async def zipped(pages: AsyncIterator[Iterable[Member]]) -> AsyncIterator[bytes]:
    """The archive in pieces of about `CHUNK_BYTES`; nothing is compressed: pictures and clips are already."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        async for members in pages:
            for member in members:
                async with aclosing(
                    _written(archive, sink, member)
                ) as parts:  # whoever goes away leaves no member open
                    async for part in parts:
                        yield part
    yield sink.fetch()


async def _written(archive: zipfile.ZipFile, sink: _Sink, member: Member) -> AsyncGenerator[bytes, None]:
    info = zipfile.ZipInfo(member.name, _date_time(member.at_wall_s))
    if isinstance(member.content, bytes):
        archive.writestr(info, member.content)
        yield sink.fetch()
        return
    try:
        file = await asyncio.to_thread(member.content.open, "rb")
    except OSError:  # deleted meanwhile: the rows say what it was
        return
    with file, archive.open(info, "w", force_zip64=True) as entry:
        while chunk := await asyncio.to_thread(file.read, CHUNK_BYTES):
            entry.write(chunk)
            yield sink.fetch()
    yield sink.fetch()


def _date_time(wall_s: float) -> tuple[int, int, int, int, int, int]:
    year, month, day, hour, minute, second = time.localtime(max(wall_s, _OLDEST + 86_400))[:6]
    return year, month, day, hour, minute, second
