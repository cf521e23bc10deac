"""What the owner of a new device must know, on the partition that they can read: gone when somebody has logged in."""

from pathlib import Path

from edge.appliance.network import SSH_USER
from edge.appliance.places import Places
from edge.appliance.problems import Problem, from_error
from edge.clock import SystemClock
from edge.config import Config
from edge.errors import EdgeError
from edge.files import write_durably
from edge.identity import device_id
from edge.mqtt.appliance_broker import HOUSEHOLD
from edge.web.access import FOLDER, Access
from edge.web.certificate import Certificate, is_encrypted, names_of

FILE = "edge-password.txt"
TEXT = """\
The page:  {scheme}://{host}.local:{port}
Password:  {password}
{certificate}
MQTT:      {host}.local, port 1883, user {user}
Password:  {broker_password}
{ssh}
This file goes at the first start after somebody has logged in to the page. `edge web password` chooses another password.
"""


CERTIFICATE = """
The device made its certificate itself: browsers warn of it once. It is the right one with this SHA-256 fingerprint:
{fingerprint}
"""


def welcome(places: Places, config: Config, host: str) -> list[Problem]:
    """Write it, or take it away.

    Raises:
        StoreError: the page's password cannot be made or read.
    """
    access = Access(places.data, SystemClock())
    certificate, found = _certificate(places, config, host)
    for path in (places.data / FOLDER, *(places.data / FOLDER).rglob("*")):
        places.give(path)
    path = places.boot / FILE
    try:
        if access.first_password is None:
            path.unlink(missing_ok=True)
        else:
            text = _text(places, config, host, access.first_password, certificate).replace("\n", "\r\n").encode()
            if not (path.is_file() and path.read_bytes() == text):
                write_durably(path, text)
    except OSError as error:
        found.append(Problem(str(path), f"cannot be written: {error.strerror}", "check the card's boot partition"))
    return found


def _certificate(places: Places, config: Config, host: str) -> tuple[str, list[Problem]]:
    """What is to be said of the one that the device made; made now, so that it can be said. The page makes do without."""
    if not is_encrypted(config.web) or config.web.cert_file:
        return "", []
    made = Certificate(places.data / FOLDER, names_of(config.device.id or device_id(places.data), host))
    try:
        made.ensure()
        return CERTIFICATE.format(fingerprint=made.fingerprint()), []
    except EdgeError as error:
        return "", [from_error(error, "certificate of the page")]


def _text(places: Places, config: Config, host: str, password: Path, certificate: str) -> str:
    broker = places.broker / "home-password"
    return TEXT.format(
        host=host,
        scheme="https" if is_encrypted(config.web) else "http",
        certificate=certificate,
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
