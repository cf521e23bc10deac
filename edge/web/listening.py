"""Where the page is served: sockets, and the plain port that only sends on. Pure but for the sockets."""

import re
import socket
from urllib.parse import quote

from starlette.responses import PlainTextResponse, RedirectResponse
from starlette.types import Receive, Scope, Send

from edge.errors import EdgeError

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(:\d{1,5})?")


def listen(host: str, port: int) -> socket.socket:
    """`::` is every address, those of IPv4 too. Raises EdgeError: the address is taken or not ours."""
    both = host == "::" and socket.has_dualstack_ipv6()
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listening = socket.create_server((host, port), family=family, dualstack_ipv6=both)
    except OSError as error:
        hint = "choose another with web.host and web.port"
        raise EdgeError(f"web: {host}:{port} cannot be listened on: {error.strerror}", hint=hint) from error
    # Every connection has it from here. asyncio sets it on sockets that name their protocol only, which these do not: the body of an
    # answer would wait 40 ms for its head to be acknowledged, at each request but the first of a connection.
    listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listening


class SendOn:
    """An ASGI application that sends everything on to the same place over TLS."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        named = next((value for key, value in scope["headers"] if key == b"host"), b"").decode("latin-1")
        host = _HOST.fullmatch(named)
        if host is None:
            await PlainTextResponse("over https only\n", 400)(scope, receive, send)
            return
        port = "" if self._port == 443 else f":{self._port}"
        query = f"?{scope['query_string'].decode('latin-1')}" if scope["query_string"] else ""
        await RedirectResponse(f"https://{host[1]}{port}{quote(scope['path'])}{query}", 308)(scope, receive, send)
