"""Remembers cameras that blocked the program, so that a broken one does not restart the whole appliance for ever."""

import logging
from pathlib import Path

import msgspec

from edge.camera.port import Camera
from edge.camera.wrapper import WrappedCamera
from edge.clock import Clock
from edge.errors import CameraError
from edge.files import make_folder, write_durably

log = logging.getLogger(__name__)

FILE = "camera-restarts.json"
LIMIT = 3
WINDOW_S = 3600.0


class Restart(msgspec.Struct, frozen=True):
    """The program ended because `camera` blocked it. Boot time, because the wall clock may be wrong; a reboot begins anew."""

    camera: str
    boot_id: str
    boot_s: float


class Restarts:
    """The restarts of the last hours of this boot, in a file of the data folder. Thread: any, one at a time."""

    def __init__(self, data_dir: Path, clock: Clock) -> None:
        self._path = data_dir / FILE
        self._clock = clock

    def record(self, camera: str) -> None:
        """Keep that the program ends now because of `camera`. Never raises: the program must end, remembered or not."""
        now = Restart(camera, self._clock.boot_id, self._clock.now().boot_s)
        recent = [each for each in self._load() if now.boot_s - each.boot_s < 2 * WINDOW_S]
        try:
            make_folder(self._path.parent)
            write_durably(self._path, msgspec.json.encode([*recent, now]))
        except OSError as error:
            log.error("restart not remembered camera=%s file=%s error=%s", camera, self._path, error.strerror)

    def left_out_s(self, camera: str) -> float:
        """How long this camera must be left alone yet: an hour from its last restart, once there were `LIMIT` within an hour."""
        times_s = [each.boot_s for each in self._load() if each.camera == camera]
        if not times_s:
            return 0.0
        last_s = max(times_s)
        in_window = sum(last_s - each_s < WINDOW_S for each_s in times_s)
        return max(0.0, last_s + WINDOW_S - self._clock.now().boot_s) if in_window >= LIMIT else 0.0

    def _load(self) -> list[Restart]:
        try:
            restarts = msgspec.json.decode(self._path.read_bytes(), type=list[Restart])
        except FileNotFoundError:
            return []
        except (OSError, msgspec.DecodeError) as error:
            log.warning("restarts unreadable file=%s error=%s", self._path, error)
            return []
        return [each for each in restarts if each.boot_id == self._clock.boot_id]


class GuardedCamera(WrappedCamera):
    """A camera that refuses to be opened while it is to be left alone, and is itself otherwise."""

    def __init__(self, camera: Camera, restarts: Restarts) -> None:
        super().__init__(camera)
        self._restarts = restarts

    def open(self) -> None:
        if left_s := self._restarts.left_out_s(self.name):
            raise CameraError(
                f"camera {self.name}: left out after it blocked the program {LIMIT} times within an hour",
                hint=f"mend it and reboot; else it is tried again in {max(1, round(left_s / 60))} min",
            )
        super().open()
