"""All sections together."""

import os
from pathlib import Path

from edge.config.affording import Limits, Network, Power, Work, Workers
from edge.config.keeping import Backup, Card, Clips, Device, Paths, Pictures, Retention, Update
from edge.config.section import Section
from edge.config.seeing import Camera, Detector, Filter, Line, Motion, Schedule, SecondLook, Tracking, Zone
from edge.config.telling import HomeAssistant, Mqtt, Web
from edge.config.touching import Button, Gpio, Input, Light, Output, Rule


class Config(Section, frozen=True):
    device: Device = Device()
    paths: Paths = Paths()
    camera: tuple[Camera, ...] = ()
    motion: Motion = Motion()
    detector: Detector = Detector()
    second_look: tuple[SecondLook, ...] = ()
    tracking: Tracking = Tracking()
    zone: tuple[Zone, ...] = ()
    filter: tuple[Filter, ...] = ()
    line: tuple[Line, ...] = ()
    schedule: tuple[Schedule, ...] = ()
    pictures: Pictures = Pictures()
    retention: Retention = Retention()
    card: Card = Card()
    clips: Clips = Clips()
    mqtt: Mqtt = Mqtt()
    homeassistant: HomeAssistant = HomeAssistant()
    gpio: Gpio = Gpio()
    button: tuple[Button, ...] = ()
    light: Light = Light()
    input: tuple[Input, ...] = ()
    output: tuple[Output, ...] = ()
    rule: tuple[Rule, ...] = ()
    web: Web = Web()

    power: Power = Power()
    network: Network = Network()
    limits: Limits = Limits()
    workers: Workers = Workers()
    work: tuple[Work, ...] = ()
    backup: Backup = Backup()
    update: Update = Update()

    @property
    def data_dir(self) -> Path:
        return Path(self.paths.data) if self.paths.data else default_data_dir()

    @property
    def models_dir(self) -> Path:
        return Path(self.paths.models) if self.paths.models else self.data_dir / "models"


def default_data_dir() -> Path:
    """Where the appliance keeps everything when the configuration names no folder."""
    for variable in ("EDGE_DATA", "STATE_DIRECTORY"):
        if value := os.environ.get(variable, "").partition(":")[0]:
            return Path(value)
    if os.geteuid() == 0:
        return Path("/var/lib/edge")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "edge"
