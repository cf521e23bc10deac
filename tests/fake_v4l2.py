"""A USB camera made of ioctls: what the kernel would answer to the real linuxpy, over an ordinary file as the buffers' memory."""

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from linuxpy.video import raw

IOC = raw.IOC
SLOT_BYTES = 1 << 20
SLOTS = 4


class FakeUsbCamera:
    """Offers `modes` (fourcc, width, height, fps); `pictures` gives what each captured buffer holds.

    Set `unplugged` to pull it out, `silent` to let it give nothing.
    """

    def __init__(self, path: Path, modes: list[tuple[str, int, int, int]], pictures: Callable[[int], bytes]) -> None:
        self.path = path
        self.modes = modes
        self.pictures = pictures
        self.unplugged = self.silent = False
        self.flagged: set[int] = set()
        """Numbers of the pictures that the driver itself calls damaged."""
        self.format: tuple[str, int, int] = ("", 0, 0)
        self.fps = 0.0
        self.streaming = False
        self._queued: list[int] = []
        self._count = 0
        with path.open("wb") as memory:
            memory.truncate(SLOTS * SLOT_BYTES)

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("linuxpy.ioctl.fcntl", SimpleNamespace(ioctl=self._ioctl))

    def _ioctl(self, fd: Any, request: Any, arg: Any) -> int:
        os.fstat(fd.fileno())  # an ioctl on a closed file fails
        if self.unplugged:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        answer = getattr(self, f"_{request.name.lower()}", None)
        if answer is None:
            raise OSError(errno.ENOTTY, os.strerror(errno.ENOTTY))
        answer(arg)
        return 0

    def _querycap(self, caps: Any) -> None:
        caps.card = b"Fake Camera C1"
        caps.capabilities = caps.device_caps = raw.Capability.VIDEO_CAPTURE | raw.Capability.STREAMING

    def _enum_fmt(self, item: Any) -> None:
        codes = list(dict.fromkeys(mode[0] for mode in self.modes))
        item.pixelformat = raw.v4l2_fourcc(*_at(codes, item.index))

    def _enum_framesizes(self, item: Any) -> None:
        _, width, height, _ = _at(self._of(item.pixel_format), item.index)
        item.type = raw.Frmsizetypes.DISCRETE
        item.m1.discrete.width, item.m1.discrete.height = width, height

    def _enum_frameintervals(self, item: Any) -> None:
        rates = [m[3] for m in self._of(item.pixel_format) if m[1:3] == (item.width, item.height)]
        item.type = raw.Frmivaltypes.DISCRETE
        item.discrete.numerator, item.discrete.denominator = 1, _at(rates, item.index)

    def _s_fmt(self, fmt: Any) -> None:
        pix = fmt.fmt.pix
        code = next(m[0] for m in self.modes if raw.v4l2_fourcc(*m[0]) == pix.pixelformat)
        self.format = (code, pix.width, pix.height)

    def _g_fmt(self, fmt: Any) -> None:
        pix, (code, pix.width, pix.height) = fmt.fmt.pix, self.format
        pix.pixelformat = raw.v4l2_fourcc(*code)
        pix.bytesperline = 0 if code == "MJPG" else pix.width * 2
        pix.sizeimage = SLOT_BYTES

    def _s_parm(self, parm: Any) -> None:
        per = parm.parm.capture.timeperframe
        self.fps = per.denominator / per.numerator

    def _reqbufs(self, request: Any) -> None:
        request.count = min(request.count, SLOTS)
        self._queued.clear()

    def _querybuf(self, buffer: Any) -> None:
        buffer.length, buffer.m.offset = SLOT_BYTES, buffer.index * SLOT_BYTES

    def _qbuf(self, buffer: Any) -> None:
        self._queued.append(buffer.index)

    def _streamon(self, _: Any) -> None:
        self.streaming = True

    def _streamoff(self, _: Any) -> None:
        self.streaming = False

    def _dqbuf(self, buffer: Any) -> None:
        # One picture for each time somebody looks, then nothing once: as from a camera whose reader keeps up.
        self._count += 1
        if self.silent or not self._queued or self._count % 2 == 0:
            raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
        number, buffer.index = self._count // 2, self._queued.pop(0)
        content = self.pictures(number)
        with self.path.open("r+b") as memory:
            memory.seek(buffer.index * SLOT_BYTES)
            memory.write(content)
        buffer.bytesused = len(content)
        buffer.flags = raw.BufferFlag.TIMESTAMP_MONOTONIC | (raw.BufferFlag.ERROR if number in self.flagged else 0)
        taken_s = time.monotonic() - 0.05
        buffer.timestamp.secs, buffer.timestamp.usecs = int(taken_s), int(taken_s % 1 * 1e6)

    def _of(self, pixel_format: int) -> list[tuple[str, int, int, int]]:
        return [mode for mode in self.modes if raw.v4l2_fourcc(*mode[0]) == pixel_format]


def _at(items: list[Any], index: int) -> Any:
    if index >= len(items):
        raise OSError(errno.EINVAL, os.strerror(errno.EINVAL))
    return items[index]
