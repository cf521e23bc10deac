"""The configuration of a mosquitto that runs on the appliance itself: nobody without a password, little lost at a kill, bounded.

Passwords are made when the folder is new and kept after that; everything else is written anew.
"""

import base64
import hashlib
import os
import re
import secrets
from pathlib import Path
from typing import NamedTuple

from edge.errors import ConfigError
from edge.files import make_folder, write_durably

HOUSEHOLD = "home"
"""The user of Home Assistant and of people."""
ITERATIONS = 1000
CONFIGURATION = """\
# Written by `edge mqtt broker-config`; changes are lost.
listener {port}{bind}
allow_anonymous false
password_file {folder}/passwords
acl_file {folder}/permissions
set_tcp_nodelay true

# Not `information`: a line for each saving would crowd all else out of a journal that is kept in memory.
log_type error
log_type warning
log_type notice

# Written after each change, at most once a second: what a kill may cost is sent again by the appliance (docs/mqtt.md).
persistence true
persistence_location {data}/
autosave_on_changes true
autosave_interval 1
persistent_client_expiration 14d

# A subscriber that stays away, or a stranger, must not fill a small computer.
max_connections 64
max_queued_messages 20000
max_queued_bytes 33554432
message_size_limit 1048576
memory_limit 134217728
max_inflight_messages 200
{user}{bridge}"""
PERMISSIONS = """\
# A device is the user of its own id, and sees nothing of the others.
pattern readwrite {prefix}/%u/#
pattern write {discovery}/device/%u/#
pattern readwrite {discovery}/device/%u-check/#
pattern read {discovery}/status

user {household}
topic readwrite #
"""
BRIDGE = """
connection outward
address {address}
topic {prefix}/# out 1
bridge_protocol_version mqttv50
cleansession false
remote_clientid {device}-bridge
try_private false
notifications false
restart_timeout 5 60
"""


class Bridge(NamedTuple):
    """A remote broker that gets everything that the devices publish."""

    address: str
    ca_file: str = ""
    username: str = ""
    password: str = ""


def write(
    folder: Path,
    device: str,
    *,
    prefix: str,
    discovery_prefix: str,
    port: int = 1883,
    bind: str = "",
    run_as: str = "",
    bridge: Bridge | None = None,
) -> Path:
    """Write `mosquitto.conf` and what it names into `folder`, and return its path.

    `device-password` and `home-password` hold the two passwords, readable by the owner only.

    Raises:
        ConfigError: the folder cannot be written, or `bridge` cannot be put into a configuration.
    """
    try:
        data = folder / "data"
        make_folder(data)
        write_durably(folder / "passwords", _passwords(folder, device).encode())
        permissions = PERMISSIONS.format(prefix=prefix, discovery=discovery_prefix, household=HOUSEHOLD)
        write_durably(folder / "permissions", permissions.encode())
        text = CONFIGURATION.format(
            port=port,
            bind=f" {bind}" if bind else "",
            folder=folder,
            data=data,
            user=f"user {run_as}\n" if run_as else "",
            bridge=_bridge(bridge, prefix, device) if bridge is not None else "",
        )
        write_durably(folder / "mosquitto.conf", text.encode())
        for name in ("mosquitto.conf", "passwords", "permissions"):
            (folder / name).chmod(0o600)
    except OSError as error:
        raise ConfigError(f"{folder}: {error.strerror}", hint="name a folder that can be written") from error
    return folder / "mosquitto.conf"


def _passwords(folder: Path, device: str) -> str:
    users = ((device, "device-password"), (HOUSEHOLD, "home-password"))
    return "".join(f"{user}:{hashed(_password(folder / name))}\n" for user, name in users)


def _password(path: Path) -> str:
    if not path.exists():
        old = os.umask(0o077)
        try:
            write_durably(path, f"{secrets.token_urlsafe(12)}\n".encode())
        finally:
            os.umask(old)
    return path.read_text(encoding="utf-8").strip()


def hashed(password: str) -> str:
    """As `mosquitto_passwd` writes it: PBKDF2 with SHA-512."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def _bridge(bridge: Bridge, prefix: str, device: str) -> str:
    if any(re.search(r"[\r\n]", value) for value in bridge):
        raise ConfigError("the bridge's settings hold a line break", hint="take it out")
    text = BRIDGE.format(address=bridge.address, prefix=prefix, device=device)
    options = (
        ("bridge_cafile", bridge.ca_file),
        ("remote_username", bridge.username),
        ("remote_password", bridge.password),
    )
    return text + "".join(f"{key} {value}\n" for key, value in options if value)
