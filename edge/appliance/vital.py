"""What the running program says of itself when it is asked whether it is well."""

from collections.abc import Callable, Sequence
from typing import Protocol

import msgspec

from edge import __version__
from edge.actions.port import Action
from edge.config import Config, split_address
from edge.follower import Stats
from edge.health import Condition

ACTION = "vital-signs"


class Sign(msgspec.Struct, frozen=True):
    """State and cause of one part, as in `edge.health`."""

    name: str
    state: str
    cause: str


class Vital(msgspec.Struct, frozen=True, kw_only=True):
    """`frames` were recognised, `owing_s` long a frame has waited for a result; `live`: there is a camera that gives frames by itself.
    `broker` is None where none is configured, before its first word too."""

    version: str
    cameras: tuple[Sign, ...]
    live: bool
    frames: int
    owing_s: float
    broker: Sign | None
    card: Sign | None


class Recognition(Protocol):
    """The running pipeline."""

    stats: Stats

    @property
    def owing_s(self) -> float: ...


def vital_action(config: Config, conditions: Callable[[], Sequence[Condition]], recognition: Recognition) -> Action:
    def look(_: object) -> Vital:
        by_part: dict[str, list[Sign]] = {}
        for each in conditions():
            by_part.setdefault(each.part, []).append(Sign(each.name, each.state, each.cause))
        return Vital(
            version=__version__,
            cameras=tuple(by_part.get("camera", ())),
            live=any(split_address(camera.source)[0] != "folder" for camera in config.camera),
            frames=recognition.stats.frames,
            owing_s=round(recognition.owing_s, 1),
            broker=next(iter(by_part.get("broker", ())), None),
            card=next((sign for sign in by_part.get("card", ()) if sign.name == "data"), None),
        )

    return Action(ACTION, "Whether it is well", "view", look, changes=False)
