"""Which system this is: for which devices its bundles are, who may sign them, and its version."""

import configparser
import platform
from pathlib import Path

import msgspec

from edge import __version__
from edge.errors import UpdateError

RAUC_CONF = Path("/etc/rauc/system.conf")


class System(msgspec.Struct, frozen=True, kw_only=True):
    """`compatible`: as RAUC has it; a bundle for another is refused. `keyring`: PEM file of those who may sign."""

    version: str
    compatible: str
    keyring: Path


def installed_version() -> str:
    """Of the image (`IMAGE_VERSION` in os-release), else of the program."""
    try:
        return platform.freedesktop_os_release().get("IMAGE_VERSION") or __version__
    except OSError:
        return __version__


def this_system(conf: Path = RAUC_CONF) -> System:
    """Raises UpdateError: this system is not updated as a whole."""
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(conf.read_text(encoding="utf-8"))
        compatible, keyring = parser["system"]["compatible"], parser["keyring"]["path"]
    except OSError as error:
        hint = "an existing system with the package is updated by apt: docs/update.md"
        raise UpdateError(f"{conf}: {error.strerror}: this device has no slots for updates", hint=hint) from error
    except (configparser.Error, KeyError, UnicodeDecodeError) as error:
        raise UpdateError(f"{conf}: names no compatible or no keyring: {error}", hint="the image is damaged") from error
    return System(version=installed_version(), compatible=compatible, keyring=conf.parent / keyring)
