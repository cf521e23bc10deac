"""Tells the service manager (systemd, over `sd_notify`'s socket) that the program is ready, well, or stopping."""

import logging
import os
import socket
import time
from collections.abc import Mapping

log = logging.getLogger(__name__)

SEND_S = 1.0
"""A manager whose queue is full for longer than this misses a word."""


class Watchdog:
    """A datagram for each word; does nothing where no service manager listens.

    Thread: one.

    Args:
        environment: holds NOTIFY_SOCKET, and WATCHDOG_USEC where the manager wants a sign of life.
    """

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._interval_s = _interval_s(environment) if self._address else 0.0
        self._next_s = 0.0
        self._status = ""
        self._unheard = False

    def ready(self) -> None:
        self._send("READY=1")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for `systemctl status`; sent when it changed."""
        if text != self._status:
            self._status = text
            self._send("STATUS=" + " ".join(text.split()))

    def alive(self) -> None:
        """A sign of life, sent at most twice in the time that the manager gives; call it as often as you like while all is well."""
        now_s = time.monotonic()
        if self._interval_s and now_s >= self._next_s:
            self._next_s = now_s + self._interval_s
            self._send("WATCHDOG=1")

    def _send(self, word: str) -> None:
        if not self._address:
            return
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
                out.settimeout(SEND_S)
                out.sendto(word.encode(), address)
            self._unheard = False
        except OSError as error:
            if not self._unheard:
                log.warning("service manager not told word=%s error=%s", word.partition("=")[0], error)
            self._unheard = True


def _interval_s(environment: Mapping[str, str]) -> float:
    """Half of what the manager allows; 0: it wants no sign of life, or not from this process."""
    try:
        if int(environment.get("WATCHDOG_PID") or os.getpid()) != os.getpid():
            return 0.0
        return int(environment.get("WATCHDOG_USEC") or 0) / 2e6
    except ValueError:
        log.warning("WATCHDOG_USEC or WATCHDOG_PID is no number: no sign of life is sent")
        return 0.0
