"""The page in a thread of its own, and somebody who asks it."""

import asyncio
import http.client
import json
import re
import threading
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import numpy as np
from starlette.types import ASGIApp

from edge import config
from edge.actions.performer import Performer
from edge.actions.port import Action, Arguments
from edge.camera.port import Frame
from edge.clock import Instant, SystemClock
from edge.device.state import unknown
from edge.errors import EdgeError
from edge.events.port import Scene
from edge.follower import Stats
from edge.geometry import Box
from edge.health import Health
from edge.ids import IdSource
from edge.pictures import encode_jpeg
from edge.store.events import EventStore
from edge.store.pictures import PictureFolder
from edge.store.port import Event, Record
from edge.web.pairing import Pairing
from edge.web.port import Rooms
from edge.web.server import Server
from edge.wiring.checking import check_config
from edge.work.observe import WorkInfo

PASSWORD = "correct horse"
PLAIN = config.Web(host="127.0.0.1", port=0)
HOSTILE = '<script>alert("x")</script>'


class Named(Arguments, frozen=True, kw_only=True):
    camera: str


class Site:
    """The page in a thread of its own, over a store with two events."""

    def __init__(
        self,
        data_dir: Path,
        config_file: Path | None = None,
        models: Path | None = None,
        web: config.Web = PLAIN,
        pairing: Pairing | None = None,
    ) -> None:
        clock = SystemClock()
        self.done: list[str] = []
        self.dead: list[BaseException] = []
        self.health = Health(clock)
        self.health.report("camera", "door", "running")
        self.frames: dict[str, Frame] = {}
        self.scenes: dict[str, Scene] = {}
        self.works: list[WorkInfo] | EdgeError = []
        self.events = _fill(data_dir, IdSource(clock))
        self.performer = Performer(
            [
                Action("snapshot", "Keep a picture", "operate", lambda asked: self.done.append(asked.camera), Named),
                Action("reboot", "Restart", "admin", lambda _: self.done.append("reboot")),
            ],
            data_dir,
            clock,
            self.dead.append,
        )
        settings = config.load(config_file) if config_file is not None else config.Config()
        if models is not None:
            settings = msgspec.structs.replace(settings, paths=config.Paths(models=str(models)))
        rooms = Rooms(
            device="porch",
            version="1.2.3",
            detector="none",
            data_dir=data_dir,
            config=settings,
            clock=clock,
            cameras=["door"],
            labels=["Cat", HOSTILE],
            newest=self.frames.get,
            scene=self.scenes.get,
            conditions=self.health.conditions,
            armed=lambda _: True,
            works=self._works,
            device_state=lambda: unknown(Instant(0.0, 0.0)),
            stats=Stats(),
            actions=self.performer.actions,
            ask=self.performer.ask,
            config_file=config_file,
            check=check_config,
            pairing=pairing,
            report=partial(self.health.report, "page", "web"),
        )
        self.server = Server(rooms, web)
        self.server.access.set_password(PASSWORD)
        self.token = self.server.access.add_token("home", "operate")
        self.root = self.server.access.add_token("root", "admin")
        whole = self.made()
        self.server.app = lambda: whole  # type: ignore[method-assign]
        self.performer.start()
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))
        self._thread.start()
        assert self._started.wait(60)
        self.cookie = ""
        self.csrf = ""

    def made(self) -> ASGIApp:
        """What serves."""
        return self.server.app()

    async def _works(self) -> list[WorkInfo]:
        if isinstance(self.works, EdgeError):
            raise self.works
        return self.works

    async def _run(self) -> None:
        await self.server.start()
        self._started.set()
        await self._stop.wait()
        await self.server.stop()
        await self._loop.shutdown_default_executor()  # as asyncio.run does

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)
        assert not self._thread.is_alive()
        self._loop.close()
        self.performer.stop()
        assert self.dead == []

    def cut(self) -> None:
        """The news of every open page break off; each may listen anew."""

        def cut() -> None:
            for queue in self.server.hub._listeners:
                queue.put_nowait(None)

        self._loop.call_soon_threadsafe(cut)

    def take(self) -> None:
        """The camera gives a picture."""
        pixels = np.full((72, 128, 3), len(self.frames) + 40, np.uint8)
        sequence = self.frames["door"].sequence + 1 if self.frames else 0
        self.frames["door"] = Frame("door", sequence, pixels, Instant(1.0, 1.0))

    def ask(
        self, path: str, method: str = "GET", body: bytes | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        with closing(http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=60)) as connection:
            connection.request(method, path, body, {**({"Cookie": self.cookie} if self.cookie else {}), **named})
            response = connection.getresponse()
            content = response.read()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, content

    def log_in(self, password: str = PASSWORD, after: str = "/") -> tuple[int, dict[str, str]]:
        status, headers, _ = self.ask("/login", "POST", urlencode({"password": password, "next": after}).encode())
        if status == 303:
            self.cookie = headers["set-cookie"].partition(";")[0]
            page = self.ask("/")[2].decode()
            found = re.search(r'name="csrf" content="(\w+)"', page)
            assert found is not None
            self.csrf = found[1]
        return status, headers

    def api(self, path: str, method: str = "GET", body: object = None, **headers: str) -> tuple[int, Any]:
        """As whoever has logged in, or with the headers given."""
        encoded = json.dumps(body).encode() if body is not None else None
        token = {"X_CSRF_Token": self.csrf} if self.csrf else {}
        status, _, content = self.ask(f"/api/v1/{path}", method, encoded, **{**token, **headers})
        return status, json.loads(content)

    def act(self, name: str, body: object, **headers: str) -> tuple[int, dict[str, object]]:
        encoded = json.dumps(body).encode()
        status, _, content = self.ask(f"/api/v1/actions/{name}", "POST", encoded, **headers)
        return status, json.loads(content)


def _fill(data_dir: Path, ids: IdSource) -> list[Event]:
    put = PictureFolder(data_dir).put(*encode_jpeg(np.zeros((272, 640, 3), np.uint8), quality=80, max_edge_px=640))
    now = SystemClock().now()
    events = [
        Event(
            id=ids.next(),
            camera="door",
            label=label,
            score=0.9,
            box=Box(0.1, 0.2, 0.4, 0.9),
            started=now,
            seen=now.later(3.0),
            boot_id="boot",
            end_reason="left",
            picture=picture,
        )
        for label, picture in (("Cat", put.picture), (HOSTILE, None))
    ]
    store = EventStore(data_dir)
    store.commit([Record(tuple(events), (), new_pictures=frozenset({put.picture.sha256}))])
    store.close()
    return events
