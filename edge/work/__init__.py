"""Background work: asked for in sentences, kept over restarts, run when the device can afford it. docs/work.md shows how."""

from edge.work.chain import begin, combine
from edge.work.constraints import (
    BatteryNotLow,
    Charging,
    ClockSynchronised,
    DeviceIdle,
    MainsFor,
    Network,
    NotHot,
    NoUnderVoltage,
    OutsideHours,
    StorageNotLow,
)
from edge.work.request import (
    BackoffPolicy,
    Existing,
    OneTimeWork,
    OutOfQuota,
    PeriodicWork,
    Request,
    WorkOnChange,
    days,
    hours,
    minutes,
)
from edge.work.states import Fail, Result, Retry, StopReason, Success, WorkState
from edge.work.worker import Run, worker

__all__ = [
    "BackoffPolicy",
    "BatteryNotLow",
    "Charging",
    "ClockSynchronised",
    "DeviceIdle",
    "Existing",
    "Fail",
    "MainsFor",
    "Network",
    "NoUnderVoltage",
    "NotHot",
    "OneTimeWork",
    "OutOfQuota",
    "OutsideHours",
    "PeriodicWork",
    "Request",
    "Result",
    "Retry",
    "Run",
    "StopReason",
    "StorageNotLow",
    "Success",
    "WorkOnChange",
    "WorkState",
    "begin",
    "combine",
    "days",
    "hours",
    "minutes",
    "worker",
]
