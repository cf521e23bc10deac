"""The machine and what runs on it."""

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from edge import __version__
from edge.doctor.port import Finding, Patient
from edge.update.system import installed_version

ENOUGH_MEMORY_BYTES = 400_000_000
MODEL = "proc/device-tree/model"


def system(patient: Patient) -> Iterator[Finding]:
    try:
        name = platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    except OSError:
        name = "unknown"
    yield Finding(level="ok", what="system", value=f"{name}, {platform.machine()}, Linux {platform.release()}")
    yield Finding(level="ok", what="python", value=f"{platform.python_version()}, {sys.executable}")


def memory(patient: Patient) -> Iterator[Finding]:
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


def hardware(patient: Patient) -> Iterator[Finding]:
    try:
        name = (patient.root / MODEL).read_text(encoding="utf-8", errors="replace").strip("\0 \n")
    except OSError:
        name = f"no Raspberry Pi: {platform.machine()}"
    yield Finding(level="ok", what="hardware", value=name)
    image = installed_version()
    value = f"program {__version__}" + (f", image {image}" if image != __version__ else "")
    yield Finding(level="ok", what="version", value=value)
