"""In front of every page: who asks, from where, and what the browser is told to refuse."""

import re
from collections.abc import Awaitable, Callable, Collection
from http.cookies import SimpleCookie
from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.web.access import Access, Session

COOKIE = "edge_session"
CSRF = "x-csrf-token"
OPEN = frozenset({"/login", "/login/pairing", "/login/password", "/healthz"})
"""Paths, beside those of static files, that nobody needs to be known for."""
STATIC = "/static/"
BODY_BYTES, PICTURE_BYTES = 64 * 1024, 8 * 2**20
PICTURES = re.compile(r"/api/v1/models/[^/]+/try")
"""Paths that take a picture."""
CHANGING = frozenset({"POST", "PUT", "PATCH", "DELETE"})
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; media-src 'self';"
    " connect-src 'self'; font-src 'self'; manifest-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
}


class Guard:
    """ASGI middleware. The session of a request stands in `request.state.session`.

    Args:
        also_open: further paths that nobody needs to be known for.
    """

    def __init__(self, app: ASGIApp, access: Access, also_open: Collection[str] = ()) -> None:
        self._app = app
        self._access = access
        self._open = OPEN.union(also_open)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        app: Callable[[Scope, Receive, Send], Awaitable[None]] = refusal or self._app
        await app(scope, _limited(receive, _most(scope["path"])), _with_headers(scope, send))

    def _refusal(self, scope: Scope) -> Response | None:
        request = Request(scope)
        path = scope["path"]  # not `request.url`, which is made of the Host header too
        if _length(request.headers) > _most(path):
            return _problem(request, 413, "what was sent is too large")
        if request.method in CHANGING and not _same_origin(request.headers):
            return _problem(request, 403, "this came from another site")
        session = self._session(request)
        scope.setdefault("state", {})["session"] = session
        if path in self._open or path.startswith(STATIC):
            return None
        if session is None:
            return _unknown(request)
        if request.method in CHANGING and session.csrf and request.headers.get(CSRF) != session.csrf:
            return _problem(request, 403, "the page is too old: load it again")
        return None

    def _session(self, request: Request) -> Session | None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            return self._access.bearer(token.strip())
        cookie: SimpleCookie = SimpleCookie(request.headers.get("cookie", ""))
        return self._access.session(cookie[COOKIE].value) if COOKIE in cookie else None


def _same_origin(headers: Headers) -> bool:
    """A browser says where a request comes from; what is no browser needs a token anyway."""
    if headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        return False
    origin = headers.get("origin")
    return origin is None or urlsplit(origin).netloc == headers.get("host")


def _unknown(request: Request) -> Response:
    path = request.scope["path"]
    if path.startswith("/api/") or path == "/metrics":
        return JSONResponse({"error": "who are you?", "hint": "send a token: Authorization: Bearer …"}, 401)
    return RedirectResponse(f"/login?next={quote(path)}", 303)


def _problem(request: Request, status: int, text: str) -> Response:
    if request.scope["path"].startswith("/api/"):
        return JSONResponse({"error": text}, status)
    return PlainTextResponse(f"{text}\n", status)


def _most(path: str) -> int:
    return PICTURE_BYTES if PICTURES.fullmatch(path) else BODY_BYTES


def _length(headers: Headers) -> int:
    """As the request says; what says nonsense is refused by the server before."""
    said = headers.get("content-length", "0")
    return int(said) if said.isascii() and said.isdigit() else 0


def _limited(receive: Receive, most: int) -> Receive:
    """Ends a request whose body is longer than it may be, whatever it said of its length."""
    taken = 0

    async def limited() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return {"type": "http.disconnect"} if taken > most else message

    return limited


def _with_headers(scope: Scope, send: Send) -> Send:
    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            # A browser keeps what is the same for everybody, and asks whether it has changed.
            headers.setdefault("Cache-Control", "no-cache" if scope["path"].startswith(STATIC) else "no-store")
            if scope["scheme"] == "https":
                headers.setdefault("Strict-Transport-Security", "max-age=31536000")
        await send(message)

    return with_headers
