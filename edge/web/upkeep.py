"""The pages about the device itself: its work, backup, state and settings."""

import asyncio
import time
from datetime import datetime
from pathlib import Path

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from edge.actions.standard import BACK_UP
from edge.backup.status import BackupStatus, status_of
from edge.clock import Instant, local_day
from edge.errors import BackupError, StoreError
from edge.health import Condition
from edge.store.written import WrittenDays
from edge.web.archive import Archive
from edge.web.fields import groups, sections
from edge.web.port import Rooms
from edge.web.render import Renderer, kind_of
from edge.web.tiles import tiles_of
from edge.web.works import ShownWork, shown

WORKS_S = 5.0
BACKUP_WORKS = "backup"
"""What the names of the works that look after the backup begin with."""


class Upkeep:
    """Thread: the one that runs asyncio."""

    def __init__(self, rooms: Rooms, archive: Archive, renderer: Renderer) -> None:
        self._rooms = rooms
        self._archive = archive
        self._render = renderer

    def routes(self) -> list[Route]:
        return [
            Route("/work", self.work),
            Route("/backup", self.backup),
            Route("/device", self.device),
            Route("/models", self.models),
            Route("/places/{camera}", self.places),
            Route("/settings", self.settings),
            Route("/settings/{section}", self.section),
        ]

    async def work(self, request: Request) -> Response:
        return self._render.page(request, "work.html", works=await self._works())

    async def _works(self) -> list[ShownWork]:
        try:
            infos = await asyncio.wait_for(self._rooms.works(), WORKS_S)
        except (TimeoutError, StoreError) as error:
            raise HTTPException(503, "the works are not known yet: load the page again in a moment") from error
        return sorted(map(shown, infos), key=lambda work: (not work.may_cancel, work.info.name or work.info.worker))

    async def backup(self, request: Request) -> Response:
        status = await self._archive.call(_backup_status)
        works = [work for work in await self._works() if (work.info.name or "").startswith(BACKUP_WORKS)]
        finished = status.finished_wall_s if status is not None else None
        return self._render.page(
            request,
            "backup.html",
            status=status,
            finished=Instant(finished, 0.0) if finished else None,
            proven=Instant(datetime.fromisoformat(status.proven).timestamp(), 0.0)
            if status and status.proven
            else None,
            back_up=BACK_UP,
            works=works,
        )

    async def device(self, request: Request) -> Response:
        conditions = sorted(self._rooms.conditions(), key=lambda each: (not each.is_trouble, each.part, each.name))
        actions = [action for action in self._rooms.actions.values() if action.changes and not action.needs_arguments]
        return self._render.page(
            request,
            "device.html",
            tiles=tiles_of(self._rooms, await self._archive.call(_written_today)),
            parts=list(map(_part, conditions)),
            actions=actions,
        )

    async def models(self, request: Request) -> Response:
        return self._render.page(request, "models.html", cameras=self._rooms.cameras)

    async def places(self, request: Request) -> Response:
        camera: str = request.path_params["camera"]
        if camera not in self._rooms.cameras:
            raise HTTPException(404, "there is no such camera")
        newest = self._rooms.newest(camera)
        return self._render.page(
            request,
            "places.html",
            camera=camera,
            cameras=self._rooms.cameras,
            labels=sorted(self._rooms.labels),
            frame=newest.size if newest is not None else None,
        )

    async def settings(self, request: Request) -> Response:
        return RedirectResponse(f"/settings/{next(iter(groups()))[1][0].name}", 303)

    async def section(self, request: Request) -> Response:
        section = sections().get(request.path_params["section"])
        if section is None:
            raise HTTPException(404, "there is no such section")
        return self._render.page(
            request, "settings.html", section=section, groups=groups(), cameras=self._rooms.cameras
        )


def _part(condition: Condition) -> dict[str, object]:
    return {**msgspec.structs.asdict(condition), "kind": kind_of(condition.state)}


def _backup_status(data_dir: Path) -> BackupStatus | None:
    try:
        return status_of(data_dir)
    except BackupError:  # none is set up
        return None


def _written_today(data_dir: Path) -> int:
    days = WrittenDays(data_dir)
    try:
        return days.of(local_day(time.time()))
    finally:
        days.close()
