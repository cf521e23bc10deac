"""A second look at one thing: a classifier or a pose model on its part of the picture, at the picture's full resolution."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np

from edge import config
from edge.camera.port import Frame, Pixels
from edge.clock import Instant
from edge.errors import ConfigError
from edge.geometry import Box, KeyPoint
from edge.recognition import catalogue
from edge.recognition.labels import check_labels
from edge.recognition.port import Insight
from edge.recognition.pose import decode_points
from edge.recognition.scaling import InputBuffer
from edge.recognition.tflite import TfliteDetector

MARGIN = 0.1
"""Of the box's size, added on each side: detectors cut ears and tails off."""


class Looker(Protocol):
    """One model that looks at a part of a picture. Thread: one caller at a time."""

    def look(self, crop: Pixels) -> Insight:
        """Key points are normalised to `crop`.

        Raises:
            DetectorError: the model failed.
        """
        ...


class SecondLook:
    """The configured second looks.

    Args:
        labels: of the first detector.

    Raises:
        ConfigError: a label that the first detector does not have, or a model that cannot look again.
        AssetError: a model's file is missing or damaged.
        DetectorError: no runtime, or a file that does not fit its entry.

    Thread: one caller at a time.
    """

    def __init__(self, sections: Sequence[config.SecondLook], labels: Sequence[str], folder: Path) -> None:
        self._lookers: dict[str, list[Looker]] = {}
        for index, section in enumerate(sections):
            check_look(section, f"second_look[{index}]", labels, folder)
            looker = load_looker(section.model, folder, section.threshold)
            for label in section.labels:
                self._lookers.setdefault(label, []).append(looker)

    def wants(self, label: str) -> bool:
        return label in self._lookers

    def look(self, pixels: Pixels, label: str, box: Box) -> Insight:
        """Look at what is in `box`; of several sub-labels the surest, of several poses the one with most points.

        Raises:
            DetectorError: a model failed.
        """
        region = region_of(box, (pixels.shape[1], pixels.shape[0]))
        crop = cut_out(pixels, region)
        found = [looker.look(crop) for looker in self._lookers.get(label, ())]
        surest = max(found, key=lambda insight: insight.sub_score, default=Insight())
        points = max((insight.keypoints for insight in found), key=len, default=())
        return Insight(surest.sub_label, surest.sub_score, tuple(_in_frame(point, region) for point in points))


def check_look(section: config.SecondLook, place: str, labels: Collection[str], folder: Path) -> None:
    """What can be said without loading the model. `place` stands in front of the message; `labels`: of the first detector.

    Raises:
        ConfigError: a label that the first detector does not have, or a model that cannot look again.
    """
    check_labels(f"{place}.labels", "the detector", labels, section.labels)
    try:
        task = catalogue.find(section.model, folder).task
    except ConfigError as error:
        raise ConfigError(f"{place}.model: {error.args[0]}", hint=error.hint) from error
    if task == "detection":
        raise ConfigError(
            f"{place}.model: {section.model} finds things in whole pictures",
            hint="name a classification or pose model of `edge models list`",
        )


def load_looker(name: str, folder: Path, threshold: float) -> Looker:
    """A looker over a classification or pose model. It runs on the CPU with one thread: it must not take what the detector needs.

    Raises: as `SecondLook`.
    """
    model = catalogue.find(name, folder)
    path, labels = catalogue.require(name, folder)
    model = msgspec.structs.replace(model, threshold=threshold, thresholds={})
    detector = TfliteDetector(name, model, path, labels, threads=1)
    return PoseLooker(detector, threshold) if model.task == "pose" else ClassLooker(detector)


class ClassLooker:
    """Finds a sub-label that reaches the threshold of the model's entry."""

    def __init__(self, detector: TfliteDetector) -> None:
        self._detector = detector

    def look(self, crop: Pixels) -> Insight:
        found = self._detector.infer(self._detector.prepare(Frame("crop", 0, crop, Instant(0.0, 0.0))))
        return Insight(found[0].label, found[0].score) if found else Insight()


class PoseLooker:
    """Finds the key points that reach the threshold."""

    def __init__(self, detector: TfliteDetector, threshold: float) -> None:
        self._detector = detector
        self._threshold = threshold

    def look(self, crop: Pixels) -> Insight:
        buffer: InputBuffer = self._detector.scaler.fill(crop)
        self._detector.interpreter.run(buffer.tensor)
        output = self._detector.interpreter.output(0)
        insight = Insight(keypoints=decode_points(output, buffer.view, self._threshold))
        self._detector.scaler.give_back(buffer)
        return insight


def region_of(box: Box, size: tuple[int, int]) -> Box:
    """The box with a margin, made square where the picture has room, so that the aspect is kept; on whole pixels."""
    width_px, height_px = size
    left, top, right, bottom = box.to_pixels(size)
    side_px = max(right - left, bottom - top, 1) * (1 + 2 * MARGIN)
    across, down = min(width_px, round(side_px)), min(height_px, round(side_px))
    left = min(max(0, round((left + right - across) / 2)), width_px - across)
    top = min(max(0, round((top + bottom - down) / 2)), height_px - down)
    return Box(left / width_px, top / height_px, (left + across) / width_px, (top + down) / height_px)


def cut_out(pixels: Pixels, region: Box) -> Pixels:
    left, top, right, bottom = region.to_pixels((pixels.shape[1], pixels.shape[0]))
    return np.ascontiguousarray(pixels[top:bottom, left:right])


def _in_frame(point: KeyPoint, region: Box) -> KeyPoint:
    return point._replace(x=region.left + point.x * region.width, y=region.top + point.y * region.height)
