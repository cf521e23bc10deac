"""Reading what is kept, for the page: in a thread of its own, so that no query holds up the loop."""

import asyncio
import io
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from PIL import Image

from edge.geometry import Box, Size
from edge.store.clips import ClipFolder, ClipStore
from edge.store.events import EventStore
from edge.store.pictures import PictureFolder
from edge.store.port import Clip, Event

THUMBNAIL_PX, THUMBNAIL_QUALITY = 360, 72
THUMBNAILS = 160
"""Kept in memory, about 15 kB each."""
ASPECT, ROOM, SHARE = 4 / 3, 1.5, 0.45
"""Of what a thumbnail shows: width to height, how much larger than the thing, and the least share of the picture."""
R = TypeVar("R")


class Archive:
    """Thread: the one that runs asyncio.

    Raises (all methods):
        StoreError: the database failed.
    """

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._folder = PictureFolder(data_dir)
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="archive")
        self._store: EventStore | None = None
        self._clips: ClipStore | None = None
        self._clip_folder = ClipFolder(data_dir)
        self._thumbnails: OrderedDict[str, bytes] = OrderedDict()

    async def read(self, query: Callable[[EventStore], R]) -> R:
        """Ask the store something."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, query)

    async def call(self, read: Callable[[Path], R]) -> R:
        """What a function reads from the data folder, in the archive's thread."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, read, self._data_dir)

    async def event(self, id_: str) -> Event | None:
        """The event of exactly this id."""
        found = await self.read(lambda store: store.find(id_))
        return found[0] if len(found) == 1 and found[0].id == id_ else None

    def picture_file(self, event: Event) -> Path | None:
        """None: it has none, or the file is gone."""
        path = self._folder.path_of(event.picture) if event.picture is not None else None
        return path if path is not None and path.is_file() else None

    async def clips(self, event: Event) -> list[Clip]:
        """Those that show the event, oldest first."""

        def read() -> list[Clip]:
            if self._clips is None:
                self._clips = ClipStore(self._data_dir)
            return self._clips.of_event(event.id)

        return await asyncio.get_running_loop().run_in_executor(self._thread, read)

    def clip_file(self, clip: Clip) -> Path | None:
        """None: the file is gone."""
        path = self._clip_folder.path_of(clip.id)
        return path if path.is_file() else None

    async def thumbnail(self, event: Event) -> bytes | None:
        """A small JPEG of the thing and what is around it; None when there is no picture or it is damaged."""
        if event.picture is None:
            return None
        key = f"{event.picture.sha256} {event.box}"
        if key in self._thumbnails:
            self._thumbnails.move_to_end(key)
            return self._thumbnails[key]
        path = self._folder.path_of(event.picture)
        made = await asyncio.get_running_loop().run_in_executor(self._thread, _thumbnail, path, event.box)
        if made is not None:
            self._thumbnails[key] = made
            if len(self._thumbnails) > THUMBNAILS:
                self._thumbnails.popitem(last=False)
        return made

    async def close(self) -> None:
        def close() -> None:
            for store in (self._store, self._clips):
                if store is not None:
                    store.close()

        await asyncio.get_running_loop().run_in_executor(self._thread, close)
        self._thread.shutdown(wait=False)

    def _read(self, query: Callable[[EventStore], R]) -> R:
        if self._store is None:
            self._store = EventStore(self._data_dir)
        return query(self._store)


def crop_around(box: Box, size: Size) -> Box:
    """A part of the picture, 4 to 3 in pixels where it can be, with the thing in its middle and room around it."""
    width, height = size
    least = SHARE * min(width, height * ASPECT)
    wide = max(box.width * width * ROOM, box.height * height * ROOM * ASPECT, least)
    wide, high = min(wide, width), min(wide / ASPECT, height)
    x, y = box.centre
    left = min(max(0.0, x * width - wide / 2), width - wide)
    top = min(max(0.0, y * height - high / 2), height - high)
    return Box(left / width, top / height, (left + wide) / width, (top + high) / height)


def _thumbnail(path: Path, box: Box) -> bytes | None:
    try:
        with Image.open(path) as image:
            around = crop_around(box, image.size)
            scale = THUMBNAIL_PX / (around.width * image.width)
            # The JPEG decoder scales down on the way.
            image.draft("RGB", (round(image.width * scale), round(image.height * scale)))
            part = image.crop(around.to_pixels(image.size))
            part.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.BILINEAR)
            buffer = io.BytesIO()
            part.save(buffer, "JPEG", quality=THUMBNAIL_QUALITY)
            return buffer.getvalue()
    except (OSError, SyntaxError, ValueError):  # what Pillow raises on a missing or damaged file
        return None
