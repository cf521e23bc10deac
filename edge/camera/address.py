"""Addresses of network cameras: credentials put in, and kept out of everything that people read."""

from urllib.parse import quote, urlsplit, urlunsplit

HIDDEN = "***"


def redacted(address: str) -> str:
    """`rtsp://user:secret@host/path?token=x` → `rtsp://***@host/path?***`: fit for logs, errors and states.

    The query goes too, because many cameras take their password there.
    """
    scheme, separator, rest = address.partition("://")
    if not separator:
        return address
    # The last @ ends the credentials: a password that was not percent-encoded may hold `/`, `?`, `#` and `@` itself.
    _, at, place = rest.rpartition("@")
    place, mark, _ = place.partition("?")
    return f"{scheme}://{HIDDEN + at if at else ''}{place}{mark + HIDDEN if mark else ''}"


def with_credentials(address: str, username: str, password: str) -> str:
    """`address` with these credentials in front of its host, in place of those that stand there."""
    parts = urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    user = quote(username, safe="") + (f":{quote(password, safe='')}" if password else "")
    return urlunsplit(parts._replace(netloc=f"{user}@{host}"))
