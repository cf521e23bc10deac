"""From a camera's section to its driver: the one place that knows all of them."""

from pathlib import Path

from edge import config
from edge.camera.file import FileCamera
from edge.camera.folder import FolderCamera
from edge.camera.pattern import PatternCamera
from edge.camera.picamera import PicameraCamera
from edge.camera.port import Camera, Ledger
from edge.camera.privacy import MaskedCamera
from edge.camera.stream import Login, StreamCamera
from edge.camera.v4l2 import V4l2Camera
from edge.camera.wrapper import FirstFrames
from edge.clips.packets import PacketTap
from edge.clock import Clock
from edge.polygons import Polygon

ONCE_FRAMES = 50
"""Live cameras have no end of their own."""


def make_camera(
    section: config.Camera, clock: Clock, ledger: Ledger, *, once: bool = False, tap: PacketTap | None = None
) -> Camera:
    """The driver for `section.source`, not yet opened, behind its privacy masks.

    Args:
        once: one pass of what is there now: no loop, no waiting for new pictures, no frame dropped.
        tap: is given the camera's own packets where there are any; never those of a camera with privacy masks.
    """
    driver = _make_driver(section, clock, ledger, once=once, tap=None if section.privacy else tap)
    return MaskedCamera(driver, [Polygon(points) for points in section.privacy]) if section.privacy else driver


def _make_driver(section: config.Camera, clock: Clock, ledger: Ledger, *, once: bool, tap: PacketTap | None) -> Camera:
    scheme, rest = config.split_address(section.source)
    if scheme == "file":
        realtime = section.pace == "realtime" and not once
        return FileCamera(section.name, Path(rest), clock, realtime=realtime, loop=section.loop and not once)
    if scheme == "folder":
        return FolderCamera(
            section.name, Path(rest), clock, watch=not once, ledger=ledger if section.remember else None
        )
    if scheme in ("picamera", "v4l2", *config.NETWORK):
        camera = _make_live(section, scheme, rest, clock, tap)
        return FirstFrames(camera, ONCE_FRAMES) if once else camera
    return PatternCamera(section.name, clock, fps=section.fps, frames=ONCE_FRAMES if once else None)


def _make_live(section: config.Camera, scheme: str, rest: str, clock: Clock, tap: PacketTap | None) -> Camera:
    if scheme == "picamera":
        return PicameraCamera(
            section.name,
            rest,
            clock,
            size=(section.width, section.height),
            fps=section.fps,
            rotation=section.rotation,
            exposure_us=section.exposure_us,
            gain=section.gain,
            tap=tap,
        )
    if scheme == "v4l2":
        return V4l2Camera(section.name, rest, clock, size=(section.width, section.height), fps=section.fps)
    login = Login(section.username, section.password_file)
    return StreamCamera(section.name, section.source, clock, login=login, transport=section.transport, tap=tap)


def silence_limit_s(section: config.Camera) -> float:
    """How long this camera may be silent before it counts as stalled; a slow one may take its time."""
    return max(section.stall_after_s, 3 / section.fps)
