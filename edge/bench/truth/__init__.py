"""What a person sees in videos that everybody can get, and how events compare with it."""

import tomllib
from collections import defaultdict
from collections.abc import Sequence
from importlib import resources
from typing import NamedTuple

import msgspec

from edge.geometry import Box, iou

SAME_IOU = 0.3
"""The boxes of the truth are rough."""


class Thing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One real object. Between two of its boxes it moves evenly; before the first and after the last it is not in the picture."""

    name: str
    labels: tuple[str, ...]
    """Any of them is right."""
    crosses: bool
    """It comes, goes or passes; else it stands in its place all the time that it is in the picture."""
    boxes: tuple[tuple[int, float, float, float, float], ...]
    """Frame number, then left, top, right, bottom in 0..1."""

    def at(self, frame: int) -> Box | None:
        for (before, *a), (after, *b) in zip(self.boxes, self.boxes[1:] or self.boxes, strict=False):
            if before <= frame <= after:
                share = (frame - before) / max(1, after - before)
                return Box(*(x + share * (y - x) for x, y in zip(a, b, strict=True)))
        return None


class Truth(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    video: str
    package: str
    """Debian's package that carries the video; empty: the samples."""
    frames: int
    """Only so many were looked at."""
    object: tuple[Thing, ...]


class Shown(NamedTuple):
    """What an event shows: the picture that it was kept with, by the number of its frame, and the place in it."""

    label: str
    frame: int
    box: Box


class Comparison(NamedTuple):
    events: dict[str, list[Shown]]
    """By the name of the object that they show; objects without an event are not in it."""
    wrong: list[Shown]
    """They show a real object and call it something else."""
    nothing: list[Shown]
    """They show no real object: background."""

    def recall(self, things: Sequence[Thing]) -> float:
        return sum(thing.name in self.events for thing in things) / max(1, len(things))


def load(name: str) -> Truth:
    text = resources.files("edge.bench.truth").joinpath(f"{name}.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), Truth)


def compare(truth: Truth, shown: Sequence[Shown]) -> Comparison:
    events: dict[str, list[Shown]] = defaultdict(list)
    wrong: list[Shown] = []
    nothing: list[Shown] = []
    for event in shown:
        near = sorted(
            ((iou(box, event.box), thing) for thing in truth.object if (box := thing.at(event.frame)) is not None),
            key=lambda found: -found[0],
        )
        near = [found for found in near if found[0] >= SAME_IOU]
        right = next((thing for _, thing in near if event.label in thing.labels), None)
        if right is not None:
            events[right.name].append(event)
        else:
            (wrong if near else nothing).append(event)
    return Comparison(dict(events), wrong, nothing)
