"""One operation of the interface: who may, what it takes, what it answers. Routes and the OpenAPI document are made of the same."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge import config
from edge.actions.port import RANKS, Permission
from edge.config import Problem
from edge.errors import ConfigError, EdgeError, StoreError
from edge.web.patience import body_of

JSON = "application/json"
BASE = "/api/v1"
PARTS: Mapping[str, str] = {
    "id": r"[0-9A-Za-z-]{1,64}",
    "name": r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}",
    "number": r"[0-9]{1,3}",
    "section": r"[a-z_]{1,32}",
}
"""What the named parts of a path may be; nothing in them is a separator, and none begins with a dot."""


class Refusal(msgspec.Struct, frozen=True):
    """Why something was not done."""

    error: str
    hint: str = ""
    problems: tuple[Problem, ...] = ()


class RefusedRequest(HTTPException):
    """Answered with a `Refusal`."""

    def __init__(self, status: int, error: str, *, hint: str = "", problems: tuple[Problem, ...] = ()) -> None:
        super().__init__(status, error)
        self.refusal = Refusal(error, hint, problems)


class NoQuery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Nothing behind the question mark."""


@dataclass(frozen=True, slots=True)
class Call:
    """A request whose parts have been checked against its operation."""

    request: Request
    query: Any
    body: Any

    @property
    def may(self) -> Permission:
        granted: Permission = self.request.state.session.granted
        return granted

    @property
    def is_person(self) -> bool:
        """Somebody who has logged in with the password; a machine has a token."""
        return bool(self.request.state.session.csrf)

    @property
    def address(self) -> str:
        return self.request.client.host if self.request.client is not None else ""

    def part(self, name: str) -> str:
        value: str = self.request.path_params[name]
        return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`run` returns what `answer` describes, or a ready response. `answer` None: it is no JSON, but `media`.

    `body`: the type of what is sent, None for nothing; of another type than JSON, `body_media`, it comes as bytes. `refusals`: the statuses
    beyond 400, 401, 403 and, where the path has parts, 404.
    """

    method: Literal["GET", "POST", "PUT", "DELETE"] = "GET"
    path: str
    summary: str
    run: Callable[[Call], Awaitable[object]]
    answer: Any = None
    media: str = JSON
    status: int = 200
    may: Permission = "view"
    query: type[msgspec.Struct] = NoQuery
    body: Any = None
    body_media: str = JSON
    refusals: tuple[int, ...] = ()

    @property
    def parts(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)

    @property
    def needs_body(self) -> bool:
        """Where every field may be left out, so may the whole."""
        is_struct = isinstance(self.body, type) and issubclass(self.body, msgspec.Struct)
        return is_struct and any(field.required for field in msgspec.structs.fields(self.body))

    async def serve(self, request: Request) -> Response:
        granted: Permission = request.state.session.granted
        if RANKS[granted] < RANKS[self.may]:
            raise RefusedRequest(403, f"this needs the permission {self.may!r}", hint=f"you may {granted}")
        for name in self.parts:
            if not re.fullmatch(PARTS[name], request.path_params[name]):
                raise RefusedRequest(404, f"there is no such {name}")
        call = Call(request, self._query(request), await self._body(request))
        try:
            answer = await self.run(call)
        except EdgeError as error:
            raise refusal_of(error) from error
        return answer if isinstance(answer, Response) else as_json(answer, self.status)

    def _query(self, request: Request) -> msgspec.Struct:
        """Empty values are as good as none: a form sends them."""
        given = {key: value for key, value in request.query_params.items() if value}
        try:
            return msgspec.convert(given, self.query, strict=False)
        except msgspec.ValidationError as error:
            raise RefusedRequest(400, f"the query is wrong: {error}", problems=(problem_of(error),)) from error

    async def _body(self, request: Request) -> object:
        if self.body is None:
            return None
        sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if sent and sent != self.body_media:
            raise RefusedRequest(415, f"{sent!r:.80} is not understood here", hint=f"send {self.body_media}")
        content = await body_of(request)
        if self.body_media != JSON:
            return content
        try:
            return msgspec.json.decode(content or b"{}", type=self.body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise RefusedRequest(400, f"what was sent is wrong: {error}", problems=(problem_of(error),)) from error


def routes_of(operations: Iterable[Operation]) -> list[Route]:
    """One route a path, so that it knows all its methods."""
    paths: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method] = operation
    return [_route(path, methods) for path, methods in paths.items()]


def _route(path: str, methods: Mapping[str, Operation]) -> Route:
    async def serve(request: Request) -> Response:
        return await methods["GET" if request.method == "HEAD" else request.method].serve(request)

    return Route(path, serve, methods=list(methods))


def as_json(value: object, status: int = 200) -> Response:
    return Response(msgspec.json.encode(value), status, media_type=JSON)


def problem_of(error: Exception) -> Problem:
    """msgspec's ``Expected `int`, got `str` - at `$.limit```."""
    reason, _, place = str(error).partition(" - at `$")
    return Problem(place.rstrip("`").lstrip("."), reason.replace("`", ""))


def refusal_of(error: EdgeError) -> RefusedRequest:
    """What an error of another room is over HTTP."""
    text = str(error.args[0])
    if isinstance(error, ConfigError):
        return RefusedRequest(422, text, hint=error.hint, problems=(config.problem_of(error),))
    return RefusedRequest(503 if isinstance(error, StoreError) else 409, text, hint=error.hint)
