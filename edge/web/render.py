"""Templates, and what they need everywhere."""

import time
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from starlette.requests import Request
from starlette.responses import HTMLResponse

from edge.clock import Instant, date_of, iso_utc, local_day
from edge.health import Condition
from edge.recognition.drawing import colour_of
from edge.web.port import Rooms
from edge.web.words import COOKIE, LANGUAGES, language_of, words_in
from edge.web.works import shown_bytes

FOLDER = Path(__file__).parent
PAGES = (
    ("/", "Live", "camera"),
    ("/events", "Events", "grid"),
    ("/work", "Work", "clock"),
    ("/device", "Device", "device"),
    ("/counts", "Counts", "bars"),
    ("/backup", "Backup", "shield"),
    ("/settings", "Settings", "sliders"),
)
"""Path, name, icon. The first four have a place of their own on a phone."""
ON_A_PHONE = 4
ICONS = {
    "camera": "M3 7h4l2-3h6l2 3h4v12H3zM12 9.5a3.5 3.5 0 1 0 0 7a3.5 3.5 0 1 0 0-7",
    "grid": "M4 5h7v6H4zM13 5h7v6h-7zM4 13h7v6H4zM13 13h7v6h-7z",
    "bars": "M4 20V10M10 20V4M16 20v-7M21 20H3",
    "clock": "M12 8v4l3 2M12 3a9 9 0 1 0 0 18a9 9 0 1 0 0-18",
    "device": "M7 3h10v18H7zM10 17h4M10 6h4",
    "shield": "M12 3l7 3v5c0 5-3 8-7 10c-4-2-7-5-7-10V6zM9 12l2 2l4-4",
    "sliders": "M4 7h9M17 7h3M4 17h3M11 17h9M15 5v4M9 15v4",
    "more": "M5 12h.01M12 12h.01M19 12h.01",
    "enlarge": "M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5",
    "shot": "M12 8a4 4 0 1 0 0 8a4 4 0 1 0 0-8M4 8V5h3M20 8V5h-3M4 16v3h3M20 16v3h-3",
    "shape": "M5 6l13-1l1 12l-9 2zM5 6h.01M18 5h.01M19 17h.01M10 19h.01",
    "box": "M4 5h16v14H4zM8 5v4h5V5",
    "left": "M15 5l-7 7l7 7",
    "right": "M9 5l7 7l-7 7",
    "undo": "M9 7L4 12l5 5M4 12h10a5 5 0 0 1 0 10",
    "bin": "M5 7h14M9 7V4h6v3M7 7l1 13h8l1-13",
    "plus": "M12 5v14M5 12h14",
    "save": "M12 4v11M7 11l5 5l5-5M5 20h14",
    "star": "M12 4l2.5 5.2l5.5.8l-4 4l1 5.6l-5-2.7l-5 2.7l1-5.6l-4-4l5.5-.8z",
    "play": "M8 5l11 7l-11 7z",
    "stop": "M6 6h12v12H6z",
}
"""Lines on 24 × 24."""
MONTHS = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class Lamp(NamedTuple):
    """The device in one word. `kind` chooses the colour."""

    kind: str
    text: str


def lamp_of(conditions: list[Condition]) -> Lamp:
    program = [each.state for each in conditions if each.part == "program"]
    if "safe" in program:
        return Lamp("well", "Safe to remove")
    if "flushing" in program:
        return Lamp("warn", "Writing what there is")
    troubles = [each for each in conditions if each.is_trouble]
    if not troubles:
        return Lamp("well", "All is well") if conditions else Lamp("warn", "Starting")
    first = troubles[0]
    kind = "trouble" if any(each.state in ("failed", "stalled") for each in troubles) else "warn"
    more = f" +{len(troubles) - 1}" if len(troubles) > 1 else ""
    return Lamp(kind, f"{first.part} {first.name} {first.state}{more}")


def kind_of(state: str) -> str:
    return {
        "running": "well",
        "armed": "well",
        "safe": "well",
        "fault": "trouble",
        "missing": "warn",
        "failed": "trouble",
        "stalled": "trouble",
        "degraded": "warn",
        "absent": "warn",
        "full": "warn",
    }.get(state, "")


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
        environment.filters |= {
            "colour": colour_of,
            "iso": _iso,
            "clock": _clock,
            "moment": _moment,
            "day_name": _day_name,
            "bytes": shown_bytes,
        }
        environment.globals |= {
            "device": rooms.device,
            "version": rooms.version,
            "pages": PAGES,
            "on_a_phone": ON_A_PHONE,
            "languages": LANGUAGES,
            "icons": ICONS,
            "may_pair": rooms.pairing is not None,
        }
        self._environment = environment

    def page(self, request: Request, template: str, code: int = 200, **values: Any) -> HTMLResponse:
        here = "/" + request.url.path.strip("/").partition("/")[0]
        language = language_of(request.cookies.get(COOKIE, ""), request.headers.get("accept-language", ""))
        text = self._environment.get_template(template).render(
            session=request.state.session,
            here={"/models": "/settings", "/places": "/settings"}.get(here, here),
            health=lamp_of(self._rooms.conditions()),
            language=language,
            _=words_in(language),
            **values,
        )
        return HTMLResponse(text, code, headers={"Vary": "Accept-Language, Cookie"})


def _iso(instant: Instant) -> str:
    return iso_utc(instant.wall_s)


def _clock(instant: Instant) -> str:
    return time.strftime("%H:%M", time.localtime(instant.wall_s))


@pass_context
def _moment(context: Context, instant: Instant) -> str:
    """The time of today, else the day before it."""
    at = time.localtime(instant.wall_s)
    clock = time.strftime("%H:%M:%S", at)
    day = local_day(instant.wall_s)
    if day == local_day(time.time()):
        return clock
    month = context["_"](MONTHS[at.tm_mon - 1])[:3]
    return f"{at.tm_mday} {month} {at.tm_year}, {clock}"


@pass_context
def _day_name(context: Context, day: int) -> str:
    words, today = context["_"], local_day(time.time())
    if day in (today, today - 1):
        name: str = words("Today" if day == today else "Yesterday")
        return name
    date = date_of(day)
    return f"{words(DAYS[date.weekday()])}, {date.day} {words(MONTHS[date.month - 1])} {date.year}"
