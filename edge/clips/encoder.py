"""A light software encoder for cameras that give no H.264. With `camera/decoding.py` the only file that imports PyAV.

Works with PyAV 10 (Debian bookworm) to 18.
"""

import logging
import os
import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from edge.camera.port import Frame, Pixels
from edge.clips.h264 import PacketReader, is_key
from edge.clips.packets import Packet
from edge.errors import ClipError
from edge.geometry import Size

log = logging.getLogger(__name__)

CODECS = {
    "libx264": {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "crf": "26",
        "maxrate": "1500k",
        "bufsize": "3000k",
        "threads": "1",
    },
    "libopenh264": {"b": "800k"},
    "h264_v4l2m2m": {"b": "1000k"},
}
"""What a browser plays, best first, with its options."""
KEY_S = 2.0
"""A picture to begin with comes so often: the seconds before a trigger can be longer by so much."""
NICENESS = 10
CLOSE_S = 5.0
NEVER_S = float("inf")
_MS = Fraction(1, 1000)


class SoftwareEncoder:
    """Encodes the newest of the frames that it is offered, in a thread of its own that gives way to all others.

    Args:
        put: takes the packets.
        fps: at the most.
        failed: called with whatever unforeseen thing the thread died of.

    Thread: `offer` and `drain` the camera's.
    """

    def __init__(
        self,
        camera: str,
        put: Callable[[Packet], None],
        *,
        width_px: int,
        fps: float,
        failed: Callable[[BaseException], None],
        unable: Callable[[ClipError], None],
    ) -> None:
        self._camera = camera
        self._put = put
        self._width_px = width_px
        self._fps = fps
        self._failed = failed
        self._unable = unable
        self._changed = threading.Condition()
        self._waiting: Frame | None = None
        self._busy = False
        self._ended = False
        self._due_s = float("-inf")
        self._context: Any = None
        self._reader = PacketReader()
        self._size: Size | None = None
        self._began_s = 0.0
        self._last_s = NEVER_S
        self._thread = threading.Thread(target=self._run, name=f"encode-{camera}", daemon=True)
        self.encoded = 0
        self.dropped = 0
        """Frames that a newer one replaced before they were encoded."""

    def start(self) -> None:
        self._thread.start()

    def offer(self, frame: Frame, *, wait: bool) -> None:
        """Encode it, unless it comes sooner than the rate allows. `wait`: until the one before is encoded, instead of replacing it."""
        taken_s = frame.taken.boot_s
        step_s = 1 / self._fps
        early_s = self._due_s - taken_s
        if 0.1 * step_s < early_s <= 2 * step_s:  # a camera at this very rate is not steady
            return
        self._due_s = taken_s + step_s if abs(early_s) > step_s else self._due_s + step_s
        with self._changed:
            if wait:
                self._changed.wait_for(lambda: self._waiting is None or self._ended)
            self.dropped += self._waiting is not None
            self._waiting = frame
            self._changed.notify_all()

    def drain(self) -> None:
        """Wait until what was offered is encoded: no packet comes until the next is offered."""
        with self._changed:
            self._changed.wait_for(lambda: self._ended or not (self._waiting or self._busy), CLOSE_S)
        self._due_s, self._last_s = float("-inf"), NEVER_S

    def _run(self) -> None:
        try:
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICENESS)
            while True:
                self._encode(self._take())
        except ClipError as error:
            self._unable(error)
        except BaseException as error:  # noqa: BLE001 - a thread that dies unseen is the worst of failures
            self._failed(error)
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _take(self) -> Frame:
        with self._changed:
            self._busy = False
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._waiting is not None)
            frame, self._waiting, self._busy = self._waiting, None, True
            self._changed.notify_all()
            assert frame is not None
            return frame

    def _encode(self, frame: Frame) -> None:
        pixels = frame.pixels if frame.small is None or frame.small.shape[1] < self._width_px * 0.75 else frame.small
        size = scaled(pixels, self._width_px)
        taken_s = frame.taken.boot_s
        if size != self._size or taken_s <= self._last_s:  # infinite: nothing before it
            self._open(size, taken_s)
        self._last_s = taken_s
        picture = _av().VideoFrame.from_ndarray(pixels, format="rgb24").reformat(*size, format="yuv420p")
        picture.pts, picture.time_base = round((taken_s - self._began_s) * 1000), _MS
        for packet in self._context.encode(picture):
            units = self._reader.read(bytes(packet))
            shown_s = self._began_s + packet.pts / 1000
            assert self._reader.format is not None
            self._put(Packet(units, is_key(units), shown_s, shown_s, self._reader.format))
        self.encoded += 1

    def _open(self, size: Size, began_s: float) -> None:
        self._context, codec = open_encoder(size, self._fps)
        self._reader, self._size, self._began_s = PacketReader(), size, began_s
        log.info("encoding for clips camera=%s codec=%s size=%dx%d", self._camera, codec, *size)


def scaled(pixels: Pixels, width_px: int) -> Size:
    """The size to encode at: even, of the same proportions, never larger than the picture."""
    height, width = pixels.shape[:2]
    share = min(1.0, width_px / width)
    return max(2, int(width * share) // 2 * 2), max(2, round(height * share) // 2 * 2)


def open_encoder(size: Size, fps: float) -> tuple[Any, str]:
    """An H.264 encoder that keeps no picture back, and its name.

    Raises:
        ClipError: there is none, or PyAV is not installed.
    """
    av = _av()
    for codec, options in CODECS.items():
        if codec not in av.codecs_available:
            continue
        context = av.CodecContext.create(codec, "w")
        context.width, context.height = size
        context.pix_fmt, context.time_base, context.framerate = "yuv420p", _MS, Fraction(fps).limit_denominator(1000)
        context.options = {**options, "g": str(max(1, round(KEY_S * fps)))}
        try:
            context.open()
        except (av.error.FFmpegError, OSError, ValueError):
            continue  # listed, but its hardware is not here
        return context, codec
    raise ClipError(f"no H.264 encoder among {', '.join(CODECS)}", hint="install PyAV's wheel, or python3-av")


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise ClipError("encoding clips needs PyAV", hint="pip install 'edge-appliance[video]'") from error
    return av
