"""Hands events to web servers: each POST with a time limit, tried again a few times, in a thread of its own."""

import http.client
import logging
import queue
import ssl
import threading
from collections.abc import Callable
from contextlib import closing
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from edge.errors import EdgeError

log = logging.getLogger(__name__)

QUEUE = 32
"""Calls that wait; beyond it they are given up at once."""
FIRST_PAUSE_S, MOST_PAUSE_S = 1.0, 30.0
ANSWER_BYTES = 4096
BUSY = frozenset({408, 425, 429})
"""Refusals that waiting mends."""


class WebhookError(EdgeError):
    """A web server did not take an event."""

    def __init__(self, message: str, *, hint: str = "", retryable: bool) -> None:
        super().__init__(message, hint=hint)
        self.retryable = retryable


class Call(NamedTuple):
    """`name` is who wants it. `url` may hold a secret: it is not logged."""

    name: str
    url: str
    body: bytes
    timeout_s: float
    tries: int
    trust: ssl.SSLContext | None = None
    """Whose certificates are believed; None: those that the system knows."""


def post(call: Call) -> None:
    """Once; redirects are not followed, so that nobody is told who was not named in the configuration.

    Raises:
        WebhookError: not taken; retryable says whether it may be later.
    """
    address = urlsplit(call.url)
    place = f"{address.scheme}://{address.hostname}"
    try:
        with closing(_connection(address, call)) as connection:
            path = (address.path or "/") + (f"?{address.query}" if address.query else "")
            connection.request("POST", path, call.body, {"Content-Type": "application/json", "User-Agent": "edge"})
            answer = connection.getresponse()
            answer.read(ANSWER_BYTES)
    except ssl.SSLCertVerificationError as error:
        raise WebhookError(
            f"{place}: {error.verify_message}", hint="check the address and webhook_ca_file", retryable=False
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise WebhookError(f"{place}: {error or type(error).__name__}", retryable=True) from error
    except UnicodeError as error:
        raise WebhookError(f"{place}: no host can be named so", hint="check the address", retryable=False) from error
    if 300 <= answer.status < 400:
        hint = "redirects are not followed: write the address that it leads to"
        raise WebhookError(f"{place} answered {answer.status}", hint=hint, retryable=False)
    if not 200 <= answer.status < 300:
        raise WebhookError(f"{place} answered {answer.status}", retryable=answer.status >= 500 or answer.status in BUSY)


def _connection(address: SplitResult, call: Call) -> http.client.HTTPConnection:
    host = address.hostname or ""
    # Without a port, http.client takes the end of an IPv6 address for one.
    if address.scheme == "https":
        trust = call.trust or ssl.create_default_context()
        return http.client.HTTPSConnection(host, address.port or 443, timeout=call.timeout_s, context=trust)
    return http.client.HTTPConnection(host, address.port or 80, timeout=call.timeout_s)


class Webhooks:
    """One thread that makes the calls, in their order.

    Args:
        told: how a call ended: who wanted it, and the error or None. Must not block.
        failed: called with whatever unforeseen thing the thread died of.

    Thread: `call` any; the rest the owner.
    """

    def __init__(
        self, told: Callable[[str, WebhookError | None], None], failed: Callable[[BaseException], None]
    ) -> None:
        self._told = told
        self._failed = failed
        self._queue: queue.Queue[Call | None] = queue.Queue(QUEUE)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="webhooks", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End after the call in hand; those that wait are given up."""
        self._stop.set()
        if waiting := self._queue.qsize():
            log.warning("webhooks given up at the end count=%d", waiting)
        while not self._queue.empty():
            self._queue.get_nowait()
        self._queue.put(None)
        self._thread.join()

    def call(self, call: Call) -> None:
        """Never waits."""
        try:
            self._queue.put_nowait(call)
        except queue.Full:
            self._told(call.name, WebhookError("too many calls wait: this one was given up", retryable=True))

    def _run(self) -> None:
        try:
            while (call := self._queue.get()) is not None:
                self._told(call.name, self._tried(call))
        except BaseException as error:  # noqa: BLE001 - a thread that dies unseen is the worst of failures
            self._failed(error)

    def _tried(self, call: Call) -> WebhookError | None:
        pause_s = FIRST_PAUSE_S
        for left in reversed(range(call.tries)):
            try:
                post(call)
            except WebhookError as error:
                if not error.retryable or not left or self._stop.wait(pause_s):
                    return error
                pause_s = min(pause_s * 2, MOST_PAUSE_S)
            else:
                return None
        return None
