"""Serves the page in the appliance's own asyncio loop. The only file that imports uvicorn."""

import asyncio
import logging
import socket
from collections.abc import Mapping, Sequence
from contextlib import nullcontext

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from edge import config
from edge.errors import EdgeError, StoreError
from edge.store.port import Record
from edge.web.access import Access
from edge.web.api.operation import Refusal, RefusedRequest, as_json
from edge.web.api.routes import Api
from edge.web.archive import Archive
from edge.web.guard import Guard
from edge.web.hub import Hub
from edge.web.live import Live
from edge.web.pages import Pages
from edge.web.port import Rooms
from edge.web.render import FOLDER, Renderer, lamp_of
from edge.web.upkeep import Upkeep

log = logging.getLogger(__name__)

STOP_S = 2.0
CONNECTIONS = 64
LAMP_S = 1.0


class Server:
    """Thread: the one that runs asyncio.

    Raises (constructor):
        StoreError: who may log in cannot be read or written.
    """

    def __init__(self, rooms: Rooms, settings: config.Web) -> None:
        self._rooms = rooms
        self._settings = settings
        self.access = Access(rooms.data_dir, rooms.clock)
        self.hub = Hub()
        self._live = Live(rooms.newest, rooms.scene)
        self._archive = Archive(rooms.data_dir)
        self._server: uvicorn.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self.port = settings.port

    async def start(self) -> None:
        """Raises EdgeError: the address is taken or not ours."""
        listener = self._listen()
        self.port = listener.getsockname()[1]
        server = uvicorn.Server(
            uvicorn.Config(
                self.app(),
                log_config=None,
                access_log=False,
                lifespan="off",
                server_header=False,
                limit_concurrency=CONNECTIONS,
                timeout_graceful_shutdown=int(STOP_S),
                proxy_headers=False,
            )
        )
        server.capture_signals = nullcontext  # type: ignore[assignment,method-assign]  # the appliance has its own
        self._server = server
        self.hub.start()
        self._tasks = [asyncio.create_task(server.serve([listener])), asyncio.create_task(self._tell_health())]
        first = f", first password in {path}" if (path := self.access.first_password) is not None else ""
        log.info("page at http://%s:%d%s", self._settings.host, self.port, first)

    async def stop(self) -> None:
        self.hub.close()
        self._live.close()
        if self._server is not None:
            self._server.should_exit = True
            serving, telling = self._tasks
            telling.cancel()
            await asyncio.wait([serving], timeout=2 * STOP_S)
            serving.cancel()
        await self._archive.close()

    def committed(self, records: Sequence[Record]) -> None:
        """Tell open pages of events that are on the card. Thread: any; does not block."""
        for record in records:
            for event in record.events:
                self.hub.publish("event", {"id": event.id, "ended": event.end_reason is not None, "title": event.title})

    def app(self) -> Starlette:
        renderer = Renderer(self._rooms)
        pages = Pages(self._rooms, self.access, self._archive, self._live, renderer)
        upkeep = Upkeep(self._rooms, self._archive, renderer)
        api = Api(self._rooms, self.access, self._archive, self.hub)
        return Starlette(
            routes=[
                *pages.routes(),
                *upkeep.routes(),
                *api.routes(),
                Mount("/static", StaticFiles(directory=FOLDER / "static")),
            ],
            middleware=[Middleware(Guard, access=self.access)],
            exception_handlers={HTTPException: _refused, StoreError: _failed},
        )

    def _listen(self) -> socket.socket:
        host, port = self._settings.host, self._settings.port
        try:
            return socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        except OSError as error:
            hint = "choose another with web.host and web.port"
            raise EdgeError(f"web: {host}:{port} cannot be listened on: {error.strerror}", hint=hint) from error

    async def _tell_health(self) -> None:
        """Open pages are told when the device's state changes."""
        told = None
        while True:
            lamp = lamp_of(self._rooms.conditions())
            if lamp != told:
                told = lamp
                self.hub.publish("health", {"kind": lamp.kind, "text": lamp.text})
            await asyncio.sleep(LAMP_S)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    refusal = error.refusal if isinstance(error, RefusedRequest) else Refusal(str(error.detail))
    return _problem(request, error.status_code, refusal, error.headers)


async def _failed(request: Request, error: Exception) -> Response:
    log.error("page failed path=%s error=%s", request.url.path, error)
    return _problem(request, 503, Refusal("what is kept cannot be read just now"))


def _problem(request: Request, status: int, refusal: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    for_machine = request.url.path.startswith("/api/")
    response = as_json(refusal, status) if for_machine else PlainTextResponse(f"{refusal.error}\n", status)
    response.headers.update(headers or {})
    return response
