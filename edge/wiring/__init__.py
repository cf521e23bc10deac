"""The composition root: from a configuration to an appliance. The only room that names concrete adapters."""

from pathlib import Path

from edge.config import Config
from edge.errors import ConfigError
from edge.runtime import Appliance
from edge.wiring.house import House


def build(config: Config, *, once: bool = False, config_file: Path | None = None) -> Appliance:
    """Wire everything; nothing runs yet. The caller holds the lock of the data folder.

    Args:
        once: one pass of what the cameras have now.
        config_file: where `config` was read from; None: from no file.

    Raises:
        EdgeError: the configuration cannot be served: no camera, model missing or damaged, data folder unusable …
    """
    if not config.camera:
        raise ConfigError("no camera is configured", hint="add a [[camera]] table; see docs/configuration.md")
    return House(config, once=once, config_file=config_file).appliance
