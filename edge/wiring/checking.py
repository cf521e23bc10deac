"""Whether a configuration would start, without starting it."""

from typing import cast

from edge.chores.device import Rooms, add_device_workers
from edge.chores.shipped import make_registry
from edge.config import Config
from edge.errors import ConfigError, WorkError
from edge.recognition import catalogue
from edge.wiring.asked import check_asked
from edge.work.configured import requests_of, settings_of


def check_config(config: Config) -> None:
    """What `edge.config` cannot know: actions, workers and models. Files of workers are run.

    Raises:
        ConfigError: something that is named is not there, or is asked for in the wrong way.
    """
    if not config.camera:
        raise ConfigError("camera: none is configured", hint="add a [[camera]] table; see docs/configuration.md")
    check_asked(config)
    catalogue.find(config.detector.model, config.models_dir)
    for look in config.second_look:
        catalogue.find(look.model, config.models_dir)
    try:
        registry = make_registry(config.workers.files)
        add_device_workers(registry, cast(Rooms, None))  # none of them is run
    except WorkError as error:
        raise ConfigError(f"workers.files: {error.args[0]}", hint=error.hint) from error
    requests_of(config.work, registry, settings_of(config.workers).floors)
