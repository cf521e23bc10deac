"""`picamera:` — the cameras of a Raspberry Pi, through picamera2 and libcamera. The only file that imports them.

Of each capture there are two pictures: the main one, and a small one that the image processor scaled on the way, which costs nothing.
Runs with picamera2 0.3.38, and uses nothing that 0.3.18 does not have.
"""

import logging
import os
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import CancelledError
from types import MappingProxyType
from typing import Any

from edge.camera.planes import BufferLayout, is_readable, to_rgb
from edge.camera.port import Frame, Pixels
from edge.camera.streams import choose, controls_for, is_reduced, layout_of, stream_plans, taken_at
from edge.clips.packets import PacketTap
from edge.clock import Clock
from edge.errors import CameraError
from edge.geometry import Size

log = logging.getLogger(__name__)

BUFFERS = 4
ENCODER_BITS_PER_S, KEY_S = 4_000_000, 2.0
"""Of clips: enough for 1080p at 10 frames/s; a picture to begin with every two seconds."""
_ONE_AT_A_TIME = threading.RLock()
"""Held while a camera is opened or closed: the last one to close waits for a thread of picamera2, which goes on when another opens."""
INSTALL_HINT = "apt install python3-picamera2, in an environment that sees it: docs/cameras.md"
_VENDOR_ERRORS = (RuntimeError, OSError, ValueError, KeyError, AttributeError)
"""What picamera2 raises when something is wrong with the camera; it has no errors of its own."""


class PicameraCamera:
    """`edge.camera.port.Camera` over one libcamera camera.

    Args:
        address: libcamera id or sensor model; empty: the first camera that does not hang on USB.
        size: of the main picture; the camera may give another, which is then logged.
        fps: frames per second, as near as the sensor can.
        rotation: 0 or 180 degrees.
        exposure_us, gain: fixed; 0: automatic. An exposure longer than a frame lowers the rate.
        tap: is given the main picture as H.264 where the Pi encodes in hardware (up to the Pi 4), in picamera2's thread.
        make_encoder: from frames a second to another encoder of picamera2 than the Pi's.
    """

    live = True
    ended = False

    def __init__(
        self,
        name: str,
        address: str,
        clock: Clock,
        *,
        size: Size = (1280, 720),
        fps: float = 10.0,
        rotation: int = 0,
        exposure_us: int = 0,
        gain: float = 0.0,
        tap: PacketTap | None = None,
        make_encoder: Callable[[float], Any] | None = None,
    ) -> None:
        self.name = name
        self._address = address
        self._clock = clock
        self._size = size
        self._fps = fps
        self._rotation = rotation
        self._exposure_us = exposure_us
        self._gain = gain
        self._tap = tap
        self._make_encoder = make_encoder or (lambda fps: _hardware_encoder(fps))
        self._device: Any = None
        self._job: Any = None
        self._main = BufferLayout("", size, 0)
        self._small: BufferLayout | None = None
        self._upside_down = False
        self._sequence = 0

    def open(self) -> None:
        with _ONE_AT_A_TIME:
            self.close()
            self._open(_load(self.name))
        self._sequence = 0

    def _open(self, picamera2: Any) -> None:
        try:
            number = choose(picamera2.global_camera_info(), self._address, self.name)
            self._device = _take_hold(picamera2, number)
            self._configure(picamera2.platform.name)
            self._encode(self._tap)
            self._device.start()
        except _VENDOR_ERRORS as error:
            self.close()
            raise CameraError(f"camera {self.name}: cannot be opened: {_reason(error)}", hint=_remedy(error)) from error
        except CameraError:
            self.close()
            raise

    def read(self, timeout_s: float) -> Frame | None:
        request = self._next_request(timeout_s)
        if request is None:
            return None
        try:
            metadata = request.get_metadata()
            pixels = self._copy_out(request, "main", self._main)
            small = self._copy_out(request, "lores", self._small) if self._small else None
        except _VENDOR_ERRORS as error:
            raise self._failed(error) from error
        finally:
            request.release()  # at once: a camera whose buffers are all held gives nothing more
        taken = taken_at(self._clock.now(), metadata)
        frame = Frame(self.name, self._sequence, pixels, taken, metadata=MappingProxyType(metadata), small=small)
        self._sequence += 1
        return frame

    def close(self) -> None:
        device, self._device = self._device, None
        job, self._job = self._job, None
        if device is None:
            return
        with _ONE_AT_A_TIME:
            try:
                device.close()  # not stop(): that waits its turn behind a capture which may never come
                _release_result(job)
            except Exception as error:  # noqa: BLE001 - whatever it is: the camera is let go of as far as it goes
                log.warning("camera did not close cleanly camera=%s error=%s", self.name, error)

    def _configure(self, platform: str) -> None:
        """Ask for both pictures, then take what was really given."""
        from libcamera import ColorSpace, Transform

        turned = Transform(hflip=self._rotation == 180, vflip=self._rotation == 180)
        for attempt in (plans := stream_plans(self._size, platform)):
            asked = self._device.create_video_configuration(
                **attempt, raw=None, transform=turned, colour_space=ColorSpace.Sycc(), buffer_count=BUFFERS,
                display=None, encode=None,
            )  # fmt: skip
            try:
                self._device.configure(asked)
                break
            except _VENDOR_ERRORS:
                if attempt is plans[-1]:
                    raise
        self._adopt(self._device.camera_configuration())
        self._device.set_controls(
            controls_for(self._device.camera_controls, self._fps, self._exposure_us, self._gain, self.name)
        )

    def _encode(self, tap: PacketTap | None) -> None:
        """Have the main picture encoded beside; that it cannot be is no failure of the camera."""
        if tap is None:
            return
        try:
            encoder = None if self._upside_down else self._make_encoder(self._fps)
            if encoder is not None:
                tap.opened("h264", b"")
                self._device.start_encoder(encoder, _output(tap, self._clock), name="main")
        except (*_VENDOR_ERRORS, ImportError) as error:
            log.warning("hardware encoder cannot be used camera=%s error=%s", self.name, _reason(error))
            encoder = None
        if encoder is None:
            tap.opened("none", b"")

    def _adopt(self, given: Mapping[str, Any]) -> None:
        self._main = layout_of(given["main"])
        small = layout_of(given["lores"]) if given.get("lores") else None
        if not is_readable(self._main.format):
            raise CameraError(
                f"camera {self.name}: gives {self._main.format}, which cannot be read here",
                hint="picamera: is for cameras on the Pi's camera connector",
            )
        self._small = small if small and is_readable(small.format) and is_reduced(self._main.size, small.size) else None
        # A pipeline that cannot turn the picture says so by giving back another transform.
        self._upside_down = self._rotation == 180 and not given["transform"].vflip
        log.info(
            "camera configured camera=%s main=%s small=%s turned_here=%s",
            self.name,
            _describe(self._main),
            _describe(self._small) if self._small else "none",
            self._upside_down,
        )

    def _next_request(self, timeout_s: float) -> Any:
        """The next capture, or None when it does not come in time."""
        if self._device is None:
            raise CameraError(f"camera {self.name}: is not open")
        try:
            # A job that was not waited for long enough stays in picamera2's queue and takes a buffer when it is served: so it is waited for
            # again, never replaced.
            self._job = self._job or self._device.capture_request(wait=False)
            request = self._device.wait(self._job, timeout=timeout_s)
        except TimeoutError:
            return None
        except (*_VENDOR_ERRORS, CancelledError) as error:
            self._job = None
            raise self._failed(error) from error
        self._job = None
        return request

    def _copy_out(self, request: Any, stream: str, layout: BufferLayout) -> Pixels:
        from picamera2 import MappedArray

        with MappedArray(request, stream, reshape=False) as mapped:
            return to_rgb(mapped.array, layout, upside_down=self._upside_down)

    def _failed(self, error: BaseException) -> CameraError:
        return CameraError(f"camera {self.name}: capture failed: {_reason(error)}", hint="check the camera's cable")


