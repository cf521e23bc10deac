"""Models over HTTP: which there are, and what one finds in a picture."""

import asyncio
from typing import Literal

import msgspec

from edge import assets
from edge.assets import Asset, State
from edge.errors import ConfigError
from edge.pictures import encode_jpeg
from edge.recognition import catalogue
from edge.recognition.catalogue import Model, Task
from edge.recognition.trial import Sight, try_model
from edge.web.api.operation import BASE, Call, Operation, RefusedRequest
from edge.web.archive import Archive
from edge.web.port import Rooms

QUALITY, MAX_EDGE_PX = 92, 4096
PICTURE = "image/jpeg"
Stamp = tuple[int, int, int]
"""Inode, size and time of change of a file: other content has another."""


class ShownModel(msgspec.Struct, frozen=True, kw_only=True):
    """`state`: of its files. `edgetpu`: there is a twin of it for the Edge TPU. `in_use`: the one that recognises now."""

    name: str
    summary: str
    task: Task
    state: Literal["here", "missing", "damaged"]
    size_bytes: int | None
    licence: str
    edgetpu: bool
    in_use: bool


class TriedModel(msgspec.Struct, frozen=True, kw_only=True):
    """`took_ms`: one inference on the CPU, beside everything else."""

    model: str
    took_ms: float
    size_px: tuple[int, int]
    detections: tuple[Sight, ...]


class OnWhat(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the two, or a picture as the body."""

    camera: str = ""
    """What it sees now."""
    event: str = ""
    """The picture of the event of this id."""


class Models:
    """Thread: the one that runs asyncio."""

    def __init__(self, rooms: Rooms, archive: Archive) -> None:
        self._rooms = rooms
        self._archive = archive
        self._states: dict[Asset, tuple[Stamp, State]] = {}
        self._trying = asyncio.Lock()

    def operations(self) -> list[Operation]:
        return [
            Operation(path=f"{BASE}/models", summary="Models that are known", run=self.listed, answer=list[ShownModel]),
            Operation(method="POST", path=f"{BASE}/models/{{name}}/try", summary="What a model finds in a picture", run=self.try_one,
                      query=OnWhat, body=bytes, body_media=PICTURE, answer=TriedModel, may="operate", refusals=(409, 503)),
        ]  # fmt: skip

    async def listed(self, _: Call) -> list[ShownModel]:
        folder = self._rooms.config.models_dir

        def shown() -> list[ShownModel]:
            return [self._shown(name, model) for name, model in catalogue.known(folder).items()]

        return await asyncio.to_thread(shown)

    def _shown(self, name: str, model: Model) -> ShownModel:
        states = {self._state(asset) for asset in model.assets}
        return ShownModel(
            name=name,
            summary=model.summary,
            task=model.task,
            state="damaged" if "damaged" in states else "missing" if "missing" in states else "here",
            size_bytes=model.file.size_bytes,
            licence=model.file.licence,
            edgetpu=model.edgetpu is not None,
            in_use=name == self._rooms.config.detector.model,
        )

    def _state(self, asset: Asset) -> State:
        """A file that nobody touched since is not read again: models are tens of megabytes on a slow card. Thread: any."""
        folder = self._rooms.config.models_dir
        try:
            found = (folder / asset.file).stat()
        except OSError:
            return "missing"
        stamp = (found.st_ino, found.st_size, found.st_mtime_ns)
        known = self._states.get(asset)
        if known is None or known[0] != stamp:
            known = self._states[asset] = stamp, assets.state_of(asset, folder)
        return known[1]

    async def try_one(self, call: Call) -> TriedModel:
        name, folder = call.part("name"), self._rooms.config.models_dir
        try:
            catalogue.find(name, folder)
        except ConfigError as error:
            raise RefusedRequest(404, str(error.args[0]), hint=error.hint) from error
        if self._trying.locked():
            raise RefusedRequest(503, "a model is being tried already", hint="ask again in a moment")
        async with self._trying:
            picture = await self._picture(call)
            tried = await asyncio.to_thread(try_model, name, folder, picture)
        return TriedModel(model=tried.model, took_ms=tried.took_ms, size_px=tried.size_px, detections=tried.detections)

    async def _picture(self, call: Call) -> bytes:
        asked: OnWhat = call.query
        if asked.camera:
            frame = self._rooms.newest(asked.camera) if asked.camera in self._rooms.cameras else None
            if frame is None:
                raise RefusedRequest(409, "the camera gives no picture", hint="/api/v1/cameras lists all")
            pixels = frame.pixels
            jpeg, _ = await asyncio.to_thread(encode_jpeg, pixels, quality=QUALITY, max_edge_px=MAX_EDGE_PX)
            return jpeg
        if asked.event:
            event = await self._archive.event(asked.event)
            path = self._archive.picture_file(event) if event is not None else None
            if path is None:
                raise RefusedRequest(409, "there is no picture of that event")
            return await asyncio.to_thread(path.read_bytes)
        picture: bytes = call.body
        if not picture:
            raise RefusedRequest(400, "there is no picture", hint="name a camera or an event, or send a JPEG")
        return picture
