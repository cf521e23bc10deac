"""The device's figures for Prometheus, in its text format 0.0.4. Pure but for reading them.

Why not its client library: it keeps counters of its own, and ours are kept already.
"""

import os
import resource
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Literal, NamedTuple

from edge.device.state import DeviceState
from edge.follower import Stats
from edge.health import TROUBLE, Condition
from edge.web.port import Rooms
from edge.work.observe import WorkInfo

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Sample(NamedTuple):
    value: float
    labels: tuple[tuple[str, str], ...] = ()


class Family(NamedTuple):
    name: str
    kind: Literal["counter", "gauge"]
    help: str
    samples: tuple[Sample, ...]


def exposition(rooms: Rooms, works: Iterable[WorkInfo]) -> bytes:
    """Everything as it is now."""
    about = (("device", rooms.device), ("version", rooms.version), ("detector", rooms.detector))
    families = [
        Family("edge_info", "gauge", "What runs.", (Sample(1, about),)),
        *of_recognition(rooms.stats),
        *of_parts(rooms.conditions()),
        *of_device(rooms.device_state()),
        of_works(works),
        *of_process(),
    ]
    return "".join(text for family in families for text in _lines(family)).encode()


def of_recognition(stats: Stats) -> Iterator[Family]:
    for name, text, value in (
        ("edge_frames_total", "Frames recognised.", stats.frames),
        ("edge_frames_quiet_total", "Frames in which nothing moved.", stats.quiet),
        ("edge_frames_dropped_total", "Frames that a newer one replaced.", stats.dropped),
        ("edge_camera_errors_total", "Failures of cameras.", stats.camera_errors),
        ("edge_detector_errors_total", "Failed inferences.", stats.detector_errors),
        ("edge_inference_seconds_total", "Time spent inferring.", stats.infer_s),
    ):
        yield Family(name, "counter", text, (Sample(value),))
    yield Family(
        "edge_frames_per_second", "gauge", "Frames recognised a second, since the start.", (Sample(stats.fps),)
    )


def of_parts(conditions: Iterable[Condition]) -> Iterator[Family]:
    each = sorted(conditions, key=lambda condition: (condition.part, condition.name))
    well = tuple(Sample(one.state not in TROUBLE, (("part", one.part), ("name", one.name))) for one in each)
    now = tuple(Sample(1, (("part", one.part), ("name", one.name), ("state", one.state))) for one in each)
    yield Family("edge_part_well", "gauge", "1: the part is as it should be.", well)
    yield Family("edge_part_state", "gauge", "The state in which the part is.", now)


def of_device(state: DeviceState) -> Iterator[Family]:
    power, storage = state.power, state.storage
    on_mains = {"mains": True, "battery": False, "unknown": None}[power.source]
    for name, text, value in (
        ("edge_on_mains", "1: on mains power.", on_mains),
        ("edge_battery_percent", "Charge of the battery.", power.battery_percent),
        ("edge_under_voltage", "1: the supply sags.", power.under_voltage),
        ("edge_network_connected", "1: there is a default route.", state.network.connected),
        ("edge_network_metered", "1: traffic costs.", state.network.metered),
        ("edge_storage_free_bytes", "Free for the data folder.", storage.free_bytes),
        ("edge_storage_total_bytes", "Size of its file system.", storage.total_bytes),
        ("edge_temperature_celsius", "Of the hottest zone.", state.thermal.celsius),
        ("edge_clock_synchronised", "1: something has set the clock since the boot.", state.clock.synchronised),
    ):
        if value is not None:  # what nobody can tell is left out
            yield Family(name, "gauge", text, (Sample(value),))


def of_works(works: Iterable[WorkInfo]) -> Family:
    states = Counter(info.state.value for info in works)
    samples = tuple(Sample(count, (("state", state.lower()),)) for state, count in sorted(states.items()))
    return Family("edge_works", "gauge", "Background works by state.", samples)


def of_process() -> Iterator[Family]:
    used = resource.getrusage(resource.RUSAGE_SELF)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    cpu_s, resident = used.ru_utime + used.ru_stime, pages * os.sysconf("SC_PAGE_SIZE")
    yield Family("process_cpu_seconds_total", "counter", "Processor time of the program.", (Sample(cpu_s),))
    yield Family("process_resident_memory_bytes", "gauge", "Memory of the program.", (Sample(resident),))


def _lines(family: Family) -> Iterator[str]:
    yield f"# HELP {family.name} {family.help}\n# TYPE {family.name} {family.kind}\n"
    for sample in family.samples:
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in sample.labels)
        yield (
            f"{family.name}{{{labels}}} {_number(sample.value)}\n"
            if labels
            else f"{family.name} {_number(sample.value)}\n"
        )


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else repr(round(value, 6))


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
