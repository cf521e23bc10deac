"""Events over HTTP, with their pictures and clips."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Annotated

import msgspec
from starlette.responses import FileResponse, Response

from edge.days import parse_days
from edge.errors import ConfigError
from edge.events.message import ClipMessage, EventMessage, body_of, clip_body
from edge.events.port import Kind
from edge.store.events import EventStore
from edge.store.port import Event
from edge.web.api.operation import BASE, Call, Operation, RefusedRequest
from edge.web.archive import Archive
from edge.web.port import Rooms

FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}


class ShownEvent(EventMessage, frozen=True, kw_only=True):
    """As it is published (docs/mqtt.md). `kept`: somebody wants it never to be deleted."""

    kept: bool


class Page(msgspec.Struct, frozen=True):
    """`before` asks for the next page; null: this is the last."""

    events: list[ShownEvent]
    before: str | None


class Selection(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which events; empty: all."""

    label: str | None = None
    camera: str | None = None
    zone: str | None = None
    day: str | None = None
    """`2026-11-21`, `today`, `yesterday`, or two days with `..` between."""

    def query(self, limit: int, before: str | None) -> Callable[[EventStore], list[Event]]:
        """Raises RefusedRequest: that is no day."""
        try:
            days = parse_days(self.day, today()) if self.day is not None else None
        except ConfigError as error:
            raise RefusedRequest(400, str(error.args[0]), hint=error.hint) from error
        return lambda store: store.newest(
            limit, label=self.label, camera=self.camera, zone=self.zone, days=days, before=before
        )


class PageOf(Selection, frozen=True, kw_only=True, forbid_unknown_fields=True):
    limit: Annotated[int, msgspec.Meta(ge=1, le=500)] = 50
    before: str | None = None


class Events:
    """Thread: the one that runs asyncio."""

    def __init__(self, rooms: Rooms, archive: Archive) -> None:
        self._rooms = rooms
        self._archive = archive

    def operations(self) -> list[Operation]:
        one = f"{BASE}/events/{{id}}"
        return [
            Operation(path=f"{BASE}/events", summary="Events, newest first", run=self.listed, query=PageOf, answer=Page, refusals=(503,)),
            Operation(path=one, summary="One event", run=self.one, answer=ShownEvent, refusals=(503,)),
            Operation(path=f"{one}/picture.jpg", summary="Its picture", run=self.picture, media="image/jpeg", refusals=(503,)),
            Operation(path=f"{one}/clips", summary="Clips that show it, oldest first", run=self.clips, answer=list[ClipMessage],
                      refusals=(503,)),
            Operation(path=f"{one}/clips/{{number}}.mp4", summary="One of them, counted from 0; parts of it on request", run=self.clip,
                      media="video/mp4", refusals=(503,)),
        ]  # fmt: skip

    async def listed(self, call: Call) -> Page:
        asked: PageOf = call.query
        found = await self._archive.read(asked.query(asked.limit, asked.before))
        before = found[-1].id if len(found) == asked.limit else None
        return Page([shown_event(event, self._rooms.device) for event in found], before)

    async def one(self, call: Call) -> ShownEvent:
        return shown_event(await self._event(call), self._rooms.device)

    async def picture(self, call: Call) -> Response:
        path = self._archive.picture_file(await self._event(call))
        if path is None:
            raise RefusedRequest(404, "there is no picture")
        return FileResponse(path, media_type="image/jpeg", headers=FOR_EVER)

    async def clips(self, call: Call) -> list[ClipMessage]:
        clips = await self._archive.clips(await self._event(call))
        return [clip_body(clip, self._rooms.device) for clip in clips]

    async def clip(self, call: Call) -> Response:
        clips = await self._archive.clips(await self._event(call))
        number = int(call.part("number"))
        path = self._archive.clip_file(clips[number]) if number < len(clips) else None
        if path is None:
            raise RefusedRequest(404, "there is no such clip")
        return FileResponse(path, media_type="video/mp4", headers=FOR_EVER)

    async def _event(self, call: Call) -> Event:
        event = await self._archive.event(call.part("id"))
        if event is None:
            raise RefusedRequest(404, "there is no such event")
        return event


def shown_event(event: Event, device: str) -> ShownEvent:
    kind: Kind = "ended" if event.end_reason is not None else "started" if event.revision == 1 else "updated"
    return ShownEvent(**msgspec.structs.asdict(body_of(kind, event, device)), kept=event.kept)


def today() -> date:
    """Of the device's calendar."""
    return datetime.now().date()
