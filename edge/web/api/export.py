"""What is kept, to take away: a zip with pictures and clips, or the events alone as CSV or JSON Lines."""

import csv
import io
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Annotated

import msgspec
from starlette.responses import Response, StreamingResponse

from edge.clock import iso_utc
from edge.store.port import Event
from edge.web.api.events import Selection, shown_event
from edge.web.api.operation import BASE, Call, Operation
from edge.web.archive import Archive
from edge.web.port import Rooms
from edge.web.zipping import Member, zipped

PAGE = 200
MOST = 20_000
"""Events of one export: what a zip must remember of each of its files is about 500 bytes."""
COLUMNS = ("id", "started_at", "seen_at", "ended_at", "end_reason", "camera", "label", "sub_label", "score", "zones", "left", "top",
           "right", "bottom", "picture", "kept")  # fmt: skip
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet takes for the beginning of a formula."""


class Taken(Selection, frozen=True, kw_only=True, forbid_unknown_fields=True):
    ids: Annotated[str, msgspec.Meta(max_length=4000)] | None = None
    """Only the events of these ids, with commas between; the rest of the query does not count then."""


class Export:
    """Thread: the one that runs asyncio."""

    def __init__(self, rooms: Rooms, archive: Archive) -> None:
        self._rooms = rooms
        self._archive = archive

    def operations(self) -> list[Operation]:
        return [
            Operation(path=f"{BASE}/export.zip", summary="Events with their pictures and clips", run=self.zip, query=Taken,
                      media="application/zip", refusals=(503,)),
            Operation(path=f"{BASE}/export.csv", summary="Events as a table", run=self.csv, query=Taken, media="text/csv",
                      refusals=(503,)),
            Operation(path=f"{BASE}/export.jsonl", summary="Events, one a line, as they are published", run=self.jsonl, query=Taken,
                      media="application/jsonl", refusals=(503,)),
        ]  # fmt: skip

    async def zip(self, call: Call) -> Response:
        return _attached(zipped(self._members(self._pages(call.query))), "application/zip", "events.zip")

    async def csv(self, call: Call) -> Response:
        pages = self._pages(call.query)

        async def lines() -> AsyncIterator[bytes]:
            yield _row(COLUMNS)
            async for events in pages:
                yield b"".join(map(table_row, events))

        return _attached(lines(), "text/csv", "events.csv")

    async def jsonl(self, call: Call) -> Response:
        pages = self._pages(call.query)

        async def lines() -> AsyncIterator[bytes]:
            async for events in pages:
                yield b"".join(map(self._line, events))

        return _attached(lines(), "application/jsonl", "events.jsonl")

    def _line(self, event: Event) -> bytes:
        return msgspec.json.encode(shown_event(event, self._rooms.device)) + b"\n"

    def _pages(self, asked: Taken) -> AsyncIterator[list[Event]]:
        """Newest first. Raises RefusedRequest at once when the query is wrong."""
        asked.query(PAGE, None)
        return self._chosen(asked.ids.split(",")) if asked.ids else self._selected(asked)

    async def _selected(self, asked: Selection) -> AsyncIterator[list[Event]]:
        before, count = None, 0
        while events := await self._archive.read(asked.query(min(PAGE, MOST - count), before)):
            yield events
            before, count = events[-1].id, count + len(events)
            if count >= MOST:
                return

    async def _chosen(self, ids: list[str]) -> AsyncIterator[list[Event]]:
        for id_ in dict.fromkeys(ids):
            event = await self._archive.event(id_)
            if event is not None:
                yield [event]

    async def _members(self, pages: AsyncIterator[list[Event]]) -> AsyncIterator[Iterable[Member]]:
        """Pictures and clips, each once, and what is known of them as lines a page at a time."""
        seen, number = set[Path](), 0
        async for events in pages:
            number += 1
            at_s = events[0].started.wall_s
            yield [Member(f"events-{number:03}.jsonl", b"".join(map(self._line, events)), at_s)]
            for event in events:
                files = [(path, name) for path, name in await self._files(event) if path not in seen]
                seen |= {path for path, _ in files}
                yield [Member(name, path, event.started.wall_s) for path, name in files]

    async def _files(self, event: Event) -> list[tuple[Path, str]]:
        found = []
        if (picture := self._archive.picture_file(event)) is not None:
            found.append((picture, f"{name_of(event)}.jpg"))
        for clip in await self._archive.clips(event):
            if (path := self._archive.clip_file(clip)) is not None:
                found.append((path, f"{name_of(event)}-{clip.id[-6:]}.mp4"))
        return found


def name_of(event: Event) -> str:
    """Without anything of the label or the camera that a file name cannot have everywhere."""
    words = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in event.label)[:40].strip("-")
    stamp = iso_utc(event.started.wall_s)[:19].replace(":", "").replace("-", "")
    return f"{event.camera}/{stamp}Z-{words or 'event'}-{event.id[-6:]}"


def table_row(event: Event) -> bytes:
    ended = iso_utc(event.seen.wall_s) if event.end_reason is not None else ""
    return _row(
        (
            event.id, iso_utc(event.started.wall_s), iso_utc(event.seen.wall_s), ended, event.end_reason or "", event.camera, event.label,
            event.sub_label or "", f"{event.score:.4f}", " ".join(event.zones), *(f"{value:.4f}" for value in event.box),
            event.picture.path if event.picture is not None else "", "yes" if event.kept else "",
        )
    )  # fmt: skip


def _row(values: Iterable[str]) -> bytes:
    place = io.StringIO()
    csv.writer(place, lineterminator="\r\n").writerow([harmless(value) for value in values])
    return place.getvalue().encode(errors="replace")


def harmless(value: str) -> str:
    """A text that no spreadsheet takes for a formula; spreadsheets do not show the apostrophe."""
    return f"'{value}" if value.startswith(FORMULA) else value


def _attached(content: AsyncIterator[bytes], media_type: str, name: str) -> Response:
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return StreamingResponse(content, media_type=media_type, headers=headers)
