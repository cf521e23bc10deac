"""The backup over HTTP: how it stands, what is there, what a restore would fetch, and the recovery kit."""

import asyncio
from datetime import datetime

import msgspec

from edge.actions.port import Answer
from edge.backup import target as targets
from edge.backup.looking import (
    KeptSnapshot,
    ListSnapshots,
    Looking,
    PlanRestore,
    RestorePlan,
)
from edge.backup.status import status_of
from edge.backup.works import NAME, TAG
from edge.clock import iso_utc
from edge.days import parse_days
from edge.web.access import Access
from edge.web.api.asking import Asking
from edge.web.api.operation import BASE, Call, Operation, RefusedRequest
from edge.web.api.works import ShownWork, shown_work
from edge.web.port import Rooms


class ShownBackup(msgspec.Struct, frozen=True, kw_only=True):
    """`finished_at`: of the last snapshot; `proven_at`: of the last restore for proof; null: never. `waiting`: changes that are in no
    snapshot yet. `works`: what the backup is about to do."""

    set_up: bool
    target: str = ""
    finished_at: str | None = None
    proven_at: str | None = None
    waiting: int = 0
    packs: int = 0
    packs_bytes: int = 0
    works: list[ShownWork] = []


class PlannedRestore(msgspec.Struct, frozen=True, kw_only=True):
    """The database, and files out of so many packs."""

    snapshot: str
    events: int
    files: int
    size_bytes: int
    packs: int
    packs_bytes: int


class WhatToRestore(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    snapshot: str = ""
    """The beginning of its time or id; empty: the newest."""
    day: str = ""
    """Only pictures of this day, or of two with `..` between; empty: all."""
    labels: list[str] = []
    """Only pictures of these; empty: all."""
    database_only: bool = False


class Password(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    password: str


class Kit(msgspec.Struct, frozen=True):
    """The recovery kit as text, and as a code to photograph."""

    text: str
    svg: str


class Backup:
    """Thread: the one that runs asyncio."""

    def __init__(self, rooms: Rooms, access: Access, asking: Asking, looking: Looking) -> None:
        self._rooms = rooms
        self._access = access
        self._asking = asking
        self._looking = looking

    def operations(self) -> list[Operation]:
        path = f"{BASE}/backup"
        return [
            Operation(path=path, summary="How the backup stands", run=self.show, answer=ShownBackup),
            Operation(path=f"{path}/snapshots", summary="Snapshots on the remote", run=self.snapshots, answer=list[KeptSnapshot],
                      may="operate", refusals=(409,)),
            Operation(method="POST", path=f"{path}/run", summary="Take a backup now", run=self.run, answer=Answer, may="operate",
                      refusals=(404, 409, 504)),
            Operation(method="POST", path=f"{path}/restore/plan", summary="What a restore would fetch", run=self.plan, body=WhatToRestore,
                      answer=PlannedRestore, may="admin", refusals=(409, 422)),
            Operation(method="POST", path=f"{path}/kit", summary="The recovery kit, for the password asked anew", run=self.kit,
                      body=Password, answer=Kit, may="admin", refusals=(409,)),
        ]  # fmt: skip

    async def show(self, _: Call) -> ShownBackup:
        if not targets.is_set_up(self._rooms.data_dir):
            return ShownBackup(set_up=False)
        status = await asyncio.to_thread(status_of, self._rooms.data_dir)
        works = [shown_work(info) for info in await self._rooms.works() if TAG in info.tags]
        return ShownBackup(
            set_up=True,
            target=status.target,
            finished_at=None if status.finished_wall_s is None else iso_utc(status.finished_wall_s),
            proven_at=status.proven or None,
            waiting=status.waiting,
            packs=status.packs,
            packs_bytes=status.packs_bytes,
            works=works,
        )

    async def snapshots(self, _: Call) -> list[KeptSnapshot]:
        asked = ListSnapshots(str(self._rooms.data_dir), self._limit)
        return (await asyncio.to_thread(self._looking.list_snapshots, asked)).snapshots

    async def run(self, call: Call) -> object:
        return await self._asking.ask(call, "run-work", {"work": NAME})

    async def plan(self, call: Call) -> PlannedRestore:
        asked: WhatToRestore = call.body
        days = parse_days(asked.day, datetime.now().date()) if asked.day else ()
        wanted = PlanRestore(
            data_dir=str(self._rooms.data_dir),
            limit_kb_per_s=self._limit,
            snapshot=asked.snapshot,
            days=days,
            labels=tuple(asked.labels),
            database_only=asked.database_only,
        )
        made: RestorePlan = await asyncio.to_thread(self._looking.plan_restore, wanted)
        return PlannedRestore(**msgspec.structs.asdict(made))

    async def kit(self, call: Call) -> Kit:
        if not call.is_person:
            raise RefusedRequest(403, "a token cannot have the recovery kit", hint="log in with the password")
        asked: Password = call.body
        if not await asyncio.to_thread(self._access.confirms, asked.password, call.address):
            raise RefusedRequest(
                403, "that is not the password, or it was tried too often", hint="wait, then try again"
            )
        return await asyncio.to_thread(self._kit)

    def _kit(self) -> Kit:
        from edge.backup.kit import code_as_svg

        target = targets.load(self._rooms.data_dir)
        return Kit(targets.kit_text(target), code_as_svg(target))

    @property
    def _limit(self) -> int:
        return self._rooms.config.backup.limit_kb_per_s
