"""Whether something keeps the wall clock right, as the kernel knows it."""

import ctypes

from edge.device.polled import Polled
from edge.device.port import ClockReading, SourceError

TIME_ERROR = 5
"""What adjtimex returns when nothing has set the clock since the boot, or not for hours."""
TIMEX_BYTES = 512
"""More than the kernel's struct on any machine; all zero asks and changes nothing."""


def synchronised(interval_s: float) -> Polled:
    """The source: ntpd, chrony and systemd-timesyncd all tell the kernel."""
    return Polled("adjtimex", "clock", read_synchronised, interval_s)


def read_synchronised() -> ClockReading:
    """
    Raises:
        SourceError: the kernel does not answer, as in some containers.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    state = libc.adjtimex(ctypes.create_string_buffer(TIMEX_BYTES))
    if state < 0:
        raise SourceError(f"adjtimex: error {ctypes.get_errno()}")
    return ClockReading(synchronised=state != TIME_ERROR)


def is_synchronised() -> bool | None:
    """The same in one word; None: nobody can tell."""
    try:
        return read_synchronised().synchronised
    except SourceError:
        return None
