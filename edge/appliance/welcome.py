"""What the owner of a new device must know, on the partition that they can read: gone when somebody has logged in."""

from pathlib import Path

from edge.appliance.network import SSH_USER
from edge.appliance.places import Places
from edge.appliance.problems import Problem
from edge.clock import SystemClock
from edge.config import Config
from edge.files import write_durably
from edge.mqtt.appliance_broker import HOUSEHOLD
from edge.web.access import Access

FILE = "edge-password.txt"
TEXT = """\
The page:  http://{host}.local:{port}
Password:  {password}

MQTT:      {host}.local, port 1883, user {user}
Password:  {broker_password}
{ssh}
This file goes at the first start after somebody has logged in to the page. `edge web password` chooses another password.
"""


def welcome(places: Places, config: Config, host: str) -> list[Problem]:
    """Write it, or take it away.

    Raises:
        StoreError: the page's password cannot be made or read.
    """
    access = Access(places.data, SystemClock())
    for path in (places.data / "web", *(places.data / "web").iterdir()):
        places.give(path)
    path = places.boot / FILE
    try:
        if access.first_password is None:
            path.unlink(missing_ok=True)
        else:
            text = _text(places, config, host, access.first_password).replace("\n", "\r\n").encode()
            if not (path.is_file() and path.read_bytes() == text):
                write_durably(path, text)
    except OSError as error:
        return [Problem(str(path), f"cannot be written: {error.strerror}", "check the card's boot partition")]
    return []


def _text(places: Places, config: Config, host: str, password: Path) -> str:
    broker = places.broker / "home-password"
    return TEXT.format(
        host=host,
        port=config.web.port,
        password=password.read_text(encoding="utf-8").strip(),
        user=HOUSEHOLD,
        broker_password=broker.read_text(encoding="utf-8").strip()
        if broker.exists()
        else "(another broker is configured)",
        ssh=f"\nSSH:       ssh {SSH_USER}@{host}.local, with your key\n"
        if (places.etc / "ssh/edge-enabled").exists()
        else "",
    )
