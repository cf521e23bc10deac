"""`v4l2:DEVICE` — USB cameras: MJPEG and YUYV."""

import errno
import io
import logging
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Protocol

import numpy as np
from PIL import Image

from edge.camera.decoding import DecodingError, yuyv_to_rgb
from edge.camera.port import Frame, Pixels
from edge.camera.v4l2_device import Mode, Raw, V4l2Device
from edge.clock import Clock
from edge.errors import CameraError
from edge.geometry import Size

log = logging.getLogger(__name__)

SMALL_PX = 640 * 480
"""Up to this size raw pictures (YUYV) go over any USB; above it JPEG ones leave room for other devices."""
PADDING_PX = 16
"""Some cameras fill their pictures up to whole blocks: 1088 lines for 1080."""


class Device(Protocol):
    """What is needed of `V4l2Device`."""

    def open(self) -> None: ...
    def modes(self, wanted: Size) -> list[Mode]: ...
    def start(self, mode: Mode, fps: float) -> Mode: ...
    @property
    def stride_bytes(self) -> int: ...
    def grab(self, timeout_s: float) -> list[Raw]: ...
    def close(self) -> None: ...


class V4l2Camera:
    """A camera at a USB port.

    Args:
        place: `/dev/…`, or part of the device's name, so that the same camera is found at whatever port it is.
        size: to ask for; the nearest that the device has is taken, and a JPEG far above it is decoded at a fraction.
        root: of the file system in which the device is looked for.
        open_device: from a path to the device.
    """

    live = True

    def __init__(
        self,
        name: str,
        place: str,
        clock: Clock,
        *,
        size: Size = (1280, 720),
        fps: float = 10.0,
        root: Path = Path("/"),
        open_device: Callable[[str], Device] = V4l2Device,
    ) -> None:
        self.name = name
        self.ended = False
        self.damaged = 0
        """Pictures that could not be decoded since the start; cut-off ones are common with USB."""
        self._place = place
        self._clock = clock
        self._size = size
        self._fps = fps
        self._root = root
        self._open_device = open_device
        self._device: Device | None = None
        self._mode = Mode("", 0, 0)
        self._sequence = 0

    def open(self) -> None:
        self.close()
        path = find_device(self._place, self._root)
        if path is None:
            raise CameraError(f"camera {self.name}: {self._place}: no such camera", hint=_HINT)
        self._device = self._open_device(path)
        try:
            self._device.open()
            self._mode = self._device.start(self._choose(self._device.modes(self._size)), self._fps)
        except OSError as error:
            raise self._error("cannot be opened", error) from error
        if self._mode.pixel_format not in _DECODERS:
            raise CameraError(f"camera {self.name}: {path}: gives {self._mode.pixel_format}", hint=_FORMAT_HINT)
        self._sequence = 0
        log.info("camera opened camera=%s device=%s mode=%s %dx%d", self.name, path, *self._mode[:3])

    def read(self, timeout_s: float) -> Frame | None:
        if self._device is None:
            raise CameraError(f"camera {self.name}: {self._place}: is not open", hint=_HINT)
        try:
            grabbed = self._device.grab(timeout_s)
        except OSError as error:
            raise self._error("failed", error) from error
        self._sequence += len(grabbed)
        for raw in reversed(grabbed):  # the newest that is whole
            if (pixels := self._decode(raw)) is not None:
                return Frame(self.name, self._sequence - 1, pixels, self._clock.now().later(-raw.age_s))
        return None

    def close(self) -> None:
        if self._device is not None:
            self._device.close()
            self._device = None

    def _choose(self, modes: Iterable[Mode]) -> Mode:
        mode = choose_mode(modes, self._size, self._fps)
        if mode is None:
            raise CameraError(f"camera {self.name}: {self._place}: offers neither MJPEG nor YUYV", hint=_FORMAT_HINT)
        return mode

    def _decode(self, raw: Raw) -> Pixels | None:
        try:
            if raw.damaged:
                raise DecodingError("the driver says that it is damaged")
            stride_bytes = self._device.stride_bytes if self._device else 0
            return _DECODERS[self._mode.pixel_format](raw.data, self._mode, stride_bytes, self._size)
        except DecodingError as error:
            self.damaged += 1
            if self.damaged == 1:
                log.warning(
                    "picture damaged, it and those to come are passed over camera=%s error=%s", self.name, error
                )
            return None

    def _error(self, what: str, error: OSError) -> CameraError:
        gone = error.errno in (errno.ENODEV, errno.ENXIO, errno.ENOENT)
        reason = "it was unplugged" if gone else error.strerror or str(error)
        hint = _HINTS.get(error.errno or 0, _HINT)
        return CameraError(f"camera {self.name}: {self._place}: {what}: {reason}", hint=hint)


