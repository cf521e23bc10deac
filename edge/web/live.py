"""What the cameras see now, with what was recognised in it: one JPEG for all viewers, made beside the frame path."""

import asyncio
import json
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from edge.camera.port import Frame
from edge.events.port import Scene, Thing
from edge.pictures import encode_jpeg
from edge.recognition.drawing import colour_of

VIEWERS = 12
FPS = 5.0
MAX_EDGE_PX, QUALITY = 960, 70
NICE = 10
AGREES_S = 0.5
"""A frame that was recognised so shortly before the newest is shown in its place: its boxes are where its things are."""
BOUNDARY = "edge-frame"
MEDIA_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"


class View(NamedTuple):
    """`tag` names the picture, quoted as an ETag; `things`: what is in it, as ASCII JSON (`things_of`)."""

    jpeg: bytes
    tag: str
    things: str


class _Made(NamedTuple):
    view: View
    at_s: float


class Live:
    """Args:
        newest: the newest frame of a camera, None before the first.
        scene: what was recognised last at a camera, None before the first.

    Thread: the one that runs asyncio.
    """

    def __init__(self, newest: Callable[[str], Frame | None], scene: Callable[[str], Scene | None]) -> None:
        self._newest = newest
        self._scene = scene
        self._made: dict[str, _Made] = {}
        self._making: dict[str, asyncio.Lock] = {}
        self._encoder = ThreadPoolExecutor(1, "live", _be_nice)
        self._viewers = 0
        self._closed = False

    @property
    def full(self) -> bool:
        return self._viewers >= VIEWERS

    def close(self) -> None:
        """End every stream."""
        self._closed = True
        self._encoder.shutdown(wait=False)

    async def view(self, camera: str) -> View | None:
        """What is to be seen now, at most `FPS` new pictures a second however many ask; None: there is none yet."""
        async with self._making.setdefault(camera, asyncio.Lock()):
            frame, things = chosen(self._newest(camera), self._scene(camera))
            if frame is None:
                return None
            known, now_s = self._made.get(camera), time.monotonic()
            tag = f'"{frame.sequence}-{frame.taken.boot_s:.3f}"'
            if known is not None and (known.view.tag == tag or now_s - known.at_s < 1 / FPS):
                return known.view
            view = View(await self._encoded(frame), tag, things_of(things))
            self._made[camera] = _Made(view, now_s)
            return view

    async def stream(self, camera: str) -> AsyncIterator[bytes]:
        """Pictures as parts of a `multipart/x-mixed-replace`, each sent once, as long as somebody reads."""
        self._viewers += 1
        last = ""
        try:
            while not self._closed:
                view = await self.view(camera)
                if view is not None and view.tag != last:
                    last = view.tag
                    yield _part(view.jpeg)
                await asyncio.sleep(1 / FPS)
        finally:
            self._viewers -= 1

    async def _encoded(self, frame: Frame) -> bytes:
        def encode() -> bytes:
            return encode_jpeg(frame.pixels, quality=QUALITY, max_edge_px=MAX_EDGE_PX)[0]

        return await asyncio.get_running_loop().run_in_executor(self._encoder, encode)


def chosen(newest: Frame | None, scene: Scene | None) -> tuple[Frame | None, tuple[Thing, ...]]:
    """The frame to show, and what is in it.

    Where nothing moves, the newest frame is not looked at; what was found last is still there then.
    """
    if newest is None or scene is None:
        return newest, ()
    recent = newest.taken.boot_s - scene.frame.taken.boot_s < AGREES_S
    return (scene.frame if recent or newest.still is not None else newest), scene.things


def things_of(things: tuple[Thing, ...]) -> str:
    """For the page: `[[label, score, [left, top, right, bottom], colour, counts], …]`, in ASCII, as a header carries it."""
    shown = [
        [
            thing.label,
            round(thing.score, 2),
            [round(value, 4) for value in thing.box],
            colour_of(thing.label),
            thing.counts,
        ]
        for thing in things
    ]
    return json.dumps(shown, separators=(",", ":"))


def _part(jpeg: bytes) -> bytes:
    head = f"--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
    return head.encode() + jpeg + b"\r\n"


def _be_nice() -> None:
    """Linux gives each thread its own niceness: the frame path has the cores first."""
    os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
