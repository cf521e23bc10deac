"""Packets as the camera gives them, into its ring."""

import logging
from collections.abc import Callable

from edge.clips.h264 import H264Error, PacketReader
from edge.clips.packets import Packet
from edge.clips.timeline import Timeline

log = logging.getLogger(__name__)


class CopyTap:
    """`edge.clips.packets.PacketTap` that takes H.264 and leaves the rest.

    Args:
        put: takes the packets.
    """

    def __init__(self, camera: str, put: Callable[[Packet], None]) -> None:
        self._camera = camera
        self._put = put
        self._reader = PacketReader()
        self._timeline = Timeline()
        self.copying = False
        """What the camera gives now is copied, so that nobody else need encode it."""

    def opened(self, codec: str, extradata: bytes) -> None:
        self._timeline = Timeline()
        self.copying = codec == "h264"
        try:
            self._reader = PacketReader(extradata if self.copying else b"")
        except (H264Error, IndexError):
            self._reader = PacketReader()  # the parameters come with the pictures
        if not self.copying:
            log.info("packets are not copied for clips camera=%s codec=%s", self._camera, codec)

    def packet(self, data: bytes, *, key: bool, pts_s: float | None, dts_s: float | None, arrived_s: float) -> None:
        if not self.copying:
            return
        try:
            units = self._reader.read(data)
        except (H264Error, IndexError) as error:
            self.copying = False
            log.warning("packets cannot be copied for clips camera=%s error=%s", self._camera, error)
            return
        if units and self._reader.format is not None:
            boot_s, decoded_s = self._timeline.place(pts_s, dts_s, arrived_s)
            self._put(Packet(units, key, boot_s, decoded_s, self._reader.format))
