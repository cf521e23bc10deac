"""How a name becomes a level of a topic. All topics stand below the device's own, unless they begin with `/`: those are whole."""

import re

ABSOLUTE = "/"


def level(name: str) -> str:
    """A label as one level of a topic: lower case, and `_` for whatever is neither letter, digit nor `-`. `Coffee cup` → `coffee_cup`."""
    return re.sub(r"[^\w-]+", "_", name.casefold()).strip("_") or "unnamed"


def whole(topic: str) -> str:
    """A topic that does not stand below the device's own, as messages carry it."""
    return ABSOLUTE + topic


def joined(root: str, topic: str) -> str:
    """The topic as the broker gets it."""
    return topic.removeprefix(ABSOLUTE) if topic.startswith(ABSOLUTE) else f"{root}/{topic}"
