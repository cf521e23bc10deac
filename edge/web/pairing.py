"""Who has the device at hand may choose a new password: a page asks, the light says so, and somebody presses a button of the device."""

import hmac
import secrets
import threading
from typing import Literal, NamedTuple

from edge.clock import Clock

ASK_S, CHOOSE_S = 60.0, 300.0
"""For so long a press is waited for, and a password after it."""


class _Asking(NamedTuple):
    code: str
    until_s: float
    pressed: bool


class Pairing:
    """One page at a time. Its code is known to that page alone.

    Thread: any.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._asking: _Asking | None = None

    @property
    def waiting(self) -> bool:
        """A press is waited for now."""
        asking = self._current()
        return asking is not None and not asking.pressed

    def ask(self) -> str | None:
        """The code of a page that asks from now on; None: another one does, so that a press would be its."""
        with self._lock:
            if self._current() is not None:
                return None
            code = secrets.token_urlsafe(24)
            self._asking = _Asking(code, self._now_s() + ASK_S, False)
            return code

    def press(self) -> bool:
        """Somebody is there; False: no page asks."""
        with self._lock:
            asking = self._current()
            if asking is None or asking.pressed:
                return False
            self._asking = asking._replace(pressed=True, until_s=self._now_s() + CHOOSE_S)
            return True

    def state(self, code: str) -> Literal["waiting", "pressed", "over"]:
        asking = self._current()
        if asking is None or not _same(asking.code, code):
            return "over"
        return "pressed" if asking.pressed else "waiting"

    def end(self, code: str) -> bool:
        """Whether this page may choose a password now; a second time it may not."""
        with self._lock:
            asking = self._current()
            if asking is None or not asking.pressed or not _same(asking.code, code):
                return False
            self._asking = None
            return True

    def _current(self) -> _Asking | None:
        asking = self._asking
        return asking if asking is not None and self._now_s() < asking.until_s else None

    def _now_s(self) -> float:
        return self._clock.now().boot_s


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode(errors="replace"))
