"""What NetworkManager and SSH read, as Imager's customisation asks for it."""

import re
import subprocess
import uuid
from pathlib import Path

from edge.appliance.places import Places, put
from edge.appliance.preseed import ZONES, Preseed, Wifi
from edge.errors import EdgeError
from edge.files import make_folder, sync_file, sync_folder

SSH_USER = "root"
"""By key only; a flashed card has no other user that logs in."""
CONNECTION = "edge-wifi.nmconnection"
COUNTRY = "modprobe.d/edge-wifi-country.conf"
KEYGEN_S = 120.0
_NAMESPACE = uuid.UUID("6a9f6a0e-5a0f-4c3a-9d1c-0a8f2f0d7b11")


def set_up(preseed: Preseed, places: Places) -> None:
    """Write what was asked for; what was not stays as it is.

    Raises:
        OSError: it cannot be written. EdgeError: ssh-keygen failed.
    """
    if preseed.wifi is not None:
        put(places.etc / "NetworkManager/system-connections" / CONNECTION, keyfile(preseed.wifi).encode(), 0o600)
        if preseed.wifi.country:
            # Read when the driver is loaded: before this, so that it counts from the next start on.
            put(places.etc / COUNTRY, f"options cfg80211 ieee80211_regdom={preseed.wifi.country}\n".encode())
    if preseed.timezone:
        _link(places.etc / "localtime", ZONES / preseed.timezone)
    if preseed.ssh_keys:
        keys = "".join(f"{key}\n" for key in preseed.ssh_keys)
        put(places.etc / "ssh/authorized_keys" / SSH_USER, keys.encode())
        put(places.etc / "ssh/edge-enabled", b"")
    if (places.etc / "ssh/edge-enabled").exists():
        make_host_key(places.etc / "ssh")


def keyfile(wifi: Wifi) -> str:
    """A connection as NetworkManager's keyfile plugin reads it."""
    lines = ["[connection]", "id=edge-wifi", f"uuid={uuid.uuid5(_NAMESPACE, wifi.ssid.hex())}", "type=wifi", ""]
    lines += [
        "[wifi]",
        "mode=infrastructure",
        f"ssid={_octets(wifi.ssid)}",
        *(["hidden=true"] if wifi.hidden else []),
        "",
    ]
    if wifi.password:
        lines += ["[wifi-security]", "key-mgmt=wpa-psk", f"psk={_escaped(wifi.password)}", ""]
    return "\n".join([*lines, "[ipv4]", "method=auto", "", "[ipv6]", "method=auto", ""])


def _octets(ssid: bytes) -> str:
    """Plain where nothing in it could be read for something else, else as numbers."""
    if re.fullmatch(rb"[A-Za-z0-9_.-]+( [A-Za-z0-9_.-]+)*", ssid):
        return ssid.decode()
    return "".join(f"{octet};" for octet in ssid)


def _escaped(text: str) -> str:
    r"""GLib's key files: \ is \\, and a space at the beginning \s."""
    text = text.replace("\\", "\\\\")
    return f"\\s{text[1:]}" if text.startswith(" ") else text


def make_host_key(folder: Path) -> None:
    """The device's own SSH key, made once. A key of which the power went while it was made is made again."""
    path = folder / "ssh_host_ed25519_key"
    if _holds_something(path) and _holds_something(path.with_suffix(".pub")):
        return
    make_folder(folder)
    fresh = folder / ".ssh_host_new"
    halves = (fresh, fresh.with_suffix(".pub"))
    for stale in halves:
        stale.unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(fresh)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=KEYGEN_S)
    except (OSError, subprocess.SubprocessError) as error:
        raise EdgeError(f"ssh-keygen: {error}", hint="install openssh-client") from error
    for half in halves:
        sync_file(half)  # ssh-keygen does not: a power cut would leave its name without its bytes
    fresh.replace(path)  # first the secret: without its public half it is made again
    fresh.with_suffix(".pub").replace(path.with_suffix(".pub"))
    sync_folder(folder)


def _holds_something(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0


def _link(path: Path, target: Path) -> None:
    if path.is_symlink() and path.readlink() == target:
        return
    make_folder(path.parent)
    fresh = path.with_name(f".{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.symlink_to(target)
    fresh.replace(path)
    sync_folder(path.parent)
