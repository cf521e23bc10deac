"""The device in one object, and its figures. Pure, but for `memory_bytes`."""

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from edge.clock import Instant, iso_utc
from edge.device.state import DeviceState, unknown
from edge.health import Condition
from edge.mqtt.messages import (
    AcceleratorSummary,
    CameraSummary,
    CardSummary,
    NetworkSummary,
    PowerSummary,
    StatsMessage,
    SummaryMessage,
    Versions,
)

STATM = Path("/proc/self/statm")


class Figures(NamedTuple):
    """Counters since the start, and what waits now."""

    frames: int = 0
    dropped: int = 0
    infer_s: float = 0.0
    events: int = 0
    pictures: int = 0
    lost: int = 0
    queued: int = 0


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the showcase reads how things are. Each is called in the showcase's thread and must come back at once.

    `armed`: of a camera, or of the device for an empty name; None: nobody can tell.
    """

    device: str
    cameras: Sequence[str]
    versions: Versions
    conditions: Callable[[], list[Condition]]
    figures: Callable[[], Figures] = Figures
    armed: Callable[[str], bool | None] = field(default=lambda camera: None)
    device_state: Callable[[], DeviceState] = field(default=lambda: unknown(Instant(0.0, 0.0)))


def summary(sources: Sources) -> SummaryMessage:
    conditions, now = sources.conditions(), sources.device_state()
    problems = tuple(_problems(conditions))
    states = {each.name: each.state for each in conditions if each.part == "camera"}
    accelerator = next((each for each in conditions if each.part == "accelerator"), None)
    return SummaryMessage(
        device=sources.device,
        degraded=bool(problems),
        problems=problems,
        armed=sources.armed(""),
        cameras=tuple(
            CameraSummary(name=name, state=states.get(name, "unknown"), armed=sources.armed(name))
            for name in sources.cameras
        ),
        accelerator=AcceleratorSummary(name=accelerator.name, state=accelerator.state) if accelerator else None,
        power=PowerSummary(
            source=now.power.source,
            battery_percent=now.power.battery_percent,
            battery_low=now.power.battery_low,
            under_voltage=now.power.under_voltage,
        ),
        network=NetworkSummary(
            connected=now.network.connected,
            kind=now.network.kind,
            ssid=now.network.ssid,
            metered=now.network.metered,
        ),
        card=CardSummary(total_bytes=now.storage.total_bytes, low=now.storage.low),
        versions=sources.versions,
    )


def _problems(conditions: Sequence[Condition]) -> list[str]:
    """In words."""
    return [f"{each.part} {each.name}: {each.cause or each.state}" for each in conditions if each.is_trouble]


def stats(
    sources: Sources,
    figures: Figures,
    before: tuple[Instant, Figures],
    now: Instant,
    started: Instant,
    outbox_waiting: int | None,
) -> StatsMessage:
    """The rates are those since `before`."""
    state = sources.device_state()
    span_s = now.boot_s - before[0].boot_s
    frames = figures.frames - before[1].frames
    busy_s = figures.infer_s - before[1].infer_s
    return StatsMessage(
        device=sources.device,
        at=iso_utc(now.wall_s),
        uptime_s=round(now.boot_s - started.boot_s, 1),
        frames_per_s=round(frames / span_s, 2) if span_s > 0 else 0.0,
        inference_ms=round(1000 * busy_s / frames, 2) if frames else None,
        frames=figures.frames,
        dropped=figures.dropped,
        events=figures.events,
        pictures=figures.pictures,
        lost=figures.lost,
        queued=figures.queued,
        outbox_waiting=outbox_waiting,
        memory_bytes=memory_bytes(),
        temperature_c=state.thermal.celsius,
        card_free_bytes=state.storage.free_bytes,
    )


def motion(conditions: Iterable[Condition]) -> dict[str, bytes]:
    """`ON` or `OFF` for each camera with a motion gate."""
    return {each.name: b"ON" if each.state == "moving" else b"OFF" for each in conditions if each.part == "motion"}


def inputs(conditions: Iterable[Condition]) -> list[str]:
    """The names of the inputs on pins that are there."""
    return [each.name for each in conditions if each.part == "input" and each.state in ("on", "off")]


def memory_bytes() -> int | None:
    """What this process has in memory."""
    try:
        return int(STATM.read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
