"""What to ask a libcamera camera for, and what its answers mean. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any

from edge.camera.planes import BufferLayout
from edge.clock import Instant
from edge.errors import CameraError
from edge.geometry import Size

SMALL_EDGE_PX = 360
"""Shorter edge of the small picture: enough for the inputs of most detectors (300 to 320), also when they crop or stretch."""
OLDEST_S = 60.0
"""A capture that claims to be older has a clock that is not ours."""


def choose(infos: Sequence[Mapping[str, Any]], wanted: str, name: str) -> int:
    """Position of the wanted camera in picamera2's list of cameras.

    Args:
        wanted: libcamera id, or sensor model when only one camera is of it; empty: the first, USB cameras last.

    Raises:
        CameraError: there is no such camera, or more than one.
    """
    known = ", ".join(f"{info['Model']} ({info['Id']})" for info in infos)
    if not infos:
        raise CameraError(f"camera {name}: no camera is connected", hint="check its cable; rpicam-hello --list-cameras")
    if not wanted:
        return next((number for number, info in enumerate(infos) if "/usb" not in info["Id"]), 0)
    for key in ("Id", "Model"):
        found = [number for number, info in enumerate(infos) if str(info[key]).lower() == wanted.lower()]
        if len(found) == 1:
            return found[0]
        if found:
            raise CameraError(
                f"camera {name}: {wanted!r} are {len(found)} cameras", hint=f"name one by its id: {known}"
            )
    raise CameraError(f"camera {name}: no camera is {wanted!r}", hint=f"connected: {known}")


def stream_plans(size: Size, platform: str) -> list[dict[str, Any]]:
    """The main and the small stream to ask for, best first.

    The image processors up to the Pi 4 (`VC4`) make the small picture in YUV only. libcamera's BGR888 is R, G, B in memory.
    """
    main = {"format": "BGR888", "size": size}
    edge_px = min(size)
    if edge_px <= SMALL_EDGE_PX:
        return [{"main": main, "lores": None}]
    small = (_even(size[0] * SMALL_EDGE_PX / edge_px), _even(size[1] * SMALL_EDGE_PX / edge_px))
    formats = ["BGR888", "YUV420"] if platform == "PISP" else ["YUV420"]
    lores: list[dict[str, Any] | None] = [{"format": format, "size": small} for format in formats]
    return [{"main": main, "lores": stream} for stream in [*lores, None]]


def layout_of(stream: Mapping[str, Any]) -> BufferLayout:
    """From a stream's configuration, as `camera_configuration()` tells it."""
    width, height = stream["size"]
    return BufferLayout(str(stream["format"]), (int(width), int(height)), int(stream["stride"]))


def is_reduced(main: Size, small: Size) -> bool:
    """The small picture is smaller and, as far as even sizes allow, of the same proportions: boxes in one are boxes in the other."""
    return small[0] < main[0] and abs(main[0] * small[1] - main[1] * small[0]) <= 2 * max(main)


def controls_for(
    available: Mapping[str, Any], fps: float, exposure_us: int, gain: float, name: str
) -> dict[str, int | float | tuple[int, int]]:
    """libcamera controls. A camera without a frame rate of its own keeps to what it does.

    Raises:
        CameraError: exposure or gain are asked for and cannot be set.
    """
    controls: dict[str, int | float | tuple[int, int]] = {}
    if "FrameDurationLimits" in available:
        frame_us = max(round(1e6 / fps), exposure_us)
        controls["FrameDurationLimits"] = (frame_us, frame_us)
    for key, control, value in (("exposure_us", "ExposureTime", exposure_us), ("gain", "AnalogueGain", gain)):
        if value and control not in available:
            raise CameraError(f"camera {name}: {key} cannot be set on this camera", hint=f"remove {key}")
        if value:
            controls[control] = value
    return controls


def taken_at(now: Instant, metadata: Mapping[str, Any]) -> Instant:
    """When the exposure of the first row ended: SensorTimestamp is CLOCK_BOOTTIME in ns. Now, where it is missing or nonsense."""
    age_s = now.boot_s - metadata.get("SensorTimestamp", -1e18) / 1e9
    return now.later(-age_s) if 0 <= age_s <= OLDEST_S else now


def _even(length: float) -> int:
    return round(length / 2) * 2
