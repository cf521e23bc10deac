"""What must not leave the device: the secrets that it keeps, found where they are kept, and what looks like one."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from edge.appliance.places import Places
from edge.backup import target
from edge.camera.address import HIDDEN, redacted
from edge.config import Config, hidden
from edge.web import access

SHORTEST = 4
"""Shorter ones would take half of every text with them."""
_LOOKS = (
    # The words in front stay: they say what was there.
    (re.compile(r"(?i)\b((?:[a-z0-9_-]*(?:password|passwd|passphrase|psk|secret|token|api[_-]?key))\"?\s*[=:]\s*)\"?[^\s\",]+"), r"\1***"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), r"\1 ***"),
    (re.compile(r"\b(edge_)[A-Za-z0-9_-]{20,}"), r"\1***"),
    (re.compile(r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----"), "*** private key ***"),
    (re.compile(r"(?i)\b(ssid[=: ]+)(\"[^\"]*\"|'[^']*'|\S+)"), r"\1***"),
    (re.compile(r"\b([0-9a-f]{2}:){5}[0-9a-f]{2}\b", re.IGNORECASE), "**:**:**:**:**:**"),
)  # fmt: skip
_URL = re.compile(r"[a-z][a-z0-9+.-]*://[^\s\"'<>]+", re.IGNORECASE)
_OF_KEYFILE = re.compile(r"(?m)^(?:psk|password|ssid)=(.+)$")
_OF_RCLONE = re.compile(r"(?m)^\s*\w*(?:pass|password|password2|secret|key|token)\w*\s*=\s*(.+)$")


class Redactor:
    """Takes out what it was told, then what looks like a secret."""

    def __init__(self, secrets: Iterable[str]) -> None:
        self._secrets = sorted({each for each in secrets if len(each) >= SHORTEST}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, HIDDEN)
        text = _URL.sub(lambda found: redacted(found[0]), text)
        for pattern, instead in _LOOKS:
            text = pattern.sub(instead, text)
        return text


def known(config: Config, etc: Path) -> set[str]:
    """Those that this device keeps. A file that cannot be read is passed over: what was not read cannot be told."""
    return set(_known(config, etc))


def _known(config: Config, etc: Path) -> Iterator[str]:
    data = config.data_dir
    places = Places(etc, etc, data, etc)
    files = [places.broker / "device-password", places.broker / "home-password", data / access.FOLDER / access.FIRST]
    files += [Path(camera.password_file) for camera in config.camera if camera.password_file]
    files += [Path(config.mqtt.password_file)] if config.mqtt.password_file else []
    for path in files:
        yield from (line.strip() for line in _text(path).splitlines())
    yield from _texts_of(_text(data / access.FOLDER / access.FILE))
    backup = data / target.FOLDER
    yield from (each for each in _texts_of(_text(backup / target.FILE)) if not each.startswith("/"))
    yield from (value.strip() for value in _OF_RCLONE.findall(_text(backup / target.RCLONE_FILE)))
    for path in (etc / "NetworkManager/system-connections").glob("*"):
        yield from (
            value.strip().replace("\\\\", "\\").replace("\\s", " ").strip()
            for value in _OF_KEYFILE.findall(_text(path))
        )
    yield from _hidden_in(config)


def _hidden_in(config: Config) -> Iterator[str]:
    """What the configuration's own redaction takes out of it."""
    plain: dict[str, Any] = msgspec.to_builtins(config)
    shown = hidden(plain)
    for kind, key in (("camera", "source"), ("rule", "webhook")):
        for before, after in zip(plain[kind], shown[kind], strict=True):
            if before[key] != after[key]:
                yield before[key]
                credentials = before[key].partition("://")[2].rpartition("@")[0]
                yield from (credentials, *credentials.split(":", 1))
    for before, after in zip(plain["work"], shown["work"], strict=True):
        yield from (str(value) for key, value in before["input"].items() if after["input"][key] != value)


def _texts_of(text: str) -> Iterator[str]:
    """All texts in a JSON document, but names and kinds that say nothing."""
    try:
        waiting = [msgspec.json.decode(text)] if text else []
    except msgspec.DecodeError:
        return
    while waiting:
        each = waiting.pop()
        if isinstance(each, dict):
            waiting += [
                value for key, value in each.items() if key not in ("type", "device", "name", "granted", "provider")
            ]
        elif isinstance(each, list):
            waiting += each
        elif isinstance(each, str):
            yield each


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
