"""The works of the configuration file, as requests."""

from collections.abc import Sequence

from edge import config
from edge.errors import ConfigError, WorkError
from edge.work.checks import Floors, check
from edge.work.constraints import (
    BatteryNotLow,
    Charging,
    ClockSynchronised,
    Constraint,
    DeviceIdle,
    MainsFor,
    Network,
    NotHot,
    NoUnderVoltage,
    OutsideHours,
    StorageNotLow,
)
from edge.work.registry import Registry
from edge.work.request import BackoffPolicy, PeriodicWork, Request, WorkOnChange
from edge.work.runs import Limits
from edge.work.store import WorkSettings

TAG = "configuration"
"""Of all works that come from the configuration file."""


def settings_of(section: config.Workers) -> WorkSettings:
    return WorkSettings(Floors(section.min_interval_s, section.min_network_interval_s), section.expedited_per_hour)


def limits_of(section: config.Workers) -> Limits:
    return Limits(light=section.light, heavy=section.heavy, grace_s=section.grace_s, keep_s=section.keep_s)


def requests_of(sections: Sequence[config.Work], registry: Registry, floors: Floors) -> dict[str, Request]:
    """By name.

    Raises:
        ConfigError: a worker is not known, or the request is refused.
    """
    return {section.name: _checked(section, registry, floors) for section in sections}


def _checked(section: config.Work, registry: Registry, floors: Floors) -> Request:
    try:
        registry.required(section.worker)
        request = request_of(section)
        check(request, floors)
    except WorkError as error:
        raise ConfigError(f"work {section.name!r}: {error.args[0]}", hint=error.hint) from error
    return request


def request_of(section: config.Work) -> Request:
    if section.on_change:
        delays = {"update_delay_s": section.update_delay_s, "max_delay_s": section.max_delay_s}
        request = WorkOnChange(section.worker, *section.on_change, **delays)
    else:
        request = PeriodicWork(section.worker, every=section.every_s, flex=section.flex_s, cron=section.cron)
    request = request.with_input(**section.input).when(*constraints_of(section.when)).tagged(TAG, *section.tags)
    request = request.backing_off(section.backoff_s, BackoffPolicy(section.backoff)).after(section.delay_s)
    if section.max_attempts is not None:
        request = request.giving_up_after(section.max_attempts)
    return request.within(section.time_limit_s) if section.time_limit_s else request.long_running()


def constraints_of(when: config.When) -> list[Constraint]:
    simple: list[tuple[object, Constraint]] = [
        (when.charging, Charging()),
        (when.battery_not_low, BatteryNotLow()),
        (when.mains_for_min, MainsFor(when.mains_for_min)),
        (when.no_under_voltage, NoUnderVoltage()),
        (when.network, Network(when.network or "connected")),
        (when.ssids, Network("wifi", when.ssids)),
        (when.storage_not_low, StorageNotLow()),
        (when.not_hot, NotHot()),
        (when.idle, DeviceIdle()),
        (when.clock_synchronised, ClockSynchronised()),
    ]
    chosen = [constraint for wanted, constraint in simple if wanted]
    return [*chosen, OutsideHours(*when.quiet_hours)] if when.quiet_hours is not None else chosen
