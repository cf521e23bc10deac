"""What Raspberry Pi Imager writes for the first boot: `rpi-preseed.toml` (Imager 2.0.11 and later) or `custom.toml` (the form before it).

Served: host name, Wi-Fi, SSH with keys, time zone. A user's name and password are passed over: nobody logs in here with a password.
"""

import re
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from edge.appliance.problems import Problem
from edge.files import is_file

FILES = ("rpi-preseed.toml", "custom.toml")
OTHERS = {"firstrun.sh": "a script of older Imagers", "user-data": "cloud-init's", "userconf.txt": "Raspberry Pi OS's"}
ZONES = Path("/usr/share/zoneinfo")
PASSED_OVER = frozenset({"config_version", "user"})
MOST_BYTES = 100_000
AGAIN = "flash with Raspberry Pi Imager 2.0.11 or later and this image's manifest, or write rpi-preseed.toml yourself: docs/first-boot.md"


class Wifi(msgspec.Struct, frozen=True, kw_only=True):
    """`password`: 8 to 63 characters, or 64 hexadecimal digits; empty: an open network."""

    ssid: bytes
    password: str = ""
    hidden: bool = False
    country: str = ""


class Preseed(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for and is right; None and empty: not asked for."""

    hostname: str = ""
    timezone: str = ""
    wifi: Wifi | None = None
    ssh_keys: tuple[str, ...] = ()


def read(boot: Path) -> tuple[Preseed, list[Problem], Path | None]:
    """What the boot partition holds of it, what is wrong there, and the file, which has to go when nothing is."""
    problems = [
        Problem(name, f"is not read: it is {what}", AGAIN) for name, what in OTHERS.items() if _says_something(boot / name)
    ]  # fmt: skip
    found = [boot / name for name in FILES if (boot / name).exists()]
    if not found:
        return Preseed(), problems, None
    problems += [Problem(path.name, f"{found[0].name} is there too and is taken", "remove one") for path in found[1:]]
    preseed, wrong = parse_file(found[0])
    return preseed, [*problems, *wrong], found[0]


def parse_file(path: Path) -> tuple[Preseed, list[Problem]]:
    try:
        if path.stat().st_size > MOST_BYTES:
            return Preseed(), [Problem(path.name, f"is larger than {MOST_BYTES} bytes", AGAIN)]
        raw = tomllib.loads(path.read_text(encoding="utf-8-sig"))  # as editors write it that mark their files
    except (OSError, ValueError, RecursionError) as error:  # of tomllib: an integer too long, brackets too deep
        return Preseed(), [Problem(path.name, f"cannot be read: {error}", AGAIN)]
    return parse(raw, path.name)


def parse(raw: dict[str, Any], place: str) -> tuple[Preseed, list[Problem]]:
    """Each section by itself: what is wrong in one costs only that one."""
    made: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, section in raw.items():
        if name in PASSED_OVER:
            continue
        try:
            made.update(_section(name, section))
        except _WrongError as error:
            problems.append(Problem(f"{place}: {name}{error.key}", *error.args[:2]))
    return Preseed(**made), problems


class _WrongError(Exception):
    def __init__(self, key: str, what: str, remedy: str) -> None:
        super().__init__(what, remedy)
        self.key = f".{key}" if key else ""


def _section(name: str, section: Any) -> dict[str, Any]:
    if not isinstance(section, dict):
        raise _WrongError("", f"is {section!r}, not a table", f"write [{name}]")
    if name not in _SECTIONS:
        raise _WrongError("", "is not served here", f"served: {', '.join(_SECTIONS)}; see docs/first-boot.md")
    return dict(_SECTIONS[name](section))


def _system(section: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if name := _text(section, "hostname"):
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?", name):
            raise _WrongError("hostname", f"{name!r} is no host name", "letters, digits and -, at most 63")
        yield "hostname", name.lower()


def _locale(section: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if name := _text(section, "timezone"):
        if name.startswith("/") or ".." in name or not is_file(ZONES / name):
            raise _WrongError(
                "timezone", f"{name[:60]!r} is no time zone that is known here", "write one as Europe/Berlin"
            )
        yield "timezone", name


def _wlan(section: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    ssid = _ssid(section)
    password, country = _text(section, "password"), _text(section, "country").upper()
    if len(ssid) > 32 or not ssid:
        raise _WrongError("ssid", f"has {len(ssid)} bytes", "the name of the Wi-Fi has 1 to 32")
    is_key = re.fullmatch(r"[0-9a-fA-F]{64}", password) is not None
    if section.get("password_encrypted") is True and not is_key:
        raise _WrongError("password", "is no key of 64 hexadecimal digits", "or set password_encrypted = false")
    if password and not is_key and not (8 <= len(password.encode()) <= 63 and password.isprintable()):
        # The value itself is a secret, and this is read from a file that stays on the card.
        raise _WrongError("password", f"has {len(password.encode())} characters", "a Wi-Fi password has 8 to 63")
    if country and not re.fullmatch("[A-Z]{2}", country):
        raise _WrongError("country", f"{country!r} is no country", "two letters: DE, GB, US")
    yield "wifi", Wifi(ssid=ssid, password=password, hidden=section.get("hidden") is True, country=country)


def _ssid(section: dict[str, Any]) -> bytes:
    if "ssid_hex" not in section:
        return _text(section, "ssid").encode()
    try:
        return bytes.fromhex(_text(section, "ssid_hex"))
    except ValueError:
        raise _WrongError("ssid_hex", f"{section['ssid_hex']!r} is not hexadecimal", "or write ssid") from None


def _ssh(section: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    if section.get("enabled") is not True:
        return
    keys = section.get("authorized_keys", [])
    if not isinstance(keys, list) or not keys:
        remedy = 'give your public key: authorized_keys = ["ssh-ed25519 …"]; nobody logs in with a password here'
        raise _WrongError("authorized_keys", "SSH is asked for and no key is given", remedy)
    for key in keys:
        # Options in front of a key run commands: only a plain key is taken.
        if not isinstance(key, str) or not re.fullmatch(
            r"(ssh-|ecdsa-|sk-)\S+ [A-Za-z0-9+/=]+( [^\r\n]*)?", key.strip()
        ):
            raise _WrongError("authorized_keys", f"{str(key)[:30]!r} is no public key", "the line of your .pub file")
    yield "ssh_keys", tuple(key.strip() for key in keys)


_SECTIONS: dict[str, Callable[[dict[str, Any]], Iterator[tuple[str, Any]]]] = {
    "system": _system,
    "wlan": _wlan,
    "ssh": _ssh,
    "locale": _locale,
}


def _text(section: dict[str, Any], key: str) -> str:
    value = section.get(key, "")
    if not isinstance(value, str):
        raise _WrongError(key, f"is {value!r}, not a text", f'write {key} = "…"')
    return value.strip() if key != "password" else value


def _says_something(path: Path) -> bool:
    """More than comments."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace")[:MOST_BYTES].splitlines()
    except OSError:
        return False
    return any(line.strip() and not line.lstrip().startswith("#") for line in lines)
