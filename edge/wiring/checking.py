"""Whether a configuration would start, without starting it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from edge.chores.device import Rooms, add_device_workers
from edge.chores.shipped import make_registry
from edge.config import Config
from edge.errors import ConfigError, EdgeError
from edge.events.rules import check_rules
from edge.mqtt.connection import login_of
from edge.mqtt.tls import make_context
from edge.recognition import catalogue, edgetpu
from edge.recognition.labels import check_interest
from edge.recognition.second_look import check_look
from edge.wiring.asked import check_asked
from edge.work.configured import requests_of, settings_of


def check_config(config: Config) -> None:
    """What `edge.config` cannot know: actions, labels, workers, and whether models and passwords are there. Files of workers are run.

    Raises:
        ConfigError: something that is named is not there, or is asked for in the wrong way.
    """
    if not config.camera:
        raise ConfigError("camera: none is configured", hint="add a [[camera]] table; see docs/configuration.md")
    labels = _check_detector(config)
    check_asked(config, labels)
    check_rules(config, labels)
    for index, look in enumerate(config.second_look):
        check_look(look, f"second_look[{index}]", labels, config.models_dir)
        _labels_of(look.model, f"second_look[{index}].model", config)
    _check_secrets(config)
    with _told_at("workers.files"):
        registry = make_registry(config.workers.files)
        add_device_workers(registry, cast(Rooms, None))  # none of them is run
    for index, work in enumerate(config.work):
        with _told_at(f"work[{index}]"):
            requests_of([work], registry, settings_of(config.workers).floors)


def _check_detector(config: Config) -> Sequence[str]:
    """The labels that it knows."""
    wanted = config.detector
    labels = _labels_of(wanted.model, "detector.model", config)
    check_interest(wanted.model, labels, wanted.labels, wanted.thresholds)
    if wanted.accelerator == "edgetpu":
        with _told_at("detector.accelerator"):
            edgetpu.require_twin(wanted.model, config.models_dir)
    return labels


def _labels_of(model: str, place: str, config: Config) -> Sequence[str]:
    with _told_at(place):
        return catalogue.require(model, config.models_dir)[1]


def _check_secrets(config: Config) -> None:
    if config.mqtt.host:
        login_of(config.mqtt)
        make_context(config.mqtt)
    for index, camera in enumerate(config.camera):
        if camera.password_file and not Path(camera.password_file).is_file():
            place = f"camera[{index}].password_file"
            raise ConfigError(f"{place}: {camera.password_file} is not there", hint="write the password into it")


@contextmanager
def _told_at(place: str) -> Iterator[None]:
    try:
        yield
    except EdgeError as error:
        raise ConfigError(f"{place}: {error.args[0]}", hint=error.hint) from error
