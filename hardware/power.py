"""What a build draws, whether its supply suffices, and how long a battery lasts."""

import tomllib
from pathlib import Path

import msgspec

from hardware.pinout import FOLDER

SOURCE = FOLDER / "power.toml"
VOLTS = 5.0


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """`estimated`: at least one of the two figures is nobody's publication."""

    name: str
    ma: float
    peak_ma: float
    source: str
    estimated: bool


class Build(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The fields are explained in power.toml."""

    name: str
    title: str
    supply: str
    supply_ma: float
    converter: float
    usable: float
    part: list[Part]

    @property
    def mean_w(self) -> float:
        """At 5 V."""
        return sum(part.ma for part in self.part) / 1000 * VOLTS

    @property
    def peak_ma(self) -> float:
        """Everything at its most at once."""
        return sum(part.peak_ma for part in self.part)


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    build: list[Build]


def load(path: Path = SOURCE) -> dict[str, Build]:
    """By name.

    Raises:
        msgspec.ValidationError: a key is unknown, missing or of the wrong type.
    """
    builds = msgspec.convert(tomllib.loads(path.read_text(encoding="utf-8")), _File).build
    return {build.name: build for build in builds}


def runtime_h(battery_wh: float, mean_w: float, *, converter: float = 1.0, usable: float = 1.0) -> float:
    """Hours that a battery lasts.

    Args:
        battery_wh: what stands on the battery: volts of its cells times ampere-hours.
        converter, usable: shares in 0..1 that are left after the converter, and before the battery is empty.

    Raises:
        ValueError: a figure is not positive, or a share above 1.
    """
    if battery_wh <= 0 or mean_w <= 0:
        raise ValueError(f"battery_wh={battery_wh:g} mean_w={mean_w:g}: both are above 0")
    if not (0 < converter <= 1 and 0 < usable <= 1):
        raise ValueError(f"converter={converter:g} usable={usable:g}: shares are above 0 and at most 1")
    return battery_wh * usable * converter / mean_w


def report(build: Build, battery_wh: float | None = None) -> str:
    """For people; an asterisk marks an estimate."""
    lines = [build.title, ""]
    for part in build.part:
        mark = "*" if part.estimated else " "
        lines.append(f"{part.name:<28} {part.ma:>5.0f} mA   at most {part.peak_ma:>5.0f} mA {mark}")
    lines += [
        "",
        f"mean {build.mean_w:.1f} W; at most {build.peak_ma:.0f} of the {build.supply_ma:.0f} mA of: {build.supply}",
    ]
    if battery_wh is not None:
        hours = runtime_h(battery_wh, build.mean_w, converter=build.converter, usable=build.usable)
        share = build.converter * build.usable
        lines.append(f"a battery of {battery_wh:g} Wh lasts {hours:.1f} h, with {share:.0%} of it arriving *")
    return "\n".join([*lines, "* an estimate; where the others are from stands in hardware/power.toml"]) + "\n"
