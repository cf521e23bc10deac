"""What a device does before anything else runs, at every start: it becomes somebody, and takes
in what its owner laid on the boot partition.

Every step looks at what is there and makes what is missing, so that a power cut anywhere is mended by the next start. Nothing here needs a
network or the right time.
"""

import logging
import os
import re
import socket

import msgspec

from edge.appliance import configuration, network, preseed, problems, reset, welcome
from edge.appliance.configuration import Check
from edge.appliance.places import BROKER_USER, Places, has_user, put
from edge.appliance.problems import Problem, take_away, without_data
from edge.config import Config
from edge.errors import StoreError
from edge.identity import ID_FILE, device_id
from edge.mqtt import appliance_broker

log = logging.getLogger(__name__)

OWN_HOSTS = ("127.0.0.1", "localhost", "::1")


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What the device is now."""

    device: str
    host: str
    cameras: tuple[str, ...]
    problems: tuple[Problem, ...]
    reset: bool


def first_boot(places: Places, check: Check, *, apply: bool = True) -> Report:
    """Make the device whole.

    Args:
        check: what the configuration asks for, beyond its form.
        apply: set the running kernel's host name too.

    Raises:
        EdgeError: the device's own folders cannot be written, or the shipped configuration is wrong.
    """
    try:
        return _first_boot(places, check, apply=apply)
    except OSError as error:
        raise StoreError(
            f"{error.filename}: {error.strerror}", hint="check the card: docs/troubleshooting.md"
        ) from error


def _first_boot(places: Places, check: Check, *, apply: bool) -> Report:
    was_reset = reset.fulfil(places)
    device = device_id(places.data)
    for path in (places.data, places.data / ID_FILE):
        places.give(path)
    asked, wrong, preseeded = preseed.read(places.boot)
    host = _host_name(places, asked.hostname, device)
    network.set_up(asked, places)
    config, wrong_configuration = configuration.take_in(places, device, check)
    found = [without_data(places.no_data)] if places.no_data else []
    found += [*wrong, *wrong_configuration]
    _set_up_broker(places, config, device)
    found += welcome.welcome(places, config, host)
    if preseeded is not None and not wrong:
        found += take_away(preseeded, places)
    problems.tell(found, places)
    if apply:
        _apply(host)
    cameras = tuple(camera.name for camera in config.camera)
    return Report(device=config.device.id or device, host=host, cameras=cameras, problems=tuple(found), reset=was_reset)


def _host_name(places: Places, asked: str, device: str) -> str:
    """As asked for, else as it is, else `edge-` and four digits of the device's id."""
    path = places.etc / "hostname"
    known = path.read_text(encoding="utf-8", errors="replace").strip() if path.exists() else ""
    host = asked or (known if known not in ("", "localhost") else "")
    if not host:
        host = re.sub(r"[^a-z0-9-]", "-", device if not re.fullmatch(r"edge-[0-9a-f]{8}", device) else device[:9])
    put(path, f"{host}\n".encode())
    return host


def _set_up_broker(places: Places, config: Config, device: str) -> None:
    """The device's own, unless another one is configured."""
    folder = places.broker
    if config.mqtt.host not in OWN_HOSTS:
        (folder / "mosquitto.conf").unlink(missing_ok=True)
        return
    run_as = BROKER_USER if has_user(BROKER_USER) else ""
    appliance_broker.write(
        folder,
        config.device.id or device,
        prefix=config.mqtt.prefix,
        discovery_prefix=config.homeassistant.discovery_prefix,
        port=config.mqtt.port,
        run_as=run_as,
    )
    folder.chmod(0o711)  # the program goes through it to its own password
    for path in (folder, folder / "data", *(folder / name for name in ("mosquitto.conf", "passwords", "permissions"))):
        places.give(path, BROKER_USER)
    for name in ("device-password", "home-password"):
        places.give(folder / name)


def _apply(host: str) -> None:
    """To the running kernel; where that is not allowed, the next start of what reads the file does."""
    try:
        if os.geteuid() == 0 and socket.gethostname() != host:
            socket.sethostname(host)
    except OSError as error:
        log.warning("host name not set name=%s error=%s", host, error)
