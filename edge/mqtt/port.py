"""What goes over a connection: small frozen values, the same for MQTT 5 and 3.1.1."""

from collections.abc import Callable
from typing import Literal, NamedTuple

Protocol = Literal["5", "3.1.1"]


class Address(NamedTuple):
    """Where a broker listens."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Options(NamedTuple):
    """What MQTT 5 carries beside a payload; left out on 3.1.1."""

    correlation_data: bytes | None = None
    expiry_s: int | None = None
    """The broker forgets a message that it could not hand on for so long."""
    content_type: str = ""
    user: tuple[tuple[str, str], ...] = ()


UNREADABLE = ""
"""Stands for a topic that is no UTF-8."""


class Incoming(NamedTuple):
    """A message that came in. `response_topic` and `correlation_data` only from MQTT 5."""

    topic: str
    payload: bytes
    retained: bool
    response_topic: str = ""
    correlation_data: bytes | None = None


Handler = Callable[[Incoming], None]


class Connected(NamedTuple):
    """The broker accepted us.

    `session_present`: it still knows us from before. `window`: unacknowledged messages that it takes at once.
    """

    session_present: bool
    window: int


class Disconnected(NamedTuple):
    """The connection is gone, with all that was not acknowledged; another is tried."""


class Acknowledged(NamedTuple):
    """The broker has the message of this id; or, `problem` not empty, it will not have it."""

    mid: int
    problem: str = ""


News = Connected | Disconnected | Acknowledged
