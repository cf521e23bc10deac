"""What the Pi's firmware says: the supply sags, the processor is slowed down for its heat."""

from functools import partial
from pathlib import Path

from edge.device.polled import Polled
from edge.device.port import SourceError, VoltageReading

THROTTLED = "sys/devices/platform/soc/soc:firmware/get_throttled"
UNDER_VOLTAGE, SLOWED, SOFT_LIMIT = 0x1, 0x4, 0x8
"""Bits of now; 16 places higher those of since the boot."""


def firmware(root: Path, interval_s: float) -> Polled:
    """The source.

    Args:
        root: folder that holds `sys`.
    """
    return Polled("firmware", "voltage", partial(read_firmware, root), interval_s)


def has_firmware(root: Path) -> bool:
    return (root / THROTTLED).exists() or _alarm(root) is not None


def read_firmware(root: Path) -> VoltageReading:
    """From the throttled bits, else from the alarm of `rpi_volt`.

    Raises:
        SourceError: neither is there, or what is there is no number.
    """
    alarm = _alarm(root)
    try:
        if (root / THROTTLED).exists():
            bits = int((root / THROTTLED).read_text(encoding="ascii"), 16)
            sags = bool(bits & UNDER_VOLTAGE)  # slows it down too, whatever the heat
            heat = bool(bits & SOFT_LIMIT) or (bool(bits & SLOWED) and not sags)
            return VoltageReading(under_voltage=sags, throttled=heat)
        if alarm is not None:
            return VoltageReading(under_voltage=alarm.read_text(encoding="ascii").strip() != "0")
    except (OSError, ValueError) as error:
        raise SourceError(f"firmware: the state of the supply cannot be read: {error}") from error
    raise SourceError("firmware: this machine has neither get_throttled nor rpi_volt")


def _alarm(root: Path) -> Path | None:
    for name in sorted(root.glob("sys/class/hwmon/hwmon*/name")):
        try:
            if name.read_text(encoding="ascii").strip() == "rpi_volt":
                return name.with_name("in0_lcrit_alarm")
        except OSError:  # went while it was looked at
            continue
    return None
