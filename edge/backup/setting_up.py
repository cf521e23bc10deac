"""From the words of `edge backup setup` to a target."""

import configparser
from collections.abc import Sequence
from pathlib import Path
from uuid import uuid4

from edge.backup.target import Target, new_key, obscured, rclone_config, secret_options
from edge.errors import ConfigError


def make_target(
    device: str,
    kind: str | None,
    path: str | None,
    plain: Sequence[str],
    secret: Sequence[str],
    section: str | None,
    *,
    encrypted: bool,
) -> Target:
    """A target with a key of its own.

    Args:
        plain: `KEY=VALUE`. secret: `KEY=FILE`, of which the first line is the value. section: `FILE:NAME` of an rclone.conf.

    Raises:
        ConfigError: something is missing or cannot be.
    """
    options = _section(section) if section else {}
    if kind:
        options["type"] = kind
    if not path:
        raise ConfigError(
            "no path", hint="give --path: a folder on the remote, with the bucket first where it has those"
        )
    hidden = secret_options(options["type"]) if options.get("type") else frozenset()
    for key, value in map(_pair, plain):
        if key in hidden:
            raise ConfigError(f"--set {key}: this is a secret", hint=f"write it into a file: --secret {key}=FILE")
        options[key] = value
    for key, file in map(_pair, secret):
        value = _first_line(file)
        options[key] = obscured(value) if key in hidden else value
    key, salt = (new_key(), new_key()) if encrypted else ("", "")
    target = Target(device=device, repository=uuid4().hex, path=path, options=options, password=key, salt=salt)
    rclone_config(target)
    return target


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"{text!r:.60}: no = in it", hint="write KEY=VALUE")
    return key, value


def _first_line(file: str) -> str:
    try:
        return Path(file).read_text(encoding="utf-8").partition("\n")[0]
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file}: cannot be read: {type(error).__name__}", hint="name a file with the secret in its first line"
        ) from error


def _section(place: str) -> dict[str, str]:
    file, _, name = place.rpartition(":")
    parser = configparser.ConfigParser(interpolation=None)
    try:
        parser.read_string(Path(file).read_text(encoding="utf-8"))
        return dict(parser[name])
    except (OSError, UnicodeDecodeError, configparser.Error, KeyError) as error:
        raise ConfigError(
            f"{place}: {type(error).__name__}", hint="write FILE:NAME, of an rclone.conf that is not encrypted"
        ) from error
