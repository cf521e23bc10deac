"""A V4L2 device through linuxpy, as narrow as `edge.camera.v4l2` needs it. The only file that imports linuxpy."""

import errno
import logging
import select
import time
from collections.abc import Iterator
from typing import Any, NamedTuple, Self

from edge.errors import CameraError

BUFFERS = 4
FORMATS = ("MJPG", "YUYV")
INSTALL = "pip install 'edge-appliance[usb]'"


class Mode(NamedTuple):
    """One thing that a device can give. `max_fps` 0: it does not say."""

    pixel_format: str
    width_px: int
    height_px: int
    max_fps: float = 0.0


class Raw(NamedTuple):
    """What the device left in one buffer. `age_s` is how long ago it was taken, `damaged` what the driver itself says."""

    data: bytes
    age_s: float
    damaged: bool


class V4l2Device:
    """One open device: `modes`, then `start`, then `grab` again and again, then `close`.

    Every method but `close` raises OSError as the kernel gives it: ENODEV when the device was unplugged.

    Thread: one.
    """

    def __init__(self, path: str) -> None:
        self._v4l2 = _linuxpy()
        self._device = self._v4l2.Device(path)
        self._capture: Any = None
        self._stride_bytes = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def open(self) -> None:
        self._device.open()
        info = self._device.info
        if self._v4l2.Capability.VIDEO_CAPTURE not in info.device_capabilities:
            raise OSError(errno.ENOTTY, "is no camera")

    @property
    def card(self) -> str:
        return str(self._device.info.card)

    def modes(self, wanted: tuple[int, int]) -> list[Mode]:
        """All sizes in the formats of `FORMATS`; of a range of sizes, the one nearest to `wanted`."""
        return list(self._modes(wanted))

    def start(self, mode: Mode, fps: float) -> Mode:
        """Begin to capture; the mode that the device really took, which may differ."""
        self._capture = self._v4l2.VideoCapture(self._device, size=BUFFERS)
        self._capture.set_format(mode.width_px, mode.height_px, mode.pixel_format)
        try:
            self._capture.set_fps(fps)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ENOTTY):  # these: it has one rate only
                raise
        taken = self._capture.get_format()
        self._stride_bytes = taken.bytes_per_line
        self._capture.open()
        return Mode(taken.pixel_format.name.replace("MJPEG", "MJPG"), taken.width, taken.height, mode.max_fps)

    @property
    def stride_bytes(self) -> int:
        """Bytes from one row to the next, as the device really has them."""
        return self._stride_bytes

    def grab(self, timeout_s: float) -> list[Raw]:
        """All that waits, oldest first; waits `timeout_s` for the first; empty when none came."""
        poll = select.poll()
        poll.register(self._device.fileno(), select.POLLIN)
        deadline_s = time.monotonic() + timeout_s
        while not (grabbed := list(self._waiting())) and (left_s := deadline_s - time.monotonic()) > 0:
            events = poll.poll(left_s * 1000)
            if events and events[0][1] & (select.POLLERR | select.POLLHUP) and not events[0][1] & select.POLLIN:
                raise OSError(errno.ENODEV, "is gone")
            time.sleep(min(0.001, left_s))  # so that a driver that says ready and has nothing costs no whole core
        return grabbed

    def close(self) -> None:
        """Never raises."""
        for part in (self._capture, self._device):
            try:
                if part is not None:
                    part.close()
            except (OSError, ValueError, BufferError):
                pass  # an unplugged device cannot be stopped any more
        self._capture = None

    def _waiting(self) -> Iterator[Raw]:
        for _ in range(BUFFERS):
            try:
                frame = self._capture.buffer.raw_read()
            except BlockingIOError:
                return
            yield Raw(bytes(frame.data), self._age_s(frame), self._v4l2.BufferFlag.ERROR in frame.flags)

    def _age_s(self, frame: Any) -> float:
        if self._v4l2.BufferFlag.TIMESTAMP_MONOTONIC not in frame.flags:
            return 0.0
        age_s = time.monotonic() - frame.timestamp
        return age_s if 0 <= age_s < 10 else 0.0

    def _modes(self, wanted: tuple[int, int]) -> Iterator[Mode]:
        info = self._device.info
        offered = {each.pixel_format.name: each.pixel_format for each in info.buffer_formats(self._buffer_type())}
        offered["MJPG"] = offered.get("MJPEG") or offered.get("MJPG")
        for name in FORMATS:
            if (pixel_format := offered.get(name)) is None:
                continue
            for size in info.format_frame_sizes(pixel_format):
                width_px, height_px = _size_of(size, wanted)
                rates = [float(each.max_fps) for each in info.fps_intervals(pixel_format, width_px, height_px)]
                yield Mode(name, width_px, height_px, max(rates, default=0.0))

    def _buffer_type(self) -> Any:
        return self._v4l2.BufferType.VIDEO_CAPTURE


def _size_of(size: Any, wanted: tuple[int, int]) -> tuple[int, int]:
    if size.type.name == "DISCRETE":
        return size.info.width, size.info.height
    info = size.info
    return (
        nearest(wanted[0], info.min_width, info.max_width, info.step_width),
        nearest(wanted[1], info.min_height, info.max_height, info.step_height),
    )


def nearest(wanted_px: int, least_px: int, most_px: int, step_px: int) -> int:
    """The nearest size at or above `wanted_px` in a range with steps; the largest if there is none above."""
    above = max(0, wanted_px - least_px)
    steps = -(-above // max(1, step_px))
    return min(least_px + steps * max(1, step_px), most_px)


def _linuxpy() -> Any:
    try:
        from linuxpy.video import device
    except ImportError as error:
        raise CameraError("USB cameras need linuxpy", hint=INSTALL) from error
    logging.getLogger("linuxpy").setLevel(logging.WARNING)  # it tells of each step at INFO
    return device
