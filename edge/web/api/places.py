"""Zones, counting lines and masks of one camera, as they are drawn on its picture."""

from typing import Any

import msgspec

from edge.config import Line, Zone
from edge.polygons import Points
from edge.web.api.configuration import Configuration, Saved, Sections
from edge.web.api.operation import BASE, Call, Operation, RefusedRequest
from edge.web.port import Rooms

SHAPES = ("zone", "line")
MASKS = ("privacy", "motion_masks")


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """What is drawn on a camera's picture; places in 0..1 from the upper left."""

    zone: tuple[Zone, ...]
    line: tuple[Line, ...]
    privacy: tuple[Points, ...]
    motion_masks: tuple[Points, ...]
    revision: str


class NewPlaces(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is left out stays. Zones and lines are those of this camera; `camera` in them may be left out."""

    zone: list[dict[str, Any]] | None = None
    line: list[dict[str, Any]] | None = None
    privacy: list[Any] | None = None
    motion_masks: list[Any] | None = None
    revision: str = ""


class CameraPlaces:
    """Thread: the one that runs asyncio."""

    def __init__(self, rooms: Rooms, configuration: Configuration) -> None:
        self._rooms = rooms
        self._configuration = configuration

    def operations(self) -> list[Operation]:
        path = f"{BASE}/cameras/{{name}}/places"
        return [
            Operation(path=path, summary="Zones, lines and masks of a camera", run=self.show, answer=Places, may="admin",
                      refusals=(409, 422)),
            Operation(method="PUT", path=path, summary="Change zones, lines and masks of a camera", run=self.put, body=NewPlaces,
                      answer=Saved, may="admin", refusals=(409, 422)),
        ]  # fmt: skip

    async def show(self, call: Call) -> Places:
        shown = await self._configuration.show(call)
        camera = self._camera(call, shown.configuration)
        of_camera = {key: _of(shown.configuration[key], camera["name"]) for key in SHAPES}
        masks = {key: camera[key] for key in MASKS}
        return msgspec.convert({**of_camera, **masks, "revision": shown.revision}, Places)

    async def put(self, call: Call) -> Saved:
        asked: NewPlaces = call.body

        def changed(sections: Sections) -> Sections:
            camera = self._camera(call, sections)
            changes: Sections = {}
            for key in SHAPES:
                if (drawn := getattr(asked, key)) is not None:
                    others = [each for each in sections[key] if each["camera"] != camera["name"]]
                    changes[key] = [*others, *(_drawn(each, camera["name"]) for each in drawn)]
            masks = {key: value for key in MASKS if (value := getattr(asked, key)) is not None}
            if masks:
                changes["camera"] = [{**each, **masks} if each is camera else each for each in sections["camera"]]
            return changes

        return await self._configuration.save(changed, asked.revision)

    def _camera(self, call: Call, sections: Sections) -> dict[str, Any]:
        for camera in sections["camera"]:
            if camera["name"] == call.part("name"):
                found: dict[str, Any] = camera
                return found
        raise RefusedRequest(404, "there is no such camera")


def _of(shapes: list[dict[str, Any]], camera: str) -> list[dict[str, Any]]:
    return [each for each in shapes if each["camera"] == camera]


def _drawn(shape: dict[str, Any], camera: str) -> dict[str, Any]:
    if shape.get("camera", camera) != camera:
        raise RefusedRequest(422, "a zone or line of another camera stands there", hint="change it at its own camera")
    return {**shape, "camera": camera}