def choose_mode(modes: Iterable[Mode], wanted: Size, fps: float) -> Mode | None:
    """The smallest size that is not below `wanted` and fast enough, else the largest; None when there is none at all."""

    def rank(mode: Mode) -> tuple[bool, bool, int, bool]:
        area_px = mode.width_px * mode.height_px
        large_enough = mode.width_px >= wanted[0] and mode.height_px >= wanted[1]
        slow = 0 < mode.max_fps < fps * 0.99
        preferred = "YUYV" if area_px <= SMALL_PX else "MJPG"
        return not large_enough, slow, area_px if large_enough else -area_px, mode.pixel_format != preferred

    return min(modes, key=rank, default=None)


def mjpeg_to_rgb(data: bytes, most: Size, wanted: Size) -> Pixels:
    """One JPEG; far above `wanted` it is decoded at a half, a quarter or an eighth, never below `wanted`.

    Raises:
        DecodingError: it is cut off, no JPEG, or larger than `most` by more than its padding: damaged.
    """
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            if image.width > most[0] + PADDING_PX or image.height > most[1] + PADDING_PX:
                raise DecodingError(f"{image.width}x{image.height} instead of {most[0]}x{most[1]}")
            image.draft("RGB", wanted)
            return np.asarray(image.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DecodingError(str(error)) from error


def find_device(place: str, root: Path = Path("/")) -> str | None:
    """The device file for a path below `/dev`, or for part of a name, case not regarded; None when it is not there.

    Names are those of `/dev/v4l/by-id` and of `/sys/class/video4linux`. A USB camera has further nodes for metadata: the first serves.
    """
    if place.startswith("/"):
        path = root / place.lstrip("/")
        return str(path) if path.exists() else None
    part = place.casefold()
    for link in sorted((root / "dev/v4l/by-id").glob("*-video-index0")):
        if part in link.name.casefold():
            return str(link)
    for folder in sorted((root / "sys/class/video4linux").glob("video*"), key=lambda each: (len(each.name), each.name)):
        if part in _line(folder / "name").casefold() and _line(folder / "index") in ("", "0"):
            return str(root / "dev" / folder.name)
    return None


def _line(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


_DECODERS: dict[str, Callable[[bytes, Mode, int, Size], Pixels]] = {
    "MJPG": lambda data, mode, stride_bytes, wanted: mjpeg_to_rgb(data, (mode.width_px, mode.height_px), wanted),
    "YUYV": lambda data, mode, stride_bytes, wanted: yuyv_to_rgb(data, mode.width_px, mode.height_px, stride_bytes),
}
_HINT = "plug it in, and see `ls /dev/v4l/by-id` for what is there"
_FORMAT_HINT = "use a camera with MJPEG or YUYV"
_HINTS = {
    errno.EBUSY: "another program uses it: stop that one",
    errno.EACCES: "add the user of this program to the group `video`",
    errno.ENOSPC: "the USB has no room left: ask for a smaller width, height or fps, or use another port",
}
