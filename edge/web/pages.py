"""The pages that people look at."""

import asyncio
import time
from datetime import date
from itertools import groupby
from urllib.parse import parse_qsl, urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response, StreamingResponse
from starlette.routing import Route

from edge.clock import date_of, day_of, local_day
from edge.health import Condition
from edge.store.events import EventStore
from edge.store.port import Event
from edge.web.access import Access
from edge.web.archive import Archive
from edge.web.guard import COOKIE
from edge.web.live import MEDIA_TYPE, Live
from edge.web.patience import body_of
from edge.web.places import places_of
from edge.web.plots import by_day, timeline
from edge.web.port import Rooms
from edge.web.render import Renderer, kind_of

RECENT, PAGE, TIMELINE = 12, 48, 2000
WORKS_S = 5.0
FOR_EVER = {"Cache-Control": "private, max-age=31536000, immutable"}


class Pages:
    """Thread: the one that runs asyncio."""

    def __init__(self, rooms: Rooms, access: Access, archive: Archive, live: Live, renderer: Renderer) -> None:
        self._rooms = rooms
        self._access = access
        self._archive = archive
        self._live = live
        self._render = renderer

    def routes(self) -> list[Route]:
        return [
            Route("/", self.live),
            Route("/events", self.events),
            Route("/events/{id}", self.event),
            Route("/events/{id}/picture.jpg", self.picture),
            Route("/events/{id}/thumbnail.jpg", self.thumbnail),
            Route("/events/{id}/clips/{number:int}.mp4", self.clip),
            Route("/counts", self.counts),
            Route("/cameras/{name}/now.jpg", self.now),
            Route("/cameras/{name}/live", self.stream),
            Route("/login", self.login),
            Route("/login", self.log_in, methods=["POST"]),
            Route("/logout", self.log_out, methods=["POST"]),
        ]

    async def live(self, request: Request) -> Response:
        events = await self._archive.read(lambda store: store.newest(RECENT))
        conditions = {each.name: each for each in self._rooms.conditions() if each.part == "camera"}
        cameras = [self._camera(name, conditions.get(name)) for name in self._rooms.cameras]
        return self._render.page(request, "live.html", cameras=cameras, events=events)

    def _camera(self, name: str, condition: Condition | None) -> dict[str, object]:
        frame = self._rooms.newest(name)
        state = condition.state if condition is not None else "starting"
        cause = condition.cause if condition is not None else ""
        size = frame.size if frame is not None else None
        armed = self._rooms.armed(name)
        places = places_of(self._rooms.config, name)
        return {
            "name": name, "frame": size, "state": state, "kind": kind_of(state), "cause": cause, "armed": armed, "places": places,
        }  # fmt: skip

    async def events(self, request: Request) -> Response:
        query = request.query_params
        label, camera, zone = (query.get(name) or None for name in ("label", "camera", "zone"))
        day = _day(query.get("day"))
        days = (day_of(day), day_of(day)) if day is not None else None
        before = query.get("before") or None
        read = self._archive.read
        found = await read(
            lambda store: store.newest(PAGE + 1, label=label, camera=camera, zone=zone, days=days, before=before)
        )
        shown = days or (local_day(time.time()),) * 2
        of_day = await read(lambda store: store.newest(TIMELINE, label=label, camera=camera, zone=zone, days=shown))

        def link(**changed: str | None) -> str:
            wanted = {"day": query.get("day"), "label": label, "camera": camera, "zone": zone, **changed}
            return "/events?" + urlencode({key: value for key, value in wanted.items() if value})

        return self._render.page(
            request,
            "events.html",
            days=[(day, list(group)) for day, group in groupby(found[:PAGE], _day_of)],
            labels=await read(EventStore.labels),
            cameras=self._rooms.cameras,
            zones=sorted({each.name for each in self._rooms.config.zone}),
            label=label,
            camera=camera,
            zone=zone,
            day=day.isoformat() if day is not None else None,
            before_day=link(day=_beside(day, -1)),
            after_day=link(day=_beside(day, 1)) if _beside(day, 1) else None,
            timeline=timeline(of_day if before is None else ()),
            query=link().partition("?")[2],
            older=link(before=found[PAGE - 1].id) if len(found) > PAGE else None,
        )

    async def event(self, request: Request) -> Response:
        event = await self._event(request)
        ended = event.end_reason or "still there"
        return self._render.page(
            request,
            "event.html",
            event=event,
            ended="stored picture" if ended == "still" else ended,
            lasted=_lasted(event),
            picture=self._archive.picture_file(event) is not None,
            clips=await self._archive.clips(event),
        )

    async def picture(self, request: Request) -> Response:
        path = self._archive.picture_file(await self._event(request))
        if path is None:
            raise HTTPException(404, "there is no picture")
        return FileResponse(path, media_type="image/jpeg", headers=FOR_EVER)

    async def thumbnail(self, request: Request) -> Response:
        jpeg = await self._archive.thumbnail(await self._event(request))
        if jpeg is None:
            raise HTTPException(404, "there is no picture")
        return Response(jpeg, media_type="image/jpeg", headers=FOR_EVER)

    async def clip(self, request: Request) -> Response:
        """The event's clip of that number, from 0; parts of it on request."""
        clips = await self._archive.clips(await self._event(request))
        number: int = request.path_params["number"]
        path = self._archive.clip_file(clips[number]) if number < len(clips) else None
        if path is None:
            raise HTTPException(404, "there is no such clip")
        return FileResponse(path, media_type="video/mp4", headers=FOR_EVER)

    async def counts(self, request: Request) -> Response:
        today = local_day(time.time())
        counts = await self._archive.read(lambda store: store.count_labels((today - 29, today)))
        return self._render.page(request, "counts.html", plot=by_day(counts, today))

    async def now(self, request: Request) -> Response:
        """One picture, with what was recognised in it beside it; 304 when the caller has it already."""
        name = self._named(request)
        view = await self._live.view(name)
        if view is None:
            raise HTTPException(404, "there is no picture yet")
        if request.headers.get("if-none-match") == view.tag:
            return Response(status_code=304)
        return Response(view.jpeg, media_type="image/jpeg", headers={"ETag": view.tag, "X-Things": view.things})

    async def stream(self, request: Request) -> Response:
        """Pictures without an end, for what understands `multipart/x-mixed-replace`."""
        name = self._named(request)
        if self._live.full:
            raise HTTPException(503, "too many people are watching")
        return StreamingResponse(self._live.stream(name), media_type=MEDIA_TYPE)

    def _named(self, request: Request) -> str:
        name: str = request.path_params["name"]
        if name not in self._rooms.cameras:
            raise HTTPException(404, "there is no such camera")
        return name

    async def login(self, request: Request) -> Response:
        return self._login_page(request, request.query_params.get("next", "/"))

    def _login_page(self, request: Request, after: str, *, wrong: bool = False) -> Response:
        first = self._access.first_password
        status = 403 if wrong else 200
        return self._render.page(request, "login.html", status, next=after, wrong=wrong, first=first)

    async def log_in(self, request: Request) -> Response:
        form = await _form(request)
        after = _local(form.get("next", "/"))
        address = request.client.host if request.client is not None else ""
        cookie = await asyncio.to_thread(self._access.log_in, form.get("password", ""), address)
        if cookie is None:
            return self._login_page(request, after, wrong=True)
        response = RedirectResponse(after, 303)
        response.set_cookie(
            COOKIE, cookie, max_age=30 * 86_400, httponly=True, samesite="strict", secure=request.url.scheme == "https"
        )
        return response

    async def log_out(self, request: Request) -> Response:
        response = RedirectResponse("/login", 303)
        response.delete_cookie(COOKIE)
        return response

    async def _event(self, request: Request) -> Event:
        event = await self._archive.event(request.path_params["id"])
        if event is None:
            raise HTTPException(404, "there is no such event")
        return event


async def _form(request: Request) -> dict[str, str]:
    return dict(parse_qsl((await body_of(request)).decode(errors="replace"), max_num_fields=10))


def _local(path: str) -> str:
    """A path of ours, never another site."""
    return path if path.startswith("/") and not path.startswith(("//", "/\\")) else "/"


def _day(text: str | None) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise HTTPException(400, "that is no day: write 2026-11-21") from error


def _day_of(event: Event) -> int:
    return local_day(event.started.wall_s)


def _beside(day: date | None, days: int) -> str | None:
    """The day so many days from that one; None: there is none, or it is in the future."""
    wanted = day_of(day) + days if day is not None else None
    return date_of(wanted).isoformat() if wanted is not None and wanted <= local_day(time.time()) else None


def _lasted(event: Event) -> str:
    seconds = event.seen.boot_s - event.started.boot_s
    if event.end_reason == "still":
        return "—"
    if seconds < 60:
        return f"{seconds:.1f} s"
    return f"{int(seconds) // 60} min {int(seconds) % 60} s"
