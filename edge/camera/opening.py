"""From a camera's section to its driver: the one place that knows all of them."""

from pathlib import Path

from edge import config
from edge.camera.file import FileCamera
from edge.camera.folder import FolderCamera
from edge.camera.pattern import PatternCamera
from edge.camera.picamera import PicameraCamera
from edge.camera.port import Camera, Ledger
from edge.clock import Clock

ONCE_FRAMES = 50
"""The test pattern and a live camera have no end of their own."""


def make_camera(section: config.Camera, clock: Clock, ledger: Ledger, *, once: bool = False) -> Camera:
    """The driver for `section.source`, not yet opened.

    Args:
        once: one pass of what is there now: no loop, no waiting for new pictures, no frame dropped.
    """
    scheme, rest = config.split_address(section.source)
    if scheme == "file":
        realtime = section.pace == "realtime" and not once
        return FileCamera(section.name, Path(rest), clock, realtime=realtime, loop=section.loop and not once)
    if scheme == "folder":
        return FolderCamera(
            section.name, Path(rest), clock, watch=not once, ledger=ledger if section.remember else None
        )
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
            frames=ONCE_FRAMES if once else None,
        )
    return PatternCamera(section.name, clock, fps=section.fps, frames=ONCE_FRAMES if once else None)
