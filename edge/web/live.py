"""What the cameras see now, for a few viewers: one JPEG for all of them, made beside the frame path."""

import asyncio
from collections.abc import AsyncIterator, Callable

from edge.camera.port import Frame
from edge.pictures import encode_jpeg

VIEWERS = 6
FPS = 5.0
MAX_EDGE_PX, QUALITY = 960, 70
BOUNDARY = "edge-frame"
MEDIA_TYPE = f"multipart/x-mixed-replace; boundary={BOUNDARY}"
Key = tuple[str, int, float]


class Live:
    """Args:
        newest: the newest frame of a camera, None before the first.

    Thread: the one that runs asyncio.
    """

    def __init__(self, newest: Callable[[str], Frame | None]) -> None:
        self._newest = newest
        self._made: dict[str, tuple[Key, bytes]] = {}
        self._making: dict[str, asyncio.Lock] = {}
        self._viewers = 0
        self._closed = False

    @property
    def full(self) -> bool:
        return self._viewers >= VIEWERS

    def close(self) -> None:
        """End every stream."""
        self._closed = True

    def tag(self, camera: str) -> str:
        """Names the newest frame; empty before the first."""
        frame = self._newest(camera)
        return f'"{frame.sequence}-{frame.taken.boot_s:.3f}"' if frame is not None else ""

    async def picture(self, camera: str) -> bytes | None:
        """The newest frame as JPEG; None: there is none yet."""
        async with self._making.setdefault(camera, asyncio.Lock()):
            frame = self._newest(camera)
            if frame is None:
                return None
            known = self._made.get(camera)
            if known is not None and known[0] == frame.key:
                return known[1]
            jpeg, _ = await asyncio.to_thread(encode_jpeg, frame.pixels, quality=QUALITY, max_edge_px=MAX_EDGE_PX)
            self._made[camera] = (frame.key, jpeg)
            return jpeg

    async def stream(self, camera: str) -> AsyncIterator[bytes]:
        """Pictures as parts of a `multipart/x-mixed-replace`, each sent once, as long as somebody reads."""
        self._viewers += 1
        last: bytes | None = None
        try:
            while not self._closed:
                jpeg = await self.picture(camera)
                if jpeg is not None and jpeg is not last:
                    last = jpeg
                    yield (
                        b"--%s\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n"
                        % (
                            BOUNDARY.encode(),
                            len(jpeg),
                        )
                        + jpeg
                        + b"\r\n"
                    )
                await asyncio.sleep(1 / FPS)
        finally:
            self._viewers -= 1
            if not self._viewers:
                self._made.clear()
