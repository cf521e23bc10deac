"""Whether the wall clock is right, as the kernel knows it."""

import ctypes

from edge.device.polled import Polled
from edge.device.port import ClockReading, SourceError

TIME_ERROR = 5
"""What adjtimex returns when nothing has set the clock since the boot, or nothing has kept it for some nine hours."""
UNKNOWN_US = 16_000_000
"""The kernel's estimate of the error of a clock that nothing has synchronised since the boot, or that a person has set since."""


class Timex(ctypes.Structure):
    """The beginning of the kernel's struct, and more behind it than there is on any machine. All zero asks and changes nothing."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("frequency", ctypes.c_long),
        ("most_error_us", ctypes.c_long),
        ("error_us", ctypes.c_long),
        ("rest", ctypes.c_byte * 480),
    )


def synchronised(interval_s: float) -> Polled:
    """The source: ntpd, chrony and systemd-timesyncd all tell the kernel."""
    return Polled("adjtimex", "clock", read_synchronised, interval_s)


def read_synchronised() -> ClockReading:
    """
    Raises:
        SourceError: the kernel does not answer, as in some containers.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    timex = Timex()
    state = libc.adjtimex(ctypes.byref(timex))
    if state < 0:
        raise SourceError(f"adjtimex: error {ctypes.get_errno()}")
    return ClockReading(synchronised=is_right(state, timex.error_us))


def is_right(state: int, error_us: int) -> bool:
    """One that was synchronised stays right to some seconds a day while there is no network: until the next boot, or a person sets it."""
    return state != TIME_ERROR or error_us < UNKNOWN_US


def is_synchronised() -> bool | None:
    """The same in one word; None: nobody can tell."""
    try:
        return read_synchronised().synchronised
    except SourceError:
        return None
