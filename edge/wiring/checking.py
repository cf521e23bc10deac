"""Whether a configuration would start, without starting it."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from edge.chores.device import Rooms, add_device_workers
from edge.chores.shipped import make_registry
from edge.config import Config
from edge.errors import ConfigError, EdgeError
from edge.events.rules import check_rules
from edge.files import is_file
from edge.mqtt.connection import login_of
from edge.mqtt.tls import make_context
from edge.recognition import catalogue, edgetpu
from edge.recognition.labels import check_interest
from edge.recognition.second_look import check_look
from edge.wiring.asked import check_asked
from edge.work.configured import requests_of, settings_of
from edge.work.registry import Registry


def check_config(config: Config) -> None:
    """What `edge.config` cannot know: actions, labels, workers, and whether models and passwords are there. Files of workers are run.

    Raises:
        ConfigError: something that is named is not there, or is asked for in the wrong way.
    """
    if not config.camera:
        raise ConfigError("camera: none is configured", hint="add a [[camera]] table; see docs/configuration.md")
    _check_tables(config, _labels_of(config.detector.model, "detector.model", config))
    _check_secrets(config)
    registry = _registry(config.workers.files)
    for index in range(len(config.work)):
        _check_work(config, index, registry)


def check_part(config: Config) -> None:
    """What the owner of a device laid there, or a part of it, before it is taken.

    As `check_config`, but cameras may be missing, and so may the file of the default model: no key is to blame for it. Files of workers are
    looked for and not run: whoever takes a configuration is root, and must come to an end.
    """
    model = config.detector.model
    is_default = model == catalogue.DEFAULT_DETECTOR
    _check_tables(config, catalogue.find(model).labels if is_default else _labels_of(model, "detector.model", config))
    _check_secrets(config)
    for file in config.workers.files:
        if not is_file(Path(file)):
            raise ConfigError(f"workers.files: {file} is not there", hint="name a Python file on the device")
    registry = _registry()
    for index, work in enumerate(config.work):
        if registry.get(work.worker) is not None or not config.workers.files:
            _check_work(config, index, registry)


def _check_tables(config: Config, labels: Sequence[str]) -> None:
    """`labels`: those of the detector."""
    _check_detector(config, labels)
    check_asked(config, labels)
    check_rules(config, labels)
    for index, look in enumerate(config.second_look):
        check_look(look, f"second_look[{index}]", labels, config.models_dir)
        _labels_of(look.model, f"second_look[{index}].model", config)


def _check_detector(config: Config, labels: Collection[str]) -> None:
    wanted = config.detector
    check_interest(wanted.model, labels, wanted.labels, wanted.thresholds)
    if wanted.accelerator == "edgetpu":
        with _told_at("detector.accelerator"):
            edgetpu.require_twin(wanted.model, config.models_dir)


def _registry(files: Sequence[str] = ()) -> Registry:
    with _told_at("workers.files"):
        registry = make_registry(files)
        add_device_workers(registry, cast(Rooms, None))  # none of them is run
        return registry


def _check_work(config: Config, index: int, registry: Registry) -> None:
    with _told_at(f"work[{index}]"):
        requests_of([config.work[index]], registry, settings_of(config.workers).floors)


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
