"""Workers that need the running program: its cameras, its state, its housekeeping. They live in its loop."""

import asyncio
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from edge.camera.port import Frame
from edge.clock import Clock, iso_utc
from edge.device.state import DeviceState
from edge.errors import StoreError
from edge.files import make_folder, write_durably
from edge.health import Condition
from edge.pictures import encode_jpeg
from edge.store.port import Message
from edge.store.retention import Pruned
from edge.work.registry import Registry
from edge.work.states import Fail, Result, Retry, Success
from edge.work.worker import Run, Worker

FRESH_S = 30.0
"""An older frame shows nothing of now."""
FOLDER = "time-lapse"
KEEP = 10_000
"""Stills of one camera; the oldest go."""
QUALITY, MAX_EDGE_PX = 85, 1920


@dataclass(frozen=True, slots=True)
class Rooms:
    """What these workers work on. `newest` gives a camera's newest frame; `publish` takes a message for the outbox; `today` is None while
    the clock is not right; `prune` does one round of retention on the day that is given, in its own thread's time."""

    clock: Clock
    cameras: Sequence[str]
    newest: Callable[[str], Frame | None]
    conditions: Callable[[], list[Condition]]
    device_state: Callable[[], DeviceState]
    publish: Callable[[Message], None]
    today: Callable[[], int | None]
    prune: Callable[[int | None], Pruned]


class HealthReport(msgspec.Struct, frozen=True):
    """The message on topic `report`. `troubles`: parts that are not as they should be, and why."""

    schema: int
    at: str
    troubles: list[str]
    power: str
    network: str
    free_bytes: int | None
    celsius: float | None
    clock_synchronised: bool | None


class _Chores:
    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    async def health_report(self, run: Run) -> Result:
        """Publish how the device is; output: the number of troubles."""
        state = self._rooms.device_state()
        troubles = [
            f"{each.part} {each.name} {each.state}{f': {each.cause}' if each.cause else ''}"
            for each in self._rooms.conditions()
            if each.is_trouble
        ]
        report = HealthReport(
            1,
            iso_utc(self._rooms.clock.now().wall_s),
            troubles,
            state.power.source,
            state.network.kind,
            state.storage.free_bytes,
            state.thermal.celsius,
            state.clock.synchronised,
        )
        await asyncio.to_thread(self._rooms.publish, Message("report", msgspec.json.encode(report)))
        return Success({"troubles": len(troubles)})

    async def time_lapse(self, run: Run) -> Result:
        """Input: `camera` (default: all), `keep` (stills of each, default 10,000). Keeps what a camera sees now as a file."""
        asked = run.input.get("camera")
        names = [str(asked)] if asked else list(self._rooms.cameras)
        if unknown := [name for name in names if name not in self._rooms.cameras]:
            return Fail(f"camera {unknown[0]!r}: there is none of that name")
        keep = int(str(run.input.get("keep", KEEP)))
        now = self._rooms.clock.now()
        kept: list[Any] = []
        for name in names:
            frame = self._rooms.newest(name)
            if frame is None or now.boot_s - frame.taken.boot_s > FRESH_S:
                continue
            try:
                kept.append(await asyncio.to_thread(keep_still, run.data_dir / FOLDER / name, frame, keep))
            except OSError as error:
                return Retry(f"{error.filename}: {error.strerror}")
        return Success({"stills": kept}) if kept else Retry("no camera gives pictures now")

    async def retention(self, run: Run) -> Result:
        """Delete what is too old or too much, now; the housekeeper does the same every minute."""
        try:
            done = await asyncio.to_thread(self._rooms.prune, self._rooms.today())
        except (StoreError, OSError) as error:
            return Retry(str(error))
        return Success({"events": done.events, "unfinished": done.more})


def add_device_workers(registry: Registry, rooms: Rooms) -> None:
    chores = _Chores(rooms)
    for name, function in (
        ("health-report", chores.health_report),
        ("time-lapse", chores.time_lapse),
        ("retention", chores.retention),
    ):
        registry.add(Worker(name=name, function=function, place=f"edge.chores.device:{function.__name__}"))


def keep_still(folder: Path, frame: Frame, keep: int) -> str:
    """The frame as `YYYY-MM-DD/HH-MM-SS.jpg`, in local time; its path.

    Raises:
        OSError: it could not be written.
    """
    taken = datetime.fromtimestamp(frame.taken.wall_s)
    path = folder / taken.strftime("%Y-%m-%d") / taken.strftime("%H-%M-%S.jpg")
    jpeg, _ = encode_jpeg(frame.pixels, quality=QUALITY, max_edge_px=MAX_EDGE_PX)
    make_folder(path.parent)
    write_durably(path, jpeg)
    _thin_out(folder, keep)
    return str(path)


def _thin_out(folder: Path, keep: int) -> None:
    """Delete the oldest, by name; a day that is empty goes too."""
    days = sorted(day for day in folder.iterdir() if day.is_dir())
    counts = [sum(1 for _ in day.iterdir()) for day in days]
    over = sum(counts) - keep
    for day, count in zip(days, counts, strict=True):
        if over <= 0:
            return
        if count <= over:
            shutil.rmtree(day)
        else:
            for path in sorted(day.iterdir())[:over]:
                path.unlink()
        over -= count
