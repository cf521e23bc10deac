"""What is made for each camera: its gate, and the life-cycle of its events."""

from collections.abc import Callable
from functools import partial

from edge.config import Camera as CameraSection
from edge.config import Config, Tracking, split_address
from edge.events.arming import Arming
from edge.events.lifecycle import LifeCycle
from edge.events.looks import LookThread
from edge.events.rules import check_rules, rules_of
from edge.events.tracks import TrackSettings
from edge.health import Health
from edge.motion.gate import Gate
from edge.polygons import Polygon
from edge.recognition.port import Detector

Awake = Callable[[str, float], bool]
"""Whether an input is active, or was so within these seconds; also when nobody can tell."""


def gates_of(config: Config, health: Health, awake: Awake) -> dict[str, Gate]:
    """By camera."""
    gated = [section for section in config.camera if is_gated(config, section)]
    return {section.name: make_gate(config, section, health, awake) for section in gated}


def is_gated(config: Config, section: CameraSection) -> bool:
    """Stored pictures have nothing to do with each other: nothing moves in them."""
    return config.motion.enabled and section.motion and split_address(section.source)[0] != "folder"


def make_gate(config: Config, section: CameraSection, health: Health, awake: Awake = lambda name, hold_s: True) -> Gate:
    """The gate of one camera; its motion is a state like others."""

    def tell(moves: bool) -> None:
        health.report("motion", section.name, "moving" if moves else "still")

    tell(False)

    def is_awake() -> bool:
        return not section.gate_input or awake(section.gate_input, section.gate_hold_s)

    return Gate(config.motion, [Polygon(points) for points in section.motion_masks], tell, is_awake)


def life_cycles(
    config: Config,
    detector: Detector,
    arming: Arming,
    boot_id: str,
    new_id: Callable[[], str],
    looks: LookThread | None,
) -> Callable[[str], LifeCycle]:
    """Makes the life-cycle of the camera of that name.

    Raises:
        ConfigError: a zone, line or filter names a label that the detector does not have.
    """
    check_rules(config, detector.labels)
    settings = track_settings(config.tracking)

    def made(name: str) -> LifeCycle:
        rules = rules_of(config, name, partial(arming.armed, name))
        return LifeCycle(name, boot_id, settings, detector.threshold_of, new_id, looks, rules)

    return made


def track_settings(section: Tracking) -> TrackSettings:
    return TrackSettings(section.min_frames, section.lost_after_s, section.still_after_s, section.still_lost_after_s)
