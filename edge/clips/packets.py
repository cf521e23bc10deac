"""What clips are made of: encoded pictures, as cameras or encoders give them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from edge.geometry import Size


class Format(NamedTuple):
    """H.264 parameters that a decoder needs before the first picture; packets of different formats do not go into one clip."""

    sps: bytes
    pps: tuple[bytes, ...]
    size: Size


@dataclass(frozen=True, slots=True, eq=False)
class Packet:
    """One encoded picture (access unit).

    `data`: NAL units, each behind its length in 4 bytes. `key`: decoding can begin here. `boot_s`: when the picture is shown, and
    `dts_s`: when it is decoded, both in boot time; `dts_s` only grows, `boot_s` may not where pictures refer to later ones.
    """

    data: bytes
    key: bool
    boot_s: float
    dts_s: float
    format: Format


class PacketTap(Protocol):
    """Takes what a camera's driver has before it is decoded. Never blocks, never raises. Thread: the camera's."""

    def opened(self, codec: str, extradata: bytes) -> None:
        """The packets that follow are of a new opening. `codec`: FFmpeg's name of it."""
        ...

    def packet(self, data: bytes, *, key: bool, pts_s: float | None, dts_s: float | None, arrived_s: float) -> None:
        """The next packet, in decoding order: its times in the stream's own time, and the boot time of its arrival."""
        ...


PacketSink = Callable[[Packet], None]
"""Takes each packet of a camera, in decoding order, in the thread that has it."""
