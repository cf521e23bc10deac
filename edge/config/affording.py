"""The state of the device, and background work."""

from typing import Annotated, Literal

import msgspec

from edge.config.section import Name, Percent, Pin, Seconds, Section, TimeOfDay


class Power(Section, frozen=True):
    sources: tuple[Literal["sysfs", "upower", "nut", "pin"], ...] = ()
    """Who tells of mains and battery; the most cautious word counts. Empty: those that are found (docs/device.md)."""
    nut: Annotated[str, msgspec.Meta(pattern=r"^[^@:\s]*(@[^@:\s]+(:\d{1,5})?)?$")] = ""
    """The UPS as NUT's own tools name it: `NAME@HOST:PORT`; what is missing is the first UPS, localhost and 3493."""
    pin: Pin | None = None
    """Pin that a UPS HAT holds while mains power is good."""
    pin_good: Literal["high", "low"] = "high"
    """The level of that pin while mains power is good."""
    low_pin: Pin | None = None
    """Pin by which a UPS HAT says that its battery is low."""
    low_pin_low: Literal["high", "low"] = "low"
    """The level of that pin while the battery is low."""
    low_percent: Percent = 15.0
    """At this charge and below it the battery is low; it is well again 5 above. What a UPS itself calls low is low too."""
    stop_after_s: Annotated[float, msgspec.Meta(ge=0.0, le=86_400.0)] = 0.0
    """On battery that has been low for so long, the device shuts down in order. 0: never; it runs until the power is gone."""


class Network(Section, frozen=True):
    source: Literal["auto", "networkmanager", "netlink"] = "auto"
    """Who tells of the network. `auto`: NetworkManager where it runs, else the kernel's routes."""
    metered: Literal["auto", "yes", "no"] = "auto"
    """Whether traffic costs, whatever the source says; `auto`: as it says, which the kernel's routes do not."""


class Limits(Section, frozen=True):
    hot_c: Annotated[float, msgspec.Meta(ge=40, le=120)] = 80.0
    """The device is hot from this temperature of its hottest zone on, and well again 8 below."""
    low_storage_percent: Percent = 5.0
    """Storage is low when less than this share of the data folder's file system is free, of its bytes or of its inodes."""
    idle_after_s: Seconds = 600.0
    """The device is idle when nothing was seen and nobody asked for anything for so long."""
    settle_s: Annotated[float, msgspec.Meta(ge=0.0, le=60.0)] = 1.5
    """A change of power or network counts when it has lasted so long: both flap."""
    poll_s: Annotated[float, msgspec.Meta(ge=0.1, le=3600.0)] = 30.0
    """What tells of a change by itself, or changes slowly, is read so often all the same; all other sources every 5 s."""


class Workers(Section, frozen=True):
    files: tuple[str, ...] = ()
    """Python files with workers of your own (docs/work.md)."""
    light: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8
    """Light works that run at the same time."""
    heavy: Annotated[int, msgspec.Meta(ge=0, le=16)] = 1
    """Works in processes of their own that run at the same time; 0: none."""
    grace_s: Seconds = 10.0
    """A work that is asked to stop is killed after so long."""
    keep_s: Annotated[float, msgspec.Meta(ge=0.0)] = 86_400.0
    """Finished works are forgotten after so long."""
    min_interval_s: Annotated[float, msgspec.Meta(ge=0.1)] = 1.0
    """Periodic work with a shorter interval is refused."""
    min_network_interval_s: Annotated[float, msgspec.Meta(ge=0.1)] = 900.0
    """The same for work that uses the network."""
    expedited_per_hour: Annotated[int, msgspec.Meta(ge=0)] = 60
    """Expedited works beyond so many run as others do, or are dropped."""
    trust_clock: bool = False
    """The wall clock is right though nothing synchronises it: the device has a clock with a battery."""


class When(Section, frozen=True):
    """What the device must be like while a work runs."""

    charging: bool = False
    battery_not_low: bool = False
    mains_for_min: Annotated[float, msgspec.Meta(ge=0.0, le=1440.0)] = 0.0
    """On mains power for so many minutes already."""
    no_under_voltage: bool = False
    network: Literal["", "connected", "unmetered", "metered", "not-roaming", "wifi", "ethernet"] = ""
    ssids: tuple[str, ...] = ()
    """Only these Wi-Fi networks."""
    storage_not_low: bool = False
    not_hot: bool = False
    idle: bool = False
    clock_synchronised: bool = False
    quiet_hours: tuple[TimeOfDay, TimeOfDay] | None = None
    """Never between these."""


class Work(Section, frozen=True):
    name: Name
    """Names it for `edge work`. Taken out of the file, it is cancelled."""
    worker: Annotated[str, msgspec.Meta(min_length=1)]
    """A name from `edge work workers`."""
    every_s: Annotated[float, msgspec.Meta(gt=0.0)] | None = None
    """Seconds between two runs."""
    flex_s: Annotated[float, msgspec.Meta(gt=0.0)] | None = None
    """Run in the last so many seconds of each interval."""
    cron: str = ""
    """In place of `every_s`: minute, hour, day, month, day of week, in local time."""
    on_change: tuple[str, ...] = ()
    """In place of `every_s`: when one of these paths has changed."""
    update_delay_s: Annotated[float, msgspec.Meta(ge=0.0)] = 1.0
    """`on_change`: wait for so long after the last change."""
    max_delay_s: Annotated[float, msgspec.Meta(ge=0.0)] = 60.0
    """`on_change`: but not longer than this after the first."""
    delay_s: Annotated[float, msgspec.Meta(ge=0.0)] = 0.0
    """Before the first run."""
    input: dict[str, str | int | float | bool | list[str | int | float | bool]] = {}
    tags: tuple[str, ...] = ()
    when: When = When()
    backoff: Literal["exponential", "linear"] = "exponential"
    backoff_s: Annotated[float, msgspec.Meta(ge=10.0, le=18_000.0)] = 30.0
    """After a run that came to nothing: so long after the first, then twice as long each time, or once more each time."""
    max_attempts: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """A period is given up after so many."""
    time_limit_s: Annotated[float, msgspec.Meta(ge=0.0)] = 600.0
    """A run that takes longer is stopped; 0: none is."""
