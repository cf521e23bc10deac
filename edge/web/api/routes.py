"""All operations of the interface together."""

import asyncio

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.backup.looking import Looking
from edge.errors import StoreError
from edge.health import TROUBLE
from edge.web.access import Access
from edge.web.api.asking import Asking
from edge.web.api.backup import Backup
from edge.web.api.configuration import Configuration
from edge.web.api.device import Device
from edge.web.api.events import Events
from edge.web.api.export import Export
from edge.web.api.models import Models
from edge.web.api.openapi import document
from edge.web.api.operation import BASE, Operation, as_json, routes_of
from edge.web.api.places import CameraPlaces
from edge.web.api.works import WORKS_S, Works
from edge.web.archive import Archive
from edge.web.hub import Hub
from edge.web.metrics import MEDIA_TYPE, exposition
from edge.web.port import Rooms

OWING_S = 30.0
"""Frames that come for so long without one result: it does not see."""


class Api:
    """Thread: the one that runs asyncio."""

    def __init__(self, rooms: Rooms, access: Access, archive: Archive, hub: Hub, looking: Looking) -> None:
        self._rooms = rooms
        asking, configuration = Asking(rooms), Configuration(rooms)
        resources = (
            Events(rooms, archive), Export(rooms, archive), Device(rooms, hub), asking, Works(rooms, asking), configuration,
            CameraPlaces(rooms, configuration), Models(rooms, archive), Backup(rooms, access, asking, looking),
        )  # fmt: skip
        self.operations: list[Operation] = [each for resource in resources for each in resource.operations()]

    def routes(self) -> list[Route]:
        made = routes_of(self.operations)
        return [
            *made,
            Route(f"{BASE}/openapi.json", self.openapi),
            Route("/metrics", self.metrics),
            Route("/healthz", self.healthz),
        ]

    async def openapi(self, request: Request) -> Response:
        return as_json(document(self.operations, self._rooms.version))

    async def metrics(self, request: Request) -> Response:
        try:
            works = await asyncio.wait_for(self._rooms.works(), WORKS_S)
        except (TimeoutError, StoreError):  # not known yet: the rest is
            works = []
        return Response(exposition(self._rooms, works), media_type=MEDIA_TYPE)

    async def healthz(self, request: Request) -> Response:
        """200 while at least one camera runs and recognition keeps up with it; 503 else. Says nothing that a stranger must not know."""
        cameras = [each for each in self._rooms.conditions() if each.part == "camera"]
        well = any(each.state not in TROUBLE for each in cameras) and self._rooms.owing_s() < OWING_S
        return as_json({"well": well}, 200 if well else 503)
