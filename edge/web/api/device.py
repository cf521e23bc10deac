"""The device over HTTP: parts, cameras, power and the rest, and what its doctor finds."""

import asyncio
import sys
from typing import Literal

import msgspec
from starlette.responses import Response, StreamingResponse

from edge.device.state import DeviceState
from edge.errors import RefusedError
from edge.health import Condition
from edge.web.api.operation import BASE, Call, Operation, RefusedRequest
from edge.web.hub import Hub
from edge.web.port import Rooms

DOCTOR_S = 180.0


class ShownState(msgspec.Struct, frozen=True, kw_only=True):
    """How the parts are, and what was recognised since the start."""

    device: str
    version: str
    detector: str
    parts: list[Condition]
    frames: int
    frames_per_s: float
    dropped: int


class ShownCamera(msgspec.Struct, frozen=True, kw_only=True):
    """`width_px` and `height_px` of the newest frame; null: there is none yet."""

    name: str
    state: str
    cause: str
    armed: bool
    width_px: int | None
    height_px: int | None


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """As `edge doctor` tells it."""

    level: Literal["ok", "warn", "fail"]
    what: str
    value: str
    remedy: str


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    healthy: bool
    findings: list[Finding]


class Device:
    """Thread: the one that runs asyncio."""

    def __init__(self, rooms: Rooms, hub: Hub) -> None:
        self._rooms = rooms
        self._hub = hub
        self._examining = asyncio.Lock()

    def operations(self) -> list[Operation]:
        return [
            Operation(path=f"{BASE}/state", summary="Parts, frames and versions", run=self.state, answer=ShownState),
            Operation(path=f"{BASE}/cameras", summary="Cameras", run=self.cameras, answer=list[ShownCamera]),
            Operation(path=f"{BASE}/device", summary="Power, network, storage, heat and clock", run=self.device, answer=DeviceState),
            Operation(path=f"{BASE}/doctor", summary="What the doctor finds; takes seconds", run=self.doctor, answer=Findings, may="admin",
                      refusals=(409, 503)),
            Operation(path=f"{BASE}/stream", summary="News as server-sent events", run=self.stream, media="text/event-stream",
                      refusals=(503,)),
        ]  # fmt: skip

    async def state(self, _: Call) -> ShownState:
        stats = self._rooms.stats
        return ShownState(
            device=self._rooms.device,
            version=self._rooms.version,
            detector=self._rooms.detector,
            parts=self._rooms.conditions(),
            frames=stats.frames,
            frames_per_s=round(stats.fps, 2),
            dropped=stats.dropped,
        )

    async def cameras(self, _: Call) -> list[ShownCamera]:
        conditions = {each.name: each for each in self._rooms.conditions() if each.part == "camera"}
        return [self._camera(name, conditions.get(name)) for name in self._rooms.cameras]

    def _camera(self, name: str, condition: Condition | None) -> ShownCamera:
        frame = self._rooms.newest(name)
        return ShownCamera(
            name=name,
            state=condition.state if condition is not None else "starting",
            cause=condition.cause if condition is not None else "",
            armed=self._rooms.armed(name),
            width_px=frame.size[0] if frame is not None else None,
            height_px=frame.size[1] if frame is not None else None,
        )

    async def device(self, _: Call) -> DeviceState:
        return self._rooms.device_state()

    async def doctor(self, _: Call) -> Findings:
        """In a process of its own: it loads what the running program has loaded too, and leaves no memory behind."""
        if self._examining.locked():
            raise RefusedRequest(503, "the doctor is at work already", hint="ask again in a moment")
        file = self._rooms.config_file
        named = ["--config", str(file)] if file is not None else []
        async with self._examining:
            process = await asyncio.create_subprocess_exec(
                "nice", sys.executable, "-m", "edge", "doctor", "--json", "--data", str(self._rooms.data_dir), *named,
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            try:
                told, _nothing = await asyncio.wait_for(process.communicate(), DOCTOR_S)
                return msgspec.json.decode(told, type=Findings)
            except (TimeoutError, msgspec.MsgspecError) as error:
                raise RefusedError("the doctor said nothing", hint="run `edge doctor` on the device") from error
            finally:
                if process.returncode is None:
                    process.kill()

    async def stream(self, _: Call) -> Response:
        if self._hub.full:
            raise RefusedRequest(503, "too many pages are open")
        return StreamingResponse(
            self._hub.listen(), media_type="text/event-stream", headers={"Cache-Control": "no-store"}
        )
