"""In front of the door: a new password for who has the device at hand. Works without scripts."""

import asyncio
import logging
from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from edge.web.access import SHORTEST, Access
from edge.web.pairing import Pairing
from edge.web.patience import body_of
from edge.web.render import Renderer

log = logging.getLogger(__name__)


class Door:
    """Thread: the one that runs asyncio.

    Args:
        pairing: None: the device has no button, and there is no such way.
    """

    def __init__(self, pairing: Pairing | None, access: Access, renderer: Renderer) -> None:
        self._pairing = pairing
        self._access = access
        self._render = renderer

    def routes(self) -> list[Route]:
        return [
            Route("/login/pairing", self.ask, methods=["POST"]),
            Route("/login/password", self.choose, methods=["POST"]),
        ]

    async def ask(self, request: Request) -> Response:
        """Wait for a press from now on."""
        code = self._required().ask()
        if code is None:
            return self._page(request, "", "taken", 409)
        log.info("page asks for a press address=%s", request.client.host if request.client is not None else "")
        return self._page(request, code, "asked")

    async def choose(self, request: Request) -> Response:
        """A new password, once somebody has pressed."""
        pairing = self._required()
        form = dict(parse_qsl((await body_of(request)).decode(errors="replace"), max_num_fields=10))
        code, password = form.get("code", ""), form.get("password", "").strip()
        state = pairing.state(code)
        if state != "pressed":
            return self._page(request, code, state, 403)
        if len(password) < SHORTEST:
            return self._page(request, code, "short", 400)
        if not pairing.end(code):
            return self._page(request, code, "over", 403)
        await asyncio.to_thread(self._access.set_password, password)
        log.info("password chosen after a press of a button; everybody has to log in again")
        return RedirectResponse("/login", 303)

    def _page(self, request: Request, code: str, state: str, status: int = 200) -> Response:
        return self._render.page(request, "pairing.html", status, pairing_code=code, state=state, shortest=SHORTEST)

    def _required(self) -> Pairing:
        if self._pairing is None:
            raise HTTPException(404, "this device has no button for that: use `edge web password`")
        return self._pairing
