"""What only the file itself may say: names of files and programs of the device. Who could choose them could read and run anything."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge.config.checks import split_address
from edge.config.problems import Problem
from edge.config.whole import Config

SECRET_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
_VIDEO = re.compile(r"/dev/(v4l/by-(id|path)/)?[A-Za-z0-9_:-][A-Za-z0-9_.:-]*")
HINT = "change it in the file itself, on the device"


class _Named(NamedTuple):
    kind: str
    where: str
    value: str


def refused_names(new: Config, old: Config, secrets: Path) -> list[Problem]:
    """Files and programs that `new` names and `old` does not. Secrets may be named that lie in the folder `secrets`."""
    known = {(each.kind, each.value) for each in _named(old)}
    return [
        Problem(each.where, "names a file or program of the device", HINT)
        for each in _named(new)
        if each.value and (each.kind, each.value) not in known and not _is_ours(each, secrets)
    ]


def _is_ours(named: _Named, secrets: Path) -> bool:
    path = Path(named.value)
    return named.kind.endswith("password_file") and path.parent == secrets and bool(SECRET_NAME.fullmatch(path.name))


def _named(config: Config) -> Iterator[_Named]:
    yield _Named("data", "paths.data", config.paths.data)
    yield _Named("models", "paths.models", config.paths.models)
    yield _Named("library", "detector.edgetpu_library", config.detector.edgetpu_library)
    for key in ("password_file", "ca_file", "cert_file", "key_file"):
        yield _Named(f"mqtt.{key}", f"mqtt.{key}", getattr(config.mqtt, key))
    for key in ("cert_file", "key_file"):
        yield _Named(f"web.{key}", f"web.{key}", getattr(config.web, key))
    for index, camera in enumerate(config.camera):
        where = f"camera[{index}]"
        scheme, rest = split_address(camera.source)
        if scheme in ("file", "folder") or (scheme == "v4l2" and not _VIDEO.fullmatch(rest)):
            yield _Named("source", f"{where}.source", camera.source)
        yield _Named("camera.password_file", f"{where}.password_file", camera.password_file)
    for index, rule in enumerate(config.rule):
        yield _Named("webhook_ca_file", f"rule[{index}].webhook_ca_file", rule.webhook_ca_file)
    for index, file in enumerate(config.workers.files):
        yield _Named("worker", f"workers.files[{index}]", file)
    yield from _of_works(config)


def _of_works(config: Config) -> Iterator[_Named]:
    for index, work in enumerate(config.work):
        for number, path in enumerate(work.on_change):
            yield _Named("path", f"work[{index}].on_change[{number}]", path)
        for key in ("folder", "file"):
            if key in work.input:
                yield _Named("path", f"work[{index}].input.{key}", str(work.input[key]))
