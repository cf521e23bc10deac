"""What belongs to a device beside its database: its configuration, the files that this names, and models that were added."""

import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from edge import config
from edge.assets import Asset
from edge.errors import ConfigError
from edge.recognition.catalogue import added

log = logging.getLogger(__name__)

_USER = re.compile(r"(?<=://)[^/@\s\"']+@")
_WEBHOOK = re.compile(r"(?<=webhook)(\s*=\s*[\"'][a-z]+://[^/\"']*)[^\"']*")


class Named(NamedTuple):
    """A file that the configuration names. `secret`: nobody but its owner may read it."""

    path: Path
    secret: bool


class Belongings(NamedTuple):
    """`config_file` is None when the device runs on the defaults."""

    config_file: Path | None
    named: tuple[Named, ...]
    models_dir: Path


def belongings_of(data_dir: Path, config_file: Path | None) -> Belongings:
    """A configuration that cannot be read is a belonging all the same; what it names is not known then."""
    if config_file is None or not config_file.is_file():
        return Belongings(None, (), data_dir / "models")
    try:
        section = config.load(config_file)
    except ConfigError as error:
        log.warning("files that the configuration names are not backed up error=%s", error)
        return Belongings(config_file, (), data_dir / "models")
    models = Path(section.paths.models) if section.paths.models else data_dir / "models"
    return Belongings(config_file, tuple(sorted(set(_named(section)))), models)


def _named(section: config.Config) -> Iterator[Named]:
    mqtt = section.mqtt
    web = section.web
    secret = [
        mqtt.password_file,
        mqtt.cert_file,
        mqtt.key_file,
        web.cert_file,
        web.key_file,
        *(camera.password_file for camera in section.camera),
    ]
    public = [mqtt.ca_file, *(rule.webhook_ca_file for rule in section.rule), *section.workers.files]
    yield from (Named(Path(path), True) for path in secret if path)
    yield from (Named(Path(path), False) for path in public if path and path not in secret)


def added_models(models_dir: Path) -> list[Asset]:
    """Files of the models that a person has added; the others can be fetched again."""
    try:
        models = added(models_dir).values()
    except ConfigError as error:
        log.warning("models that were added are not backed up error=%s", error)
        return []
    files = {asset.file: asset for model in models for asset in (model.file, model.edgetpu) if asset is not None}
    return [asset for _, asset in sorted(files.items())]


def without_secrets(text: str) -> str:
    """A configuration without names and passwords in addresses, and without what stands behind the host of a webhook."""
    return _WEBHOOK.sub(r"\1", _USER.sub("", text))
