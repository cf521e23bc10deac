"""Addressable lights (WS2812 and its kin) on the data line of an SPI device.

Each of their bits is a pulse of 1.25 µs, long for a 1 and short for a 0 (WS2812B data sheet: 0.8 and 0.4 µs high, ± 0.15). At 2.4 MHz three
bits of SPI make one: 110 and 100. They take green, red, blue, highest bit first, and show it when the line rests for 280 µs.
"""

import fcntl
import os
import struct

from edge.buttons.light import Colour
from edge.errors import GpioError

HERTZ = 2_400_000
REST = bytes(90)
"""300 µs of low."""
MOST = 0.25
"""Of their brightness: at all of it one dazzles, and draws 60 mA."""

# linux/spi/spidev.h: _IOW('k', 4, __u32) and _IOW('k', 1, __u8)
SPI_IOC_WR_MAX_SPEED_HZ, SPI_IOC_WR_MODE = 0x40046B04, 0x40016B01


def encoded(colours: list[Colour]) -> bytes:
    """What goes over the line.

    Args:
        colours: of each light, from the first; shares in 0..1.
    """
    lights = (round(share * 255) for red, green, blue in colours for share in (green, red, blue))
    return REST + b"".join(_pulses(value) for value in lights) + REST


def _pulses(value: int) -> bytes:
    bits = "".join("110" if value >> place & 1 else "100" for place in range(7, -1, -1))
    return int(bits, 2).to_bytes(3, "big")


class Strip:
    """Lights that all show the same.

    Raises:
        GpioError: the device is not there, or is no SPI device.

    Thread: one caller at a time.
    """

    def __init__(self, device: str, count: int) -> None:
        self._count = count
        try:
            self._descriptor = os.open(device, os.O_WRONLY | os.O_CLOEXEC)
        except OSError as error:
            raise GpioError(f"{device}: {error.strerror}", hint="docs/hardware.md: 70-addressable-light.txt") from error
        try:
            fcntl.ioctl(self._descriptor, SPI_IOC_WR_MODE, b"\0")
            fcntl.ioctl(self._descriptor, SPI_IOC_WR_MAX_SPEED_HZ, struct.pack("=I", HERTZ))
        except OSError as error:
            os.close(self._descriptor)
            raise GpioError(f"{device}: is no SPI device: {error.strerror}", hint="name one, /dev/spidev0.0") from error

    def show(self, colour: Colour, level: float) -> None:
        red, green, blue = (share * level * MOST for share in colour)
        os.write(self._descriptor, encoded([(red, green, blue)] * self._count))

    def close(self) -> None:
        self.show((0.0, 0.0, 0.0), 0.0)
        os.close(self._descriptor)
