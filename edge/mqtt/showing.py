"""Publishes what a label or a camera shows: how many are there, and the latest picture."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from edge.actions.standard import SNAPSHOT
from edge.clock import iso_utc
from edge.errors import PictureError
from edge.mqtt.messages import PresentMessage
from edge.mqtt.presence import Place, Shown
from edge.mqtt.shelf import Shelf
from edge.mqtt.topics import level
from edge.pictures import small_jpeg
from edge.store.pictures import PictureFolder
from edge.store.port import Message

log = logging.getLogger(__name__)

EDGE_PX, PICTURE_BYTES = 640, 100_000


def present_topic(shown: Shown) -> str:
    return f"present/{shown.camera}/{level(shown.label)}"


def latest_topic(camera: str, label: str = "") -> str:
    """Of a label, or of the camera whatever it saw."""
    return f"latest/{camera}/{level(label)}" if label else f"latest/{camera}"


class Showing:
    """Thread: one."""

    def __init__(self, data_dir: Path, device: str, shelf: Shelf) -> None:
        self._device = device
        self._shelf = shelf
        self._folder = PictureFolder(data_dir)
        self._shown: dict[Place, str] = {}
        self.mirrors: list[Callable[[str, str], str]] = []
        """Further topics of each label's picture, by camera and label."""

    def show(self, changed: Sequence[Shown]) -> None:
        """Publish what is different of these; a picture only when it is another one than before."""
        for shown in changed:
            if shown.label != SNAPSHOT:
                self._shelf.put(Message(present_topic(shown), msgspec.json.encode(self._present(shown))))
        for shown in sorted(changed, key=lambda each: each.event):  # the newest last: it is the camera's
            self._show_picture(shown)

    def _present(self, shown: Shown) -> PresentMessage:
        return PresentMessage(
            device=self._device,
            camera=shown.camera,
            label=shown.label,
            count=shown.count,
            last_seen_at=iso_utc(shown.seen_wall_s) if shown.event else None,
            event=shown.event or None,
        )

    def _show_picture(self, shown: Shown) -> None:
        picture = shown.picture
        if picture is None or self._shown.get(shown.place) == picture.sha256:
            return
        self._shown[shown.place] = picture.sha256
        try:
            jpeg = small_jpeg(self._folder.path_of(picture), max_edge_px=EDGE_PX, max_bytes=PICTURE_BYTES)
        except PictureError as error:  # deleted meanwhile, or damaged: the next one will do
            log.debug("picture not shown camera=%s error=%s", shown.camera, error)
            return
        self._shelf.put(Message(latest_topic(shown.camera, shown.label), jpeg))
        self._shelf.put(Message(latest_topic(shown.camera), jpeg))
        for topic in self.mirrors if shown.label != SNAPSHOT else ():
            self._shelf.put(Message(topic(shown.camera, shown.label), jpeg))
