"""One picture, one model, in a process of its own: to try a model beside the running recognition, or a picture that nobody vouches for."""

import os
import time
from pathlib import Path

import msgspec

from edge.camera.port import Frame
from edge.channel import Channel, Failure
from edge.clock import Instant
from edge.errors import DetectorError, EdgeError, IsolateError, RefusedError
from edge.isolate import Isolate
from edge.recognition import tflite
from edge.recognition.port import detect

WORKER = "edge.recognition.trial:serve"
TIMEOUT_S = 60.0
NICE = 15
MOST = 100
MOST_PIXELS = 20_000_000
"""Pillow refuses twice as many: 120 MB."""


class Try(msgspec.Struct, frozen=True, tag=True):
    model: str
    folder: str


class Sight(msgspec.Struct, frozen=True):
    """`box`: left, top, right and bottom, in 0..1."""

    label: str
    score: float
    box: tuple[float, float, float, float]


class Tried(msgspec.Struct, frozen=True, tag=True):
    """What was found, best first. `took_ms`: the second inference; the first allocates."""

    model: str
    took_ms: float
    size_px: tuple[int, int]
    detections: tuple[Sight, ...]


def try_model(name: str, folder: Path, picture: bytes) -> Tried:
    """Recognise one picture on the CPU, at low priority.

    Args:
        picture: a file in a format that Pillow reads; it is decoded in the other process.

    Raises:
        DetectorError: no such model, no picture, or it took longer than a minute; nothing of it is left.

    Thread: any; waits.
    """
    shared = os.memfd_create("trial", os.MFD_CLOEXEC)
    try:
        with os.fdopen(os.dup(shared), "wb") as file:
            file.write(picture)
        isolate = Isolate(WORKER, name="trial", descriptors=[shared])
        try:
            return isolate.request(Try(name, str(folder)), Tried, TIMEOUT_S)
        finally:
            isolate.end()
    except (IsolateError, RefusedError) as error:
        raise DetectorError(str(error.args[0]), hint=error.hint) from error
    finally:
        os.close(shared)


def serve(channel: Channel, descriptors: list[int]) -> None:
    """In the other process."""
    from PIL import Image

    from edge.pictures import read_picture

    os.nice(NICE)
    Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")  # the first to go, not the recognition
    Image.MAX_IMAGE_PIXELS = MOST_PIXELS
    asked: Try = channel.receive(Try)
    try:
        pixels = read_picture(Path(f"/proc/self/fd/{descriptors[0]}"))
        detector = tflite.load(asked.model, Path(asked.folder), threads=1)
        frame = Frame("try", 0, pixels, Instant(0.0, 0.0))
        detect(detector, frame)
        begin_s = time.perf_counter()
        found = detect(detector, frame)
        took_ms = round((time.perf_counter() - begin_s) * 1000, 1)
    except EdgeError as error:
        channel.send(Failure(str(error.args[0]).removeprefix(f"/proc/self/fd/{descriptors[0]}: "), error.hint))
        return
    sights = tuple(_sight(each.label, each.score, each.box) for each in found[:MOST])
    channel.send(Tried(detector.name, took_ms, (pixels.shape[1], pixels.shape[0]), sights))


def _sight(label: str, score: float, box: tuple[float, float, float, float]) -> Sight:
    left, top, right, bottom = (round(float(value), 4) for value in box)
    return Sight(label, round(float(score), 4), (left, top, right, bottom))
