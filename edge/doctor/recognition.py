"""Runtime, model and accelerator, each tried: nothing native is loaded in this process, so that what aborts is a finding too."""

import importlib.util
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from statistics import median

import numpy as np

from edge import assets
from edge.config import split_address
from edge.doctor.port import Finding, Level, Patient, from_error
from edge.errors import EdgeError
from edge.recognition import catalogue, edgetpu
from edge.recognition.edgetpu import IsolatedNetwork

TRIAL_TIMEOUT_S = 5.0
TRIALS = 5
VIDEO_SCHEMES = ("file", "rtsp", "rtsps", "http", "https")


def runtime(patient: Patient) -> Iterator[Finding]:
    try:
        value = f"{edgetpu.describe().runtime}, numpy {metadata.version('numpy')}"
        yield Finding(level="ok", what="runtime", value=value)
    except EdgeError as error:
        yield from_error("fail", "runtime", error)


def model(patient: Patient) -> Iterator[Finding]:
    name, folder = patient.config.detector.model, patient.config.models_dir
    try:
        path, _ = catalogue.require(name, folder)
    except EdgeError as error:
        yield from_error("fail", "model", error)
        return
    yield Finding(level="ok", what="model", value=f"{name}: {path}, hash checked")
    try:
        yield Finding(level="ok", what="inference", value=_try(path, "", {}))
    except EdgeError as error:
        yield from_error("fail", "inference", error)


def accelerator(patient: Patient) -> Iterator[Finding]:
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


def delegate(patient: Patient) -> Iterator[Finding]:
    """The library, then an inference with it."""
    settings = patient.config.detector
    try:
        described = edgetpu.describe(settings.edgetpu_library)
    except EdgeError as error:
        if patient.uses_edgetpu:
            yield from_error(patient.trouble, "library", error)
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
        return from_error(patient.trouble, "delegate", error)


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


def video(patient: Patient) -> Iterator[Finding]:
    needed = [camera.name for camera in patient.config.camera if split_address(camera.source)[0] in VIDEO_SCHEMES]
    if importlib.util.find_spec("av") is not None:
        yield Finding(level="ok", what="video", value=f"PyAV {metadata.version('av')}")
    else:
        level: Level = "fail" if needed else "warn"
        value = "PyAV is not installed" + (f", and needed by: {', '.join(needed)}" if needed else "")
        remedy = "apt install python3-av, or pip install 'edge-appliance[video]'"
        yield Finding(level=level, what="video", value=value, remedy=remedy)
