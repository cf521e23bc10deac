"""The local page, where its libraries are there."""

import logging
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from edge import config
from edge.health import Health
from edge.web.port import Rooms
from edge.work.observe import WorkInfo

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


def of_works_on(page: "Callable[[], Server | None]") -> Callable[[Sequence[WorkInfo]], None]:
    """Tells open pages how the works are."""

    def tell(infos: Sequence[WorkInfo]) -> None:
        if (there := page()) is not None:
            there.works_changed(infos)

    return tell
