"""Serves the page in the appliance's own asyncio loop. This file and `protocol` are the only ones that import uvicorn."""

import asyncio
import logging
import socket
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.types import ASGIApp

from edge import config
from edge.backup.looking import Looking
from edge.errors import EdgeError, StoreError
from edge.store.port import Record
from edge.web.access import FOLDER, Access
from edge.web.api.operation import Refusal, RefusedRequest, as_json
from edge.web.api.routes import Api
from edge.web.api.works import ShownWork, shown_work
from edge.web.archive import Archive
from edge.web.certificate import Certificate, Pair, check_pair, is_encrypted, is_loopback, names_of
from edge.web.door import Door
from edge.web.guard import Guard
from edge.web.hub import Hub
from edge.web.listening import SendOn, listen
from edge.web.live import Live
from edge.web.page_files import PageFiles
from edge.web.pages import Pages
from edge.web.port import Rooms
from edge.web.protocol import PatientProtocol
from edge.web.render import FOLDER as PAGE_FOLDER
from edge.web.render import Renderer, lamp_of
from edge.web.upkeep import Upkeep
from edge.work.observe import WorkInfo

if TYPE_CHECKING:
    from edge.web.mdns import Announcer

log = logging.getLogger(__name__)

STOP_S = 2.0
CONNECTIONS = 64
LAMP_S = 1.0
RENEW_S = 43_200.0
FIRST_PAUSE_S, MOST_PAUSE_S = 1.0, 30.0
"""Between two tries to serve; a router that starts with the device gives it its address minutes later."""


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
        self._looking = Looking()
        self._servers: list[uvicorn.Server] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._certificate: Certificate | None = None
        self._works: dict[str, ShownWork] = {}
        self._announcer: Announcer | None = None
        self._trouble = ""
        self.port = settings.port
        self.redirect_port = settings.redirect_port
        self.over_tls = False

    async def start(self) -> None:
        """Serve. What cannot be now is tried again until it can: the address is taken or not ours yet, or there is no certificate where
        one must be. The state says so."""
        if not await self._opened():
            self._tasks.append(asyncio.create_task(self._open_later()))

    async def _open_later(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            await asyncio.sleep(pause_s)
            if await self._opened():
                return
            pause_s = min(2 * pause_s, MOST_PAUSE_S)

    async def _opened(self) -> bool:
        """Whether all is served that is wanted."""
        try:
            if not self._servers:
                await self._open()
            if self.over_tls and self._settings.redirect_port:
                self._serve(SendOn(self.port), listen(self._settings.host, self._settings.redirect_port), None)
        except (EdgeError, OSError) as error:
            self._told(error)
            return False
        if self.over_tls or not is_encrypted(self._settings):
            self._rooms.report("running", "")
        return True

    def _told(self, error: Exception) -> None:
        if str(error) != self._trouble:
            log.warning("page not served whole, tried again error=%s", error)
        self._trouble = str(error)
        self._rooms.report("degraded" if self._servers else "failed", self._trouble)

    async def _open(self) -> None:
        """Raises EdgeError: see `start`."""
        settings = self._settings
        listener = listen(settings.host, settings.port)
        try:
            pair = await asyncio.to_thread(self._pair)
        except BaseException:
            listener.close()
            raise
        self.port = listener.getsockname()[1]
        self.over_tls = pair is not None
        self._serve(self.app(), listener, pair)
        self.hub.start()
        self._tasks += [asyncio.create_task(self._tell_health()), asyncio.create_task(self._renew())]
        await self._announce()
        first = f", first password in {path}" if (path := self.access.first_password) is not None else ""
        log.info("page at %s://%s:%d%s", "https" if pair else "http", settings.host, self.port, first)

    async def stop(self) -> None:
        self.hub.close()
        self._live.close()
        # Whoever ends the loop waits for its threads, and a remote that hangs would keep them for minutes.
        self._looking.end()
        if self._announcer is not None:
            await self._announcer.stop()
        for server in self._servers:
            server.should_exit = True
        serving, others = self._tasks[: len(self._servers)], self._tasks[len(self._servers) :]
        for task in others:
            task.cancel()
        if serving:
            await asyncio.wait(serving, timeout=2 * STOP_S)
        for task in serving:
            task.cancel()
        await self._archive.close()

    def _serve(self, app: ASGIApp, listener: socket.socket, pair: Pair | None) -> None:
        # What strangers do wrong must not fill the log.
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        settings = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            http=PatientProtocol,
            limit_concurrency=CONNECTIONS,
            timeout_graceful_shutdown=int(STOP_S),
            proxy_headers=False,
            ssl_certfile=pair.certificate if pair is not None else None,
            ssl_keyfile=pair.key if pair is not None else None,
        )
        settings.load()
        server = uvicorn.Server(settings)
        server.capture_signals = nullcontext  # type: ignore[assignment,method-assign]  # the appliance has its own
        self._tasks.insert(len(self._servers), asyncio.create_task(server.serve([listener])))
        self._servers.append(server)

    def _pair(self) -> Pair | None:
        """What TLS is spoken with; None: plain HTTP."""
        settings = self._settings
        if not is_encrypted(settings):
            return None
        if settings.cert_file:
            given = Pair(Path(settings.cert_file), Path(settings.key_file or settings.cert_file))
            check_pair(*given)
            return given
        names = names_of(self._rooms.device, socket.gethostname())
        self._certificate = Certificate(self._rooms.data_dir / FOLDER, names)
        try:
            self._certificate.ensure()
        except EdgeError as error:
            if settings.tls == "on":
                raise
            log.warning("page without TLS error=%s", error)
            self._rooms.report("degraded", f"without TLS: {error}")
            return None
        return self._certificate.pair

    async def _renew(self) -> None:
        """The device's own certificate; connections from then on see the new one."""
        while self._certificate is not None:
            await asyncio.sleep(RENEW_S)
            try:
                if (
                    await asyncio.to_thread(self._certificate.ensure)
                    and (context := self._servers[0].config.ssl) is not None
                ):
                    context.load_cert_chain(*self._certificate.pair)
            except (EdgeError, OSError) as error:
                log.warning("certificate not renewed error=%s", error)

    async def _announce(self) -> None:
        """Be found by name; the page serves without it."""
        settings = self._settings
        if not settings.mdns or is_loopback(settings.host):
            return
        try:
            from edge.web.mdns import Announcer

            self._announcer = Announcer(self._rooms.device, self.port, over_tls=self.over_tls)
        except ImportError:
            log.info("not announced by mDNS: install the extra mdns")
            return
        await self._announcer.start()

    def committed(self, records: Sequence[Record]) -> None:
        """Tell open pages of events that are on the card. Thread: any; does not block."""
        for record in records:
            for event in record.events:
                self.hub.publish("event", {"id": event.id, "ended": event.end_reason is not None, "title": event.title})

    def works_changed(self, infos: Sequence[WorkInfo]) -> None:
        """Tell open pages of each work that is otherwise than before. Thread: one; does not block."""
        now = {info.id: shown_work(info) for info in infos}
        for id_, work in now.items():
            if self._works.get(id_) != work:
                self.hub.publish("work", work)
        self._works = now

    def app(self) -> ASGIApp:
        renderer = Renderer(self._rooms)
        pages = Pages(self._rooms, self.access, self._archive, self._live, renderer)
        upkeep = Upkeep(self._rooms, self._archive, renderer)
        api = Api(self._rooms, self.access, self._archive, self.hub, self._looking)
        also_open = ["/metrics"] if self._settings.open_metrics else []
        return Starlette(
            routes=[
                *pages.routes(),
                *upkeep.routes(),
                *Door(self._rooms.pairing, self.access, renderer).routes(),
                *api.routes(),
                Mount("/static", PageFiles(directory=PAGE_FOLDER / "static")),
            ],
            middleware=[Middleware(Guard, access=self.access, also_open=also_open)],
            exception_handlers={HTTPException: _refused, StoreError: _failed},
        )

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
    log.error("page failed path=%s error=%s", request.scope["path"], error)
    return _problem(request, 503, Refusal("what is kept cannot be read just now"))


def _problem(request: Request, status: int, refusal: Refusal, headers: Mapping[str, str] | None = None) -> Response:
    for_machine = request.scope["path"].startswith("/api/")
    response = as_json(refusal, status) if for_machine else PlainTextResponse(f"{refusal.error}\n", status)
    response.headers.update(headers or {})
    return response
