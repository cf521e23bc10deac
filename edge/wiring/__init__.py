"""The composition root: from a configuration to an appliance. The only room that names concrete adapters."""

from pathlib import Path
from typing import TYPE_CHECKING

from edge.config import Config
from edge.errors import ConfigError

if TYPE_CHECKING:
    from edge.runtime import Appliance


def build(config: Config, *, once: bool = False, config_file: Path | None = None) -> "Appliance":
    """Wire everything; nothing runs yet. The caller holds the lock of the data folder.

    Args:
        once: one pass of what the cameras have now.
        config_file: where `config` was read from; None: from no file.

    Raises:
        EdgeError: the configuration cannot be served: no camera, model missing or damaged, data folder unusable …
    """
    from edge.wiring.house import House  # all rooms: who only asks whether a configuration is right needs none

    if not config.camera:
        raise ConfigError("no camera is configured", hint="add a [[camera]] table; see docs/configuration.md")
    return House(config, once=once, config_file=config_file).appliance
