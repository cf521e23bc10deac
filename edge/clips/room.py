"""All that clips need, put together for the cameras of a configuration."""

import logging
from collections.abc import Callable
from pathlib import Path

from edge import config
from edge.camera.port import Camera
from edge.clips.copying import CopyTap
from edge.clips.encoder import SoftwareEncoder
from edge.clips.packets import Packet, PacketTap
from edge.clips.recorder import LATE_S, Recorder
from edge.clips.ring import Ring
from edge.clips.source import RecordedCamera
from edge.clock import Clock, Instant
from edge.errors import ClipError
from edge.events.port import Outcome
from edge.health import Health
from edge.store.port import Record

log = logging.getLogger(__name__)

COPYING = (*config.NETWORK, "picamera")
"""Schemes of cameras that may give H.264 by themselves."""


class ClipRoom:
    """The rings, encoders and the recorder.

    Thread: the owner.
    """

    def __init__(
        self,
        settings: config.Config,
        data_dir: Path,
        device: str,
        clock: Clock,
        new_id: Callable[[], str],
        keep: Callable[[Record], None],
        health: Health,
        failed: Callable[[BaseException], None],
        armed: Callable[[str, Instant], bool] = lambda camera, at: True,
    ) -> None:
        self._settings = settings.clips
        self._health = health
        self._failed = failed
        limit_bytes = settings.clips.memory_mb << 20
        self._modes = {section.name: mode_of(section, settings.clips) for section in settings.camera}
        self._rings = {
            name: Ring(settings.clips.pre_s + LATE_S, limit_bytes)
            for name, mode in self._modes.items()
            if mode != "off"
        }
        self._taps = {
            section.name: CopyTap(section.name, self._rings[section.name].put)
            for section in settings.camera
            if section.name in self._rings and may_copy(section)
        }
        self._encoders: list[SoftwareEncoder] = []
        self.recorder = Recorder(
            data_dir, device, settings.clips, self._rings, clock, new_id, keep, health, failed, armed
        )

    def tap(self, section: config.Camera) -> PacketTap | None:
        """For the driver of this camera."""
        return self._taps.get(section.name)

    def recorded(self, section: config.Camera, camera: Camera) -> Camera:
        """The camera, its pictures on their way into its ring."""
        if section.name not in self._rings:
            return camera
        ring, encoder = self._rings[section.name], None
        if self._modes[section.name] == "encode":
            encoder = self._encoder(section.name, ring.put)
        return RecordedCamera(camera, ring, self._taps.get(section.name), encoder)

    def listening(self, submit: Callable[[Outcome], None]) -> Callable[[Outcome], None]:
        """`submit`, with the recorder told of the same afterwards: a clip is kept behind the events that it shows."""

        def both(outcome: Outcome) -> None:
            submit(outcome)
            self.recorder.on_outcome(outcome)

        return both

    def start(self) -> None:
        """After the keeper, before the cameras."""
        for encoder in self._encoders:
            encoder.start()
        self.recorder.start()

    def stop(self) -> None:
        """After the cameras, before the keeper."""
        self.recorder.stop()

    def _encoder(self, camera: str, put: Callable[[Packet], None]) -> SoftwareEncoder:
        def unable(error: ClipError) -> None:
            log.error("no clips camera=%s error=%s", camera, error)
            self._health.report("clips", camera, "failed", str(error))

        settings = self._settings
        encoder = SoftwareEncoder(
            camera, put, width_px=settings.encode_width, fps=settings.encode_fps, failed=self._failed, unable=unable
        )
        self._encoders.append(encoder)
        return encoder


def may_copy(section: config.Camera) -> bool:
    """The camera may give H.264, and nothing in it has to be hidden."""
    return config.split_address(section.source)[0] in COPYING and not section.privacy


def mode_of(section: config.Camera, clips: config.Clips) -> config.ClipMode:
    """What is done for this camera: `off` too where there is nothing to copy."""
    mode = section.clips or clips.mode
    if section.source.startswith("folder:") or (mode == "copy" and not may_copy(section)):
        return "off"
    return mode
