"""Watches cameras from beside: silence without an error, and native calls that do not return.

A capture thread says through its `Pulse` what it is doing; `CameraWatch.look`, called every second or so from another thread, judges:

- no frame for longer than `stall_after_s`: the state becomes `stalled` and the capture thread is asked to close and open the camera;
- a call of the driver that lasts longer than `blocked_after_s`: a thread in native code cannot be ended, so the owner is told, once, and
  must end the process.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Self

from edge.errors import CameraBlockedError, CameraStalledError
from edge.health import Health

STALL_AFTER_S = 10.0
BLOCKED_AFTER_S = 60.0
"""Longer than any driver's own bounds together with the name resolution of a network that has gone (some 30 s)."""


@dataclass(slots=True, eq=False)
class Pulse:
    """What one capture thread is doing.

    Thread: written by the capture thread, but for `reopen`, which the watch sets; read by any.
    """

    camera: str
    live: bool
    stall_after_s: float
    calling: str = ""
    """The driver's method that the thread is in."""
    called_s: float = 0.0
    newest_s: float = 0.0
    """Monotonic time of the newest frame, or of the opening; 0: not open."""
    reopen: bool = False
    blocked: bool = False

    def call(self, method: str) -> Self:
        """`with pulse.call("read"):` around each call of the driver."""
        self.called_s, self.calling = time.monotonic(), method
        return self

    def __enter__(self) -> None:
        """`call` has said all."""

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self.calling = ""

    def opened(self) -> None:
        self.reopen, self.newest_s = False, time.monotonic()

    def closed(self) -> None:
        self.newest_s = 0.0

    def frame(self) -> None:
        self.newest_s = time.monotonic()

    def check(self) -> None:
        """End the reading of a camera that the watch found silent.

        Raises:
            CameraStalledError: it is to be closed and opened.
        """
        if self.reopen:
            raise CameraStalledError(f"camera {self.camera}: {_silence(self)}", hint=_HINT)


class CameraWatch:
    """Judges the pulses of all cameras.

    Args:
        stall_after_s: by camera, where it is not `STALL_AFTER_S`.
        blocked: told once of each camera whose driver does not return; in the thread that calls `look`.
    """

    def __init__(
        self,
        health: Health,
        blocked: Callable[[CameraBlockedError], None],
        *,
        stall_after_s: Mapping[str, float] | None = None,
        blocked_after_s: float = BLOCKED_AFTER_S,
    ) -> None:
        self._health = health
        self._tell_blocked = blocked
        self._stall_after_s = stall_after_s or {}
        self._blocked_after_s = blocked_after_s
        self._pulses: list[Pulse] = []

    def pulse(self, camera: str, *, live: bool) -> Pulse:
        """Take a camera under watch; before `look` is called for the first time."""
        pulse = Pulse(camera, live, self._stall_after_s.get(camera, STALL_AFTER_S))
        self._pulses.append(pulse)
        return pulse

    @property
    def interval_s(self) -> float:
        """How often `look` should be called: within a quarter of the shortest bound."""
        bounds_s = (self._blocked_after_s, *(pulse.stall_after_s for pulse in self._pulses))
        return min(1.0, min(bounds_s) / 4)

    def look(self) -> None:
        """Judge every camera now."""
        now_s = time.monotonic()
        for pulse in self._pulses:
            # Read in this order: `called_s` belongs to the call that `calling` names, or to a later one.
            method, called_s, newest_s = pulse.calling, pulse.called_s, pulse.newest_s
            if method and now_s - called_s > self._blocked_after_s:
                self._block(pulse, method, now_s - called_s)
            elif pulse.live and newest_s and now_s - newest_s > pulse.stall_after_s and not pulse.reopen:
                pulse.reopen = True
                self._health.report("camera", pulse.camera, "stalled", f"camera {pulse.camera}: {_silence(pulse)}")

    def _block(self, pulse: Pulse, method: str, lasts_s: float) -> None:
        if pulse.blocked:
            return
        pulse.blocked = True
        error = CameraBlockedError(
            pulse.camera, f"camera {pulse.camera}: {method} has not returned for {lasts_s:.0f} s", hint=_BLOCKED_HINT
        )
        self._health.report("camera", pulse.camera, "failed", str(error))
        self._tell_blocked(error)


def _silence(pulse: Pulse) -> str:
    return f"no frame for {pulse.stall_after_s:g} s, and no error"


_HINT = "it is closed and opened again"
_BLOCKED_HINT = "the program ends, to be started again; check the camera's cable, power and driver"