def _load(name: str) -> Any:
    try:
        from picamera2 import Picamera2
    except ImportError as error:
        raise CameraError(f"camera {name}: picamera2 cannot be imported: {error}", hint=INSTALL_HINT) from error
    except ValueError as error:  # how compiled packages say that they were built for another numpy
        hint = "pip install 'numpy<2' on bookworm: docs/cameras.md"
        raise CameraError(f"camera {name}: picamera2 does not fit its numpy: {error}", hint=hint) from error
    return Picamera2


def _hardware_encoder(fps: float) -> Any:
    """None: this Pi has none."""
    from picamera2 import Picamera2
    from picamera2.encoders import H264Encoder

    if Picamera2.platform.name != "VC4":
        return None
    return H264Encoder(bitrate=ENCODER_BITS_PER_S, repeat=True, iperiod=max(1, round(fps * KEY_S)))


def _output(tap: PacketTap, clock: Clock) -> Any:
    """An output of picamera2 that hands on what it is given; its times count from the first picture."""
    from picamera2.outputs import Output

    class TapOutput(Output):  # type: ignore[misc]
        def outputframe(
            self, frame: bytes, keyframe: bool = True, timestamp: int | None = None, *_: Any, **__: Any
        ) -> None:
            time_s = None if timestamp is None else timestamp / 1e6
            tap.packet(bytes(frame), key=keyframe, pts_s=time_s, dts_s=time_s, arrived_s=clock.now().boot_s)

    return TapOutput()


def _take_hold(picamera2: Any, number: int) -> Any:
    device = picamera2.__new__(picamera2)
    try:
        device.__init__(number)
    except _VENDOR_ERRORS:
        # picamera2 leaves its pipe open when the camera is busy; with a try a minute that would be all file numbers in a day.
        if "notifymeread" in vars(device):
            device.notifymeread.close()
            os.close(device.notifyme_w)
        raise
    return device


def _release_result(job: Any) -> None:
    """Give back a capture that came when nobody waited for it any more."""
    if job is None:
        return
    try:
        job.get_result(timeout=0).release()
    except (TimeoutError, CancelledError):
        pass


def _causes(error: BaseException | None) -> list[BaseException]:
    return [error, *_causes(error.__cause__)] if error is not None else []


def _reason(error: BaseException) -> str:
    """The first cause: picamera2 wraps it in errors that say nothing."""
    first = _causes(error)[-1]
    return str(first) or type(first).__name__


def _remedy(error: BaseException) -> str:
    if "busy" in _reason(error).lower():
        return "another program, or another [[camera]] of this configuration, holds it: stop that"
    return "rpicam-hello tells whether the camera works without this program"


def _describe(layout: BufferLayout) -> str:
    return f"{layout.size[0]}x{layout.size[1]}-{layout.format}"
