"""A light that tells that a camera is open."""

import threading
from collections.abc import Callable

from edge.camera.port import Camera
from edge.camera.wrapper import WrappedCamera


class OpenLight:
    """On while at least one camera is open. `switch` sets the light. Thread: any."""

    def __init__(self, switch: Callable[[bool], None]) -> None:
        self._switch = switch
        self._lock = threading.Lock()
        self._open: set[str] = set()

    def opening(self, camera: str) -> None:
        with self._lock:
            self._open.add(camera)
            self._switch(True)

    def closed(self, camera: str) -> None:
        with self._lock:
            self._open.discard(camera)
            self._switch(bool(self._open))


class LitCamera(WrappedCamera):
    """Lights up before the camera is opened, goes out after it is closed."""

    def __init__(self, camera: Camera, light: OpenLight) -> None:
        super().__init__(camera)
        self._light = light

    def open(self) -> None:
        self._light.opening(self.name)
        super().open()

    def close(self) -> None:
        super().close()
        self._light.closed(self.name)
