"""The local page, where its libraries are there."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from edge import config
from edge.health import Health
from edge.web.port import Rooms

if TYPE_CHECKING:
    from edge.web.server import Server

log = logging.getLogger(__name__)


def make_page(settings: config.Web, rooms: Callable[[], Rooms], health: Health) -> "Server | None":
    """None when none is wanted, or its libraries are missing: the rest goes on, and the state says so."""
    if not settings.host:
        return None
    try:
        from edge.web.server import Server
    except ImportError as error:
        cause = f"{error} (install the extra `web`: pip install 'edge-appliance[web]')"
        health.report("page", "web", "absent", cause)
        log.warning("page left out error=%s", cause)
        return None
    return Server(rooms(), settings)
