"""Is this machine fit to run the appliance? Each check looks at one thing and says what it found and what to do about it.

Nothing native is loaded in this process: runtimes and delegates are tried in isolates, so that what aborts is a finding too.
"""

import asyncio
import importlib.util
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path
from statistics import median
from typing import Literal

import msgspec
import numpy as np

from edge import assets
from edge.buttons.gpio import open_pins
from edge.clock import SystemClock
from edge.config import Config, split_address
from edge.device.finding import make_monitor, networkmanager_runs, networkmanager_serves
from edge.device.monitor import SourceStatus, running
from edge.device.words import describe
from edge.errors import EdgeError
from edge.recognition import catalogue, edgetpu
from edge.recognition.accelerators import Accelerator, find_edgetpus
from edge.recognition.edgetpu import IsolatedNetwork

Level = Literal["ok", "warn", "fail"]

ENOUGH_MEMORY_BYTES = 400_000_000
TRIAL_TIMEOUT_S = 5.0
TRIALS = 5
SOURCES_S = 8.0
VIDEO_SCHEMES = ("file", "rtsp", "rtsps", "http", "https")


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What one check found. `remedy` is an instruction, empty when all is well.

    `warn`: the appliance runs, and would run better · `fail`: it does not run as it is configured.
    """

    level: Level
    what: str
    value: str
    remedy: str = ""


class Patient(msgspec.Struct, frozen=True):
    """What is looked at. `root` holds `sys`, `dev` and `proc`."""

    config: Config
    root: Path = Path("/")

    @property
    def accelerators(self) -> list[Accelerator]:
        return find_edgetpus(self.root)

    @property
    def wants_edgetpu(self) -> bool:
        return self.config.detector.accelerator == "edgetpu"

    @property
    def uses_edgetpu(self) -> bool:
        """The appliance would try it."""
        return self.wants_edgetpu or (self.config.detector.accelerator == "auto" and bool(self.accelerators))

    @property
    def trouble(self) -> Level:
        """How bad it is when the Edge TPU does not serve: the CPU does, but one was asked for."""
        return "fail" if self.wants_edgetpu else "warn"


def examine(patient: Patient) -> Iterator[Finding]:
    """Run every check. Takes seconds; findings come as they are made."""
    for check in CHECKS:
        yield from check(patient)


def _system(patient: Patient) -> Iterator[Finding]:
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    except OSError:
        name = "unknown"
    yield Finding(level="ok", what="system", value=f"{name}, {platform.machine()}, Linux {platform.release()}")
    yield Finding(level="ok", what="python", value=f"{platform.python_version()}, {sys.executable}")


def _memory(patient: Patient) -> Iterator[Finding]:
    total, available = _memory_bytes(patient.root / "proc/meminfo")
    value = f"{total / 1e6:,.0f} MB, {available / 1e6:,.0f} MB available, {os.cpu_count()} cores"
    if total >= ENOUGH_MEMORY_BYTES:
        yield Finding(level="ok", what="memory", value=value)
    else:
        remedy = "choose a light model: mobilenet_v1_025_imagenet"
        yield Finding(level="warn", what="memory", value=value, remedy=remedy)


def _memory_bytes(meminfo: Path) -> tuple[int, int]:
    try:
        lines = [line.split() for line in meminfo.read_text(encoding="ascii").splitlines()]
    except OSError:
        return 0, 0
    kilobytes = {line[0].rstrip(":"): int(line[1]) for line in lines if len(line) > 1}
    return kilobytes.get("MemTotal", 0) * 1024, kilobytes.get("MemAvailable", 0) * 1024


def _runtime(patient: Patient) -> Iterator[Finding]:
    try:
        value = f"{edgetpu.describe().runtime}, numpy {metadata.version('numpy')}"
        yield Finding(level="ok", what="runtime", value=value)
    except EdgeError as error:
        yield _from_error("fail", "runtime", error)


def _model(patient: Patient) -> Iterator[Finding]:
    name, folder = patient.config.detector.model, patient.config.models_dir
    try:
        path, _ = catalogue.require(name, folder)
    except EdgeError as error:
        yield _from_error("fail", "model", error)
        return
    yield Finding(level="ok", what="model", value=f"{name}: {path}, hash checked")
    try:
        yield Finding(level="ok", what="inference", value=_try(path, "", {}))
    except EdgeError as error:
        yield _from_error("fail", "inference", error)


def _accelerator(patient: Patient) -> Iterator[Finding]:
    mode = patient.config.detector.accelerator
    found = patient.accelerators
    if not found and patient.wants_edgetpu:
        remedy = 'plug it in, try another cable or port; or set detector.accelerator to "auto"'
        yield Finding(level="warn", what="edgetpu", value="none is seen; it is tried all the same", remedy=remedy)
    elif not found:
        yield Finding(level="ok", what="edgetpu", value="none is plugged in: the CPU serves")
    for device in found:
        value = f"{device.bus} {device.place}, firmware {'runs' if device.firmware else 'is loaded at first use'}"
        if mode == "cpu":
            yield Finding(level="ok", what="edgetpu", value=f'{value}; not used: detector.accelerator is "cpu"')
        elif device.accessible:
            yield Finding(level="ok", what="edgetpu", value=value)
        else:
            remedy = "install libedgetpu's udev rule and join the group plugdev; see docs/accelerators.md"
            value = f"{value}; this user may not open {device.node}"
            yield Finding(level=patient.trouble, what="edgetpu", value=value, remedy=remedy)


def _delegate(patient: Patient) -> Iterator[Finding]:
    """The library, then an inference with it."""
    settings = patient.config.detector
    try:
        described = edgetpu.describe(settings.edgetpu_library)
    except EdgeError as error:
        if patient.uses_edgetpu:
            yield _from_error(patient.trouble, "library", error)
        else:
            value = f"{settings.edgetpu_library} cannot be loaded here, and is not needed"
            yield Finding(level="ok", what="library", value=value)
        return
    yield Finding(level="ok", what="library", value=f"{settings.edgetpu_library}: {described.library}")
    if patient.uses_edgetpu:
        yield _delegate_trial(patient)


def _delegate_trial(patient: Patient) -> Finding:
    settings = patient.config.detector
    try:
        twin = edgetpu.require_twin(settings.model, patient.config.models_dir)
        hint = f"get it with `edge models pull {settings.model} --edgetpu`"
        path = assets.require(twin, patient.config.models_dir, hint=hint)
        value = _try(path, settings.edgetpu_library, settings.edgetpu_options)
        return Finding(level="ok", what="delegate", value=value)
    except EdgeError as error:
        return _from_error(patient.trouble, "delegate", error)


def _try(path: Path, library: str, options: dict[str, str]) -> str:
    """Infer a few times in an isolate; what it took."""
    network = IsolatedNetwork(path, library, options, timeout_s=TRIAL_TIMEOUT_S)
    try:
        tensor = np.zeros(network.input["shape"], network.input["dtype"])
        took_ms = []
        for _ in range(TRIALS):
            begin_s = time.perf_counter()
            network.run(tensor)
            took_ms.append((time.perf_counter() - begin_s) * 1000)
        return f"{path.name} on {network.place}: first {network.loaded.first_ms:.1f} ms, then {median(took_ms):.1f} ms"
    finally:
        network.close()


def _video(patient: Patient) -> Iterator[Finding]:
    needed = [camera.name for camera in patient.config.camera if split_address(camera.source)[0] in VIDEO_SCHEMES]
    if importlib.util.find_spec("av") is not None:
        yield Finding(level="ok", what="video", value=f"PyAV {metadata.version('av')}")
    else:
        level: Level = "fail" if needed else "warn"
        value = "PyAV is not installed" + (f", and needed by: {', '.join(needed)}" if needed else "")
        remedy = "apt install python3-av, or pip install 'edge-appliance[video]'"
        yield Finding(level=level, what="video", value=value, remedy=remedy)


def _device(patient: Patient) -> Iterator[Finding]:
    """Each source of the device's state, asked once."""
    for status in asyncio.run(_ask_sources(patient)):
        if status.value is not None:
            yield Finding(level="ok", what=status.facet, value=f"{status.name}: {describe(status.value)}")
        else:
            value = status.problem or f"{status.name} says nothing"
            yield Finding(level="warn", what=status.facet, value=value, remedy="see docs/device.md")
    yield from _unasked(patient)


async def _ask_sources(patient: Patient) -> list[SourceStatus]:
    driver = patient.config.gpio.driver
    monitor = make_monitor(patient.config, SystemClock(), lambda: open_pins(driver), root=patient.root)
    async with running(monitor, SOURCES_S):
        return monitor.statuses


def _unasked(patient: Patient) -> Iterator[Finding]:
    """NetworkManager runs and could tell more than the routes do."""
    automatic = patient.config.network.source == "auto"
    if automatic and networkmanager_runs(patient.root) and not networkmanager_serves(patient.root):
        remedy = "apt install python3-dbus-fast, or pip install 'edge-appliance[dbus]'"
        value = "NetworkManager runs and is not asked: the package dbus-fast is not installed"
        yield Finding(level="warn", what="network", value=value, remedy=remedy)


def _from_error(level: Level, what: str, error: EdgeError) -> Finding:
    return Finding(level=level, what=what, value=str(error.args[0]), remedy=error.hint)


CHECKS: tuple[Callable[[Patient], Iterator[Finding]], ...] = (
    _system,
    _memory,
    _runtime,
    _model,
    _video,
    _accelerator,
    _delegate,
    _device,
)
"""In the order in which they are told; what a later one needs is checked by an earlier one."""
