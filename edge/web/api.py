"""The interface for machines, /api/v1."""

import asyncio
import uuid
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from edge.actions.port import Answer
from edge.actions.port import Request as Asked
from edge.health import TROUBLE
from edge.web.archive import Archive
from edge.web.hub import Hub
from edge.web.port import Rooms

ANSWER_S = 60.0
PAGE, LARGEST_PAGE = 50, 500


class _Body(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    request_id: str = ""
    arguments: msgspec.Raw = msgspec.Raw(b"{}")


class Api:
    """Thread: the one that runs asyncio."""

    def __init__(self, rooms: Rooms, archive: Archive, hub: Hub) -> None:
        self._rooms = rooms
        self._archive = archive
        self._hub = hub

    def routes(self) -> list[Route]:
        return [
            Route("/api/v1/events", self.events),
            Route("/api/v1/events/{id}", self.event),
            Route("/api/v1/state", self.state),
            Route("/api/v1/actions/{name}", self.act, methods=["POST"]),
            Route("/api/v1/stream", self.stream),
            Route("/healthz", self.healthz),
        ]

    async def events(self, request: Request) -> Response:
        query = request.query_params
        limit = _number(query.get("limit"), PAGE)
        label, camera, before = query.get("label") or None, query.get("camera") or None, query.get("before") or None
        found = await self._archive.read(lambda store: store.newest(limit, label=label, camera=camera, before=before))
        return _json({"events": found, "before": found[-1].id if len(found) == limit else None})

    async def event(self, request: Request) -> Response:
        event = await self._archive.event(request.path_params["id"])
        if event is None:
            raise HTTPException(404, "there is no such event")
        return _json(event)

    async def state(self, request: Request) -> Response:
        stats = self._rooms.stats
        return _json(
            {
                "device": self._rooms.device,
                "version": self._rooms.version,
                "detector": self._rooms.detector,
                "parts": self._rooms.conditions(),
                "frames": stats.frames,
                "frames_per_s": round(stats.fps, 2),
                "dropped": stats.dropped,
            }
        )

    async def act(self, request: Request) -> Response:
        """Ask for an action; answered when it is done."""
        try:
            body = msgspec.json.decode(await request.body() or b"{}", type=_Body)
        except msgspec.MsgspecError as error:
            raise HTTPException(400, f"the request is wrong: {error}") from error
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()

        def take(value: Answer) -> None:
            if not answer.done():  # nobody waits any more after a time-out
                answer.set_result(value)

        def answered(value: Answer) -> None:
            loop.call_soon_threadsafe(take, value)

        asked = Asked(
            id=body.request_id or str(uuid.uuid4()),
            action=request.path_params["name"],
            arguments=bytes(body.arguments),
            origin="web",
            granted=request.state.session.granted,
        )
        self._rooms.ask(asked, answered)
        try:
            got = await asyncio.wait_for(answer, ANSWER_S)
        except TimeoutError:
            raise HTTPException(504, "not done yet: ask again with the same request_id") from None
        return _json(got, 200 if got.ok else 409)

    async def stream(self, request: Request) -> Response:
        if self._hub.full:
            raise HTTPException(503, "too many pages are open")
        return StreamingResponse(
            self._hub.listen(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )

    async def healthz(self, request: Request) -> Response:
        """200 while at least one camera runs; 503 else. Says nothing that a stranger must not know."""
        cameras = [each for each in self._rooms.conditions() if each.part == "camera"]
        well = any(each.state not in TROUBLE for each in cameras)
        return _json({"well": well}, 200 if well else 503)


def _json(value: Any, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type="application/json")


def _number(text: str | None, default: int) -> int:
    if text is None:
        return default
    if not text.isdigit() or not 1 <= int(text) <= LARGEST_PAGE:
        raise HTTPException(400, f"limit is 1 to {LARGEST_PAGE}")
    return int(text)
