"""What tests of the running program need."""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
from PIL import Image

from edge.mqtt.subscriber import Received

ROOT = Path(__file__).parent.parent


def edge(*arguments: object, check: bool = False, timeout_s: float = 100) -> subprocess.CompletedProcess[str]:
    """Run the `edge` command to its end."""
    command = [sys.executable, "-m", "edge", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=check, timeout=timeout_s, cwd=ROOT, env=environment()
    )


def start_edge(*arguments: object, log: Path) -> subprocess.Popen[bytes]:
    """Start the `edge` command; the caller ends it."""
    command = [sys.executable, "-m", "edge", *map(str, arguments)]
    with log.open("ab") as file:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=file, stderr=file, cwd=ROOT, env=environment()
        )


def environment() -> dict[str, str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("EDGE_") and key != "STATE_DIRECTORY"}
    return {**kept, "PYTHONPATH": str(ROOT)}


def until(condition: Callable[[], Any], timeout_s: float, what: str) -> Any:
    """Wait for something that must come; the value that it came with."""
    deadline_s = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline_s, f"{what} did not happen in {timeout_s:.0f} s"
        time.sleep(0.02)
    return value


class Collector:
    """Collects what a subscriber receives."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._received: list[Received] = []

    def __call__(self, message: Received) -> None:
        with self._lock:
            self._received.append(message)

    @property
    def all(self) -> list[Received]:
        with self._lock:
            return list(self._received)

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(message.payload) for message in self.all if message.topic.endswith("/events")]

    def last(self, topic: str) -> bytes | None:
        return next((message.payload for message in reversed(self.all) if message.topic == topic), None)


def check_payload(name: str, payload: bytes) -> Any:
    """What is published, checked against its schema in docs/schemas; decoded."""
    schema = json.loads((ROOT / "docs" / "schemas" / f"{name}.json").read_bytes())
    decoded = json.loads(payload)
    jsonschema.Draft202012Validator(schema).validate(decoded)
    assert set(decoded) <= set(schema["$defs"][schema["$ref"].rpartition("/")[2]]["properties"])
    return decoded


def write_pictures(folder: Path, count: int) -> None:
    folder.mkdir(exist_ok=True)
    for number in range(count):
        Image.new("RGB", (64, 48), (number * 20, 0, 255)).save(folder / f"{number:02}.png")


def write_video(path: Path, frames: int, fps: int = 20) -> None:
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=fps)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(frames):
            pixels = np.full((48, 64, 3), number % 25 * 10, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
