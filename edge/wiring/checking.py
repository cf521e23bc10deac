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
    _check_model("detector.model", config.detector.model, config)
    for index, look in enumerate(config.second_look):
        _check_model(f"second_look[{index}].model", look.model, config)
    try:
        registry = make_registry(config.workers.files)
        add_device_workers(registry, cast(Rooms, None))  # none of them is run
    except WorkError as error:
        raise ConfigError(f"workers.files: {error.args[0]}", hint=error.hint) from error
    for index, work in enumerate(config.work):
        try:
            requests_of([work], registry, settings_of(config.workers).floors)
        except ConfigError as error:
            raise ConfigError(f"work[{index}]: {error.args[0]}", hint=error.hint) from error


def _check_model(place: str, name: str, config: Config) -> None:
    try:
        catalogue.find(name, config.models_dir)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error.args[0]}", hint=error.hint) from error
