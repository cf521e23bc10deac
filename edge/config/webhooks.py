"""What an address for a webhook must be."""

import re
from urllib.parse import urlsplit


def flaw_of_url(url: str) -> str:
    """Why this is none, empty: it is one. The address itself may hold a secret and is not repeated."""
    if not re.fullmatch(r"[\x21-\x7e]+", url):
        return "has a character that an address cannot have"
    try:
        address = urlsplit(url)
        port_is_right = address.port != 0
    except ValueError as error:
        return f"is no address: {error}"
    if address.scheme not in ("http", "https"):
        return f"{address.scheme or 'nothing'!r} is neither http nor https"
    if not address.hostname or not port_is_right:
        return "names no host"
    try:
        address.hostname.encode("idna")
    except UnicodeError:
        return "has a name of a host that is empty between two dots, or too long"
    if address.username is not None or address.fragment:
        return "has a user or a fragment"
    return ""
