"""The words of background work: its states, why a run was stopped, what a run came to."""

from enum import Enum
from typing import Final

import msgspec

from edge.work.data import Data


class WorkState(Enum):
    """BLOCKED waits for other works; ENQUEUED for its time and its constraints."""

    BLOCKED = "blocked"
    ENQUEUED = "enqueued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def finished(self) -> bool:
        return self in _FINISHED


_FINISHED: Final = frozenset({WorkState.SUCCEEDED, WorkState.FAILED, WorkState.CANCELLED})


class StopReason(Enum):
    """Why the last run was stopped before it had a result."""

    NOT_STOPPED = "not stopped"
    CANCELLED = "cancelled"
    PREEMPTED = "preempted"
    TIMEOUT = "timeout"
    DEVICE_STATE = "device state"
    CHARGING = "charging"
    BATTERY = "battery"
    CONNECTIVITY = "connectivity"
    METERED = "metered"
    IDLE = "idle"
    STORAGE = "storage"
    THERMAL = "thermal"
    QUOTA = "quota"
    CRASH = "crash"
    SHUTDOWN = "shutdown"


class Success(msgspec.Struct, frozen=True, tag="success"):
    """Done. `output` becomes input of the works that wait for this one."""

    output: Data = {}


class Retry(msgspec.Struct, frozen=True, tag="retry"):
    """Not now: again after the back-off. `message` says why."""

    message: str = ""


class Fail(msgspec.Struct, frozen=True, tag="fail"):
    """It cannot be done; what waits for it fails too. A periodic work goes on with its next period."""

    message: str = ""
    output: Data = {}


class Stopped(msgspec.Struct, frozen=True, tag="stopped"):
    """It was stopped, or its process died, before it had a result: again after the back-off."""

    reason: StopReason
    message: str = ""


Result = Success | Retry | Fail
"""What a worker returns."""

Outcome = Result | Stopped
"""What a run came to."""
