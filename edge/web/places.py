"""What is drawn over a camera's picture. Pure."""

from typing import Any

import msgspec

from edge.config import Config


def places_of(config: Config, camera: str) -> dict[str, Any]:
    """Zones, lines and masks of that camera as plain values, points in 0..1."""
    sections = [section for section in config.camera if section.name == camera]
    masks = msgspec.to_builtins(sections[0].motion_masks) if sections else []
    return {
        "zone": [{"name": each.name, "area": each.area} for each in config.zone if each.camera == camera],
        "line": [
            {"name": each.name, "start": each.start, "end": each.end} for each in config.line if each.camera == camera
        ],
        "motion_masks": masks,
    }
