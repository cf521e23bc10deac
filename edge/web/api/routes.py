"""All operations of the interface together."""

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.health import TROUBLE
from edge.web.access import Access
from edge.web.api.asking import Asking
from edge.web.api.backup import Backup
from edge.web.api.configuration import Configuration
from edge.web.api.device import Device
from edge.web.api.events import Events
from edge.web.api.models import Models
from edge.web.api.openapi import document
from edge.web.api.operation import BASE, Operation, as_json
from edge.web.api.places import CameraPlaces
from edge.web.api.works import Works
from edge.web.archive import Archive
from edge.web.hub import Hub
from edge.web.port import Rooms

OWING_S = 30.0
"""Frames that come for so long without one result: it does not see."""


class Api:
    """Thread: the one that runs asyncio."""

    def __init__(self, rooms: Rooms, access: Access, archive: Archive, hub: Hub) -> None:
        self._rooms = rooms
        asking, configuration = Asking(rooms), Configuration(rooms)
        resources = (
            Events(rooms, archive), Device(rooms, hub), asking, Works(rooms, asking), configuration, CameraPlaces(rooms, configuration),
            Models(rooms, archive), Backup(rooms, access, asking),
        )  # fmt: skip
        self.operations: list[Operation] = [each for resource in resources for each in resource.operations()]

    def routes(self) -> list[Route]:
        made = [operation.route() for operation in self.operations]
        return [*made, Route(f"{BASE}/openapi.json", self.openapi), Route("/healthz", self.healthz)]

    async def openapi(self, request: Request) -> Response:
        return as_json(document(self.operations, self._rooms.version))

    async def healthz(self, request: Request) -> Response:
        """200 while at least one camera runs and recognition keeps up with it; 503 else. Says nothing that a stranger must not know."""
        cameras = [each for each in self._rooms.conditions() if each.part == "camera"]
        well = any(each.state not in TROUBLE for each in cameras) and self._rooms.owing_s() < OWING_S
        return as_json({"well": well}, 200 if well else 503)
