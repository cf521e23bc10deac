"""What runs: the service manager's units, the program itself, its cameras, and what the first boot found."""

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec

from edge import control
from edge.appliance.health import judge
from edge.appliance.problems import noted
from edge.appliance.vital import ACTION, Sign, Vital
from edge.buttons.gpio import CHIPS
from edge.config import Camera, split_address
from edge.doctor.port import Finding, Patient
from edge.errors import EdgeError
from edge.update import progress

UNITS = ("edge-first-boot.service", "edge.service", "edge-health.service", "mosquitto.service")
SYSTEMCTL_S, CAMERAS_S = 20.0, 30.0
LIST_CAMERAS = "from picamera2 import Picamera2; print(*(each['Model'] for each in Picamera2.global_camera_info()))"


def units(patient: Patient) -> Iterator[Finding]:
    """Where systemd runs the machine, and has our units."""
    if not (patient.root / "run/systemd/system").is_dir():
        return
    command = ["systemctl", "show", "--property=Id,LoadState,ActiveState,Result", *UNITS]
    try:
        shown = subprocess.run(command, capture_output=True, text=True, timeout=SYSTEMCTL_S, check=True).stdout
    except (OSError, subprocess.SubprocessError) as error:
        yield Finding(level="warn", what="units", value=f"systemctl: {error}", remedy="run it on the device itself")
        return
    for block in shown.strip().split("\n\n"):
        values = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if values.get("LoadState") != "loaded":
            continue
        name, state = values.get("Id", ""), values.get("ActiveState", "")
        if state == "failed":
            remedy = f"look at `journalctl -u {name}`, then `systemctl restart {name}`"
            yield Finding(level="fail", what="unit", value=f"{name} failed: {values.get('Result')}", remedy=remedy)
        else:
            yield Finding(level="ok", what="unit", value=f"{name} is {state}")


def owner(patient: Patient) -> Iterator[Finding]:
    """What was wrong on the boot partition at the last start."""
    for problem in noted(patient.config.data_dir):
        yield Finding(level="warn", what="boot files", value=f"{problem.place}: {problem.what}", remedy=problem.remedy)


def update(patient: Patient) -> Iterator[Finding]:
    """The last one, if it did not go well."""
    if error := progress.load(patient.config.data_dir).error:
        yield Finding(level="warn", what="update", value=error, remedy="see `edge update status` and docs/update.md")


def program(patient: Patient) -> Iterator[Finding]:
    """Of the one that runs: whether it is well, and its cameras. Where none runs: whether the cameras are there."""
    vital = _vital(patient.config.data_dir)
    if vital is None:
        for camera in patient.config.camera:
            yield _look_for(camera, patient)
        return
    for check in judge(vital).checks:
        remedy = "" if check.well else "see `edge ask status` and the log"
        yield Finding(level="ok" if check.well else "fail", what=check.what, value=check.found, remedy=remedy)
    for sign in vital.cameras:
        yield _of_running(sign)


def _vital(data_dir: Path) -> Vital | None:
    try:
        return msgspec.convert(control.ask(data_dir, str(uuid.uuid4()), ACTION, {}).result, Vital)
    except (EdgeError, msgspec.ValidationError, FileNotFoundError):
        return None


def _of_running(sign: Sign) -> Finding:
    if sign.state in ("running", "ended"):
        return Finding(level="ok", what="camera", value=f"{sign.name} is {sign.state}")
    return Finding(
        level="fail", what="camera", value=f"{sign.name} {sign.state}: {sign.cause}", remedy="see docs/cameras.md"
    )


def _look_for(camera: Camera, patient: Patient) -> Finding:
    scheme, rest = split_address(camera.source)
    if scheme in ("folder", "file") and not Path(rest).exists():
        return Finding(
            level="fail", what="camera", value=f"{camera.name}: {rest} is not there", remedy="correct its source"
        )
    if scheme == "v4l2" and rest.startswith("/dev/") and not os.access(patient.root / rest[1:], os.R_OK | os.W_OK):
        remedy = "plug it in; the user must be in the group video"
        return Finding(level="fail", what="camera", value=f"{camera.name}: {rest} cannot be opened", remedy=remedy)
    if scheme == "picamera":
        return _look_for_picamera(camera)
    return Finding(level="ok", what="camera", value=f"{camera.name}: {scheme}, not tried: the program does not run")


def _look_for_picamera(camera: Camera) -> Finding:
    """In a process of its own: libcamera may abort."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", LIST_CAMERAS], capture_output=True, text=True, timeout=CAMERAS_S, check=False
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Finding(level="fail", what="camera", value=f"{camera.name}: {error}", remedy="see docs/cameras.md")
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["libcamera ended"])[-1]
        remedy = "apt install python3-picamera2"
        return Finding(level="fail", what="camera", value=f"{camera.name}: {reason}", remedy=remedy)
    models = done.stdout.split()
    wanted = split_address(camera.source)[1]
    if not models or (wanted and not any(wanted in model for model in models)):
        value = f"{camera.name}: {wanted or 'a camera'} is not seen" + (
            f"; seen: {', '.join(models)}" if models else ""
        )
        remedy = "switch off, push the cable in with its contacts the right way, close the latch"
        return Finding(level="fail", what="camera", value=value, remedy=remedy)
    return Finding(level="ok", what="camera", value=f"{camera.name}: {', '.join(models)} seen")


def pins(patient: Patient) -> Iterator[Finding]:
    """Where something is configured on them."""
    config = patient.config
    lights = (config.light.pin, config.light.privacy_pin, config.light.buzzer_pin)
    wanted = bool(config.button or config.input or config.output or any(pin is not None for pin in lights))
    chips = sorted(path.name for path in (patient.root / "dev").glob(CHIPS))
    if not wanted or config.gpio.driver != "auto":
        return
    if not chips:
        remedy = 'this is no board with pins: take buttons and light out, or set gpio.driver to "simulated"'
        yield Finding(level="warn", what="gpio", value="no pins are here, and some are configured", remedy=remedy)
    elif not any(os.access(patient.root / "dev" / name, os.R_OK | os.W_OK) for name in chips):
        yield Finding(level="fail", what="gpio", value=f"{chips[0]} cannot be opened", remedy="join the group gpio")
    else:
        yield Finding(level="ok", what="gpio", value=", ".join(chips))
