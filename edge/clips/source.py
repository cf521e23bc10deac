"""Where the packets of a camera's clips come from: its own, or the software encoder's."""

from edge.camera.port import Camera, Frame
from edge.camera.wrapper import WrappedCamera
from edge.clips.copying import CopyTap
from edge.clips.encoder import SoftwareEncoder
from edge.clips.ring import Ring


class RecordedCamera(WrappedCamera):
    """A camera whose pictures fill `ring`: those that it does not give encoded by itself go to `encoder`, as they are seen here.

    Args:
        tap: what the driver gives its packets to; None: it gives none.
        encoder: None: only what the driver gives is kept.
    """

    def __init__(self, camera: Camera, ring: Ring, tap: CopyTap | None, encoder: SoftwareEncoder | None) -> None:
        super().__init__(camera)
        self._ring = ring
        self._tap = tap
        self._encoder = encoder

    def read(self, timeout_s: float) -> Frame | None:
        frame = super().read(timeout_s)
        copied = self._tap is not None and self._tap.copying
        if frame is not None and frame.still is None and self._encoder is not None and not copied:
            self._encoder.offer(frame, wait=not self.live)
        return frame

    def close(self) -> None:
        super().close()
        if self._encoder is not None:
            self._encoder.drain()
        self._ring.stop()
