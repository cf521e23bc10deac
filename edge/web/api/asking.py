"""Actions over HTTP: a request is answered when it is done."""

import asyncio
import uuid
from typing import Annotated, Any

import msgspec
from starlette.responses import Response

from edge.actions.port import RANKS, Answer, Permission
from edge.actions.port import Request as Asked
from edge.web.api.operation import BASE, Call, Operation, RefusedRequest, as_json
from edge.web.port import Rooms

ANSWER_S = 60.0
AGAIN = frozenset({"restart", "reboot", "shutdown"})
"""What a person must ask for twice: it ends what runs."""


class ShownAction(msgspec.Struct, frozen=True, kw_only=True):
    """`arguments`: a JSON Schema. `confirm`: a person must send the action's name as `confirm`."""

    name: str
    title: str
    may: Permission
    arguments: dict[str, Any]
    confirm: bool


class NewRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`request_id`: a second request with the same one is answered as the first was, and does nothing."""

    request_id: Annotated[str, msgspec.Meta(max_length=128)] = ""
    arguments: dict[str, Any] = {}
    confirm: str = ""


class Asking:
    """Thread: the one that runs asyncio."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def operations(self) -> list[Operation]:
        path = f"{BASE}/actions"
        return [
            Operation(path=path, summary="What can be asked for", run=self.listed, answer=list[ShownAction]),
            Operation(method="POST", path=f"{path}/{{name}}", summary="Ask for something", run=self.act, body=NewRequest, answer=Answer,
                      refusals=(409, 504)),
        ]  # fmt: skip

    async def listed(self, _: Call) -> list[ShownAction]:
        return [
            ShownAction(
                name=action.name,
                title=action.title,
                may=action.permission,
                arguments=msgspec.json.schema(action.arguments)["$defs"][action.arguments.__name__],
                confirm=action.name in AGAIN,
            )
            for action in self._rooms.actions.values()
        ]

    async def act(self, call: Call) -> Response:
        asked: NewRequest = call.body
        name = call.part("name")
        if call.is_person and name in AGAIN and asked.confirm != name:
            raise RefusedRequest(409, f"{name} ends what runs: ask again", hint=f'send "confirm": "{name}" too')
        return await self.ask(call, name, asked.arguments, asked.request_id)

    async def ask(self, call: Call, name: str, arguments: dict[str, Any], request_id: str = "") -> Response:
        """200 when it is done, 409 with the reason when it is not."""
        action = self._rooms.actions.get(name)
        if action is None:
            raise RefusedRequest(404, f"there is no action {name!r}", hint=f"{BASE}/actions lists all")
        if RANKS[call.may] < RANKS[action.permission]:
            raise RefusedRequest(403, f"{name} needs the permission {action.permission!r}", hint=f"you may {call.may}")
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer] = loop.create_future()

        def take(value: Answer) -> None:
            if not answer.done():  # nobody waits any more after a time-out
                answer.set_result(value)

        def answered(value: Answer) -> None:
            loop.call_soon_threadsafe(take, value)

        encoded = msgspec.json.encode(arguments)
        id_ = request_id or str(uuid.uuid4())
        self._rooms.ask(Asked(id=id_, action=name, arguments=encoded, origin="web", granted=call.may), answered)
        try:
            got = await asyncio.wait_for(answer, ANSWER_S)
        except TimeoutError:
            raise RefusedRequest(504, "not done yet", hint="ask again with the same request_id") from None
        return as_json(got, 200 if got.ok else 409)
