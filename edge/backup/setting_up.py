"""From the words of `edge backup setup` to a target."""

import base64
import configparser
import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from edge.backup.target import Target, new_key, obscured, rclone_config, secret_options
from edge.errors import ConfigError

TOKEN = "token"
"""The option in which rclone keeps what a person allowed it in a browser."""


class Answers(NamedTuple):
    """What is known of a remote. `secrets` are options too, as a person types them; `mirror`: path of a plain mirror."""

    kind: str
    path: str
    options: dict[str, str]
    secrets: dict[str, str]
    encrypted: bool
    mirror: str


def read_options(
    kind: str | None, path: str | None, plain: Sequence[str], secret: Sequence[str], section: str | None, mirror: str,
    *, encrypted: bool,
) -> Answers:  # fmt: skip
    """What was said on the command line.

    Args:
        plain: `KEY=VALUE`. secret: `KEY=FILE`, of which the first line is the value. section: `FILE:NAME` of an rclone.conf.

    Raises:
        ConfigError: something cannot be.
    """
    options = _section(section) if section else {}
    kind = kind or options.pop("type", "")
    hidden = secret_options(kind) if kind else frozenset()
    for key, value in map(_pair, plain):
        if key in hidden:
            raise ConfigError(f"--set {key}: this is a secret", hint=f"write it into a file: --secret {key}=FILE")
        options[key] = value
    secrets = {key: _first_line(file) for key, file in map(_pair, secret)}
    return Answers(kind, path or "", options, secrets, encrypted, mirror)


def make_target(device: str, answers: Answers) -> Target:
    """A target with a key of its own.

    Raises:
        ConfigError: something is missing or cannot be.
    """
    if not answers.path:
        raise ConfigError(
            "no path", hint="give --path: a folder on the remote, with the bucket first where it has those"
        )
    hidden = secret_options(answers.kind) if answers.kind else frozenset()
    options = {"type": answers.kind, **answers.options}
    for key, value in answers.secrets.items():
        options[key] = obscured(value) if key in hidden else read_token(value) if key == TOKEN else value
    key, salt = (new_key(), new_key()) if answers.encrypted else ("", "")
    target = Target(
        device=device, repository=uuid4().hex, path=answers.path, options=options, password=key, salt=salt, mirror=answers.mirror
    )  # fmt: skip
    rclone_config(target)
    return target


def read_token(text: str) -> str:
    """What `rclone authorize` printed on another machine: a token, or settings in base64 with one in them.

    Raises:
        ConfigError: it is neither.
    """
    try:
        said = json.loads(text if text.startswith("{") else base64.b64decode(text + "=" * (-len(text) % 4)))
        token = said.get(TOKEN, said)
        if "access_token" in (json.loads(token) if isinstance(token, str) else token):
            return token if isinstance(token, str) else json.dumps(token, separators=(",", ":"))
    except (ValueError, TypeError, AttributeError):
        pass
    raise ConfigError("this is no token", hint='give the whole line that `rclone authorize` printed below "--->"')


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
