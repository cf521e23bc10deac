"""Cameras around a camera: for policies that are no driver's matter."""

from edge.camera.port import Camera, Frame


class WrappedCamera:
    """Is the camera inside, in everything that a subclass leaves alone."""

    def __init__(self, camera: Camera) -> None:
        self._camera = camera

    @property
    def name(self) -> str:
        return self._camera.name

    @property
    def live(self) -> bool:
        return self._camera.live

    @property
    def ended(self) -> bool:
        return self._camera.ended

    def open(self) -> None:
        self._camera.open()

    def read(self, timeout_s: float) -> Frame | None:
        return self._camera.read(timeout_s)

    def close(self) -> None:
        self._camera.close()


class FirstFrames(WrappedCamera):
    """Ends after `frames` frames, for cameras that have no end of their own."""

    def __init__(self, camera: Camera, frames: int) -> None:
        super().__init__(camera)
        self._frames = frames
        self._given = 0

    @property
    def ended(self) -> bool:
        return self._given >= self._frames or self._camera.ended

    def open(self) -> None:
        self._given = 0
        super().open()

    def read(self, timeout_s: float) -> Frame | None:
        frame = super().read(timeout_s) if not self.ended else None
        self._given += frame is not None
        return frame
