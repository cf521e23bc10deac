"""The device as its owner meets it from outside: the page with the first password, and the broker."""

import http.client
import json
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from scripts.image.running import ImageError

HOST = "127.0.0.1"
AGAIN_S = 1.0
REQUEST_S = 60.0


@dataclass(frozen=True, slots=True)
class Welcome:
    """What first boot lays onto the owner's partition."""

    page_password: str
    broker_user: str
    broker_password: str

    @classmethod
    def read(cls, text: str) -> "Welcome":
        page = re.search(r"^The page:.*\n+Password: +(\S+)", text, re.MULTILINE)
        broker = re.search(r"^MQTT:.*user (\S+)\s+Password: +(\S+)", text, re.MULTILINE)
        if not page or not broker:
            raise ImageError(f"edge-password.txt says neither page nor broker: {text[:200]!r}")
        return cls(page[1], broker[1], broker[2])


def log_in(port: int, password: str, deadline_s: float) -> float:
    """Log in to the page and see it.

    Returns:
        When the page came, on the monotonic clock.

    Raises:
        ImageError: not until the deadline, or the password is refused.
    """
    until_s = time.monotonic() + deadline_s
    while True:
        try:
            return _log_in(port, password)
        except (OSError, http.client.HTTPException) as error:
            if time.monotonic() > until_s:
                raise ImageError(f"the page does not answer on port {port}: {error}") from error
            time.sleep(AGAIN_S)  # nobody tells when a port inside the machine opens


def _log_in(port: int, password: str) -> float:
    # The device's own certificate, which nobody vouches for: an owner compares its fingerprint.
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    connection = http.client.HTTPSConnection(HOST, port, timeout=REQUEST_S, context=context)
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    connection.request("POST", "/login", urlencode({"password": password, "next": "/events"}), form)
    answer = connection.getresponse()
    answer.read()
    cookie = (answer.getheader("Set-Cookie") or "").split(";")[0]
    if answer.status != 303 or not cookie:
        raise ImageError(f"the page refuses the password of first boot: {answer.status}")
    connection.request("GET", "/events", headers={"Cookie": cookie})
    answer = connection.getresponse()
    page = answer.read()
    if answer.status != 200 or b"<html" not in page.lower():
        raise ImageError(f"the page answers {answer.status}")
    connection.close()
    return time.monotonic()


@dataclass(slots=True)
class Inbox:
    """What the broker has sent: by event id, the message and when it came, on the monotonic clock."""

    events: dict[str, tuple[dict[str, Any], float]] = field(default_factory=dict)
    came: threading.Condition = field(default_factory=threading.Condition)

    def wait_for(self, count: int, deadline_s: float) -> list[tuple[dict[str, Any], float]]:
        """Until so many different events came.

        Raises:
            ImageError: not until the deadline.
        """
        with self.came:
            if not self.came.wait_for(lambda: len(self.events) >= count, deadline_s):
                raise ImageError(f"{len(self.events)} of {count} events were published after {deadline_s:.0f} s")
            return sorted(self.events.values(), key=lambda each: each[1])


@contextmanager
def subscribed(port: int, welcome: Welcome) -> Iterator[Inbox]:
    """A household member's subscription to all events; it connects again by itself."""
    inbox = Inbox()
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="owner", clean_session=False)
    client.username_pw_set(welcome.broker_user, welcome.broker_password)

    def on_message(client: Any, userdata: Any, message: paho.MQTTMessage) -> None:
        event = json.loads(message.payload)
        with inbox.came:
            inbox.events.setdefault(event["id"], (event, time.monotonic()))
            inbox.came.notify_all()

    client.on_connect = lambda client, *_: client.subscribe("edge/+/events", 1)
    client.on_message = on_message
    client.reconnect_delay_set(1, 5)
    client.connect_async(HOST, port)
    client.loop_start()
    try:
        yield inbox
    finally:
        client.disconnect()
        client.loop_stop()
