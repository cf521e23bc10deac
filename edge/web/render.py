"""Templates, and what they need everywhere."""

import time
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from edge.clock import Instant, iso_utc
from edge.health import Condition
from edge.recognition.drawing import colour_of
from edge.web.port import Rooms

FOLDER = Path(__file__).parent
PAGES = (
    ("/", "Live", "M3 7h4l2-3h6l2 3h4v12H3zM12 9.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7"),
    ("/events", "Events", "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z"),
    ("/counts", "Counts", "M4 20V10M10 20V4M16 20v-7M21 20H3"),
    ("/work", "Work", "M12 8v4l3 2M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18"),
    ("/device", "Device", "M7 3h10v18H7zM10 17h4M10 6h4"),
)
"""Path, name, and the lines of the icon."""


class Lamp(NamedTuple):
    """The device in one word. `kind` chooses the colour."""

    kind: str
    text: str


def lamp_of(conditions: list[Condition]) -> Lamp:
    troubles = [each for each in conditions if each.is_trouble]
    if not troubles:
        return Lamp("well", "All is well") if conditions else Lamp("warn", "Starting")
    first = troubles[0]
    kind = "trouble" if any(each.state in ("failed", "stalled") for each in troubles) else "warn"
    more = f" +{len(troubles) - 1}" if len(troubles) > 1 else ""
    return Lamp(kind, f"{first.part} {first.name} {first.state}{more}")


def kind_of(state: str) -> str:
    return {"running": "well", "failed": "trouble", "stalled": "trouble", "degraded": "warn", "absent": "warn"}.get(
        state, ""
    )


class Renderer:
    """Pages from templates. Everything that comes from outside is escaped."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        environment = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.filters |= {"colour": colour_of, "iso": _iso, "clock": _clock, "moment": _moment}
        environment.globals |= {
            "_": str,
            "language": "en",
            "device": rooms.device,
            "version": rooms.version,
            "pages": PAGES,
        }
        self._environment = environment

    def page(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        here = "/" + request.url.path.strip("/").partition("/")[0]
        text = self._environment.get_template(template).render(
            session=request.state.session, here=here, health=lamp_of(self._rooms.conditions()), **values
        )
        return HTMLResponse(text, status)


def _iso(instant: Instant) -> str:
    return iso_utc(instant.wall_s)


def _clock(instant: Instant) -> str:
    return time.strftime("%H:%M", time.localtime(instant.wall_s))


def _moment(instant: Instant) -> str:
    return time.strftime("%d %b %Y, %H:%M:%S", time.localtime(instant.wall_s))
