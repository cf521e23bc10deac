"""What the configuration wants of one camera's events."""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from edge.clock import Instant
from edge.config import Config
from edge.events.lines import Line
from edge.events.zones import Filter, Zone
from edge.geometry import Size
from edge.polygons import Polygon
from edge.recognition.labels import check_labels
from edge.recognition.port import Detection


def always(at: Instant) -> bool:
    return True


@dataclass(frozen=True, slots=True)
class Rules:
    """`only_zones`: events begin only for things that have been in one of these; empty: anywhere. `armed`: whether events may be now."""

    zones: tuple[Zone, ...] = ()
    only_zones: frozenset[str] = frozenset()
    filters: tuple[Filter, ...] = ()
    lines: tuple[Line, ...] = ()
    armed: Callable[[Instant], bool] = always

    def passes(self, found: Detection, size: Size) -> bool:
        return all(rule.passes(found, size) for rule in self.filters if rule.label == found.label)


ANY = Rules()


def rules_of(config: Config, camera: str, armed: Callable[[Instant], bool]) -> Rules:
    zones = [
        Zone(zone.name, Polygon(zone.area), frozenset(zone.labels), zone.threshold, zone.inertia, zone.loiter_s)
        for zone in config.zone
        if zone.camera == camera
    ]
    filters = [
        Filter(rule.label, rule.min_area, rule.max_area, rule.min_aspect, rule.max_aspect)
        for rule in config.filter
        if not rule.cameras or camera in rule.cameras
    ]
    lines = [
        Line(line.name, line.start, line.end, frozenset(line.labels)) for line in config.line if line.camera == camera
    ]
    only = frozenset(next((section.only_zones for section in config.camera if section.name == camera), ()))
    return Rules(tuple(zones), only, tuple(filters), tuple(lines), armed)


def check_rules(config: Config, labels: Collection[str]) -> None:
    """Raises:
    ConfigError: a zone, filter or line names a label that the detector does not have.
    """
    for index, zone in enumerate(config.zone):
        check_labels(f"zone[{index}].labels", "the detector", labels, zone.labels)
    for index, line in enumerate(config.line):
        check_labels(f"line[{index}].labels", "the detector", labels, line.labels)
    for index, rule in enumerate(config.filter):
        check_labels(f"filter[{index}].label", "the detector", labels, [rule.label])
