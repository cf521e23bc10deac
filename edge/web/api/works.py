"""Background work over HTTP."""

import asyncio
from typing import Any

import msgspec

from edge.actions.port import Answer
from edge.clock import iso_utc
from edge.errors import StoreError
from edge.web.api.asking import Asking
from edge.web.api.operation import BASE, Call, Operation, RefusedRequest
from edge.web.port import Rooms
from edge.work.observe import WorkInfo

WORKS_S = 5.0


class ShownWork(msgspec.Struct, frozen=True, kw_only=True):
    """A work as it is now. `next_run`: not before; `waits_for`: in words, why it does not run; `message`: what the last run said."""

    id: str
    name: str | None
    worker: str
    tags: tuple[str, ...]
    state: str
    attempts: int
    periods: int
    generation: int
    stop_reason: str
    message: str
    progress: dict[str, Any]
    output: dict[str, Any]
    next_run: str | None
    waits_for: str


def shown_work(info: WorkInfo) -> ShownWork:
    return ShownWork(
        id=info.id,
        name=info.name,
        worker=info.worker,
        tags=info.tags,
        state=info.state.value,
        attempts=info.attempts,
        periods=info.periods,
        generation=info.generation,
        stop_reason=str(info.stop_reason.value),
        message=info.message,
        progress=info.progress,
        output=info.output,
        next_run=None if info.next_run_wall_s is None else iso_utc(info.next_run_wall_s),
        waits_for=info.waits_for,
    )


class Works:
    """Thread: the one that runs asyncio."""

    def __init__(self, rooms: Rooms, asking: Asking) -> None:
        self._rooms = rooms
        self._asking = asking

    def operations(self) -> list[Operation]:
        one = f"{BASE}/works/{{id}}"
        return [
            Operation(path=f"{BASE}/works", summary="Background works", run=self.listed, answer=list[ShownWork], refusals=(503,)),
            Operation(path=one, summary="One work", run=self.one, answer=ShownWork, refusals=(503,)),
            Operation(method="POST", path=f"{one}/run", summary="Run a work now; what it waits for still counts", run=self.run,
                      answer=Answer, may="operate", refusals=(409, 504)),
            Operation(method="POST", path=f"{one}/cancel", summary="Cancel a work", run=self.cancel, answer=Answer, may="operate",
                      refusals=(409, 504)),
        ]  # fmt: skip

    async def listed(self, _: Call) -> list[ShownWork]:
        try:
            infos = await asyncio.wait_for(self._rooms.works(), WORKS_S)
        except (TimeoutError, StoreError) as error:
            raise RefusedRequest(503, "the works are not known yet", hint="ask again in a moment") from error
        return [shown_work(info) for info in infos]

    async def one(self, call: Call) -> ShownWork:
        for work in await self.listed(call):
            if work.id == call.part("id"):
                return work
        raise RefusedRequest(404, "there is no such work")

    async def run(self, call: Call) -> object:
        return await self._asking.ask(call, "run-work", {"work": call.part("id")})

    async def cancel(self, call: Call) -> object:
        return await self._asking.ask(call, "cancel-work", {"work": call.part("id")})
