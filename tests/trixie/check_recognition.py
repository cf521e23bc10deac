"""From the camera to the event. Runs inside the root file system: tests/integration/test_picamera.py."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from edge.camera.picamera import PicameraCamera
from edge.camera.port import Frame
from edge.clock import SystemClock
from edge.recognition import tflite
from edge.recognition.port import detect

MODELS = Path("/run/models")
EDGE = [sys.executable, "-c", "import virtual_camera; from edge.__main__ import main; raise SystemExit(main())"]


@pytest.mark.parametrize(
    ("model", "label", "score"), [("cat", "Cat", 0.8), ("cup", "Coffee cup", 0.5), ("person", "Person", 0.4)]
)
def test_what_the_camera_sees_is_recognised(model: str, label: str, score: float) -> None:
    detector = tflite.load("ssd_mobilenet_v2_oid", MODELS)
    camera = PicameraCamera("cam", model, SystemClock())
    camera.open()
    frame = camera.read(10)
    camera.close()
    assert frame is not None
    assert frame.small is not None
    best = detect(detector, frame)[0]
    from_main = detect(detector, Frame("cam", 0, frame.pixels, frame.taken))[0]
    assert (best.label, from_main.label) == (label, label)
    assert best.score > score
    assert best.score == pytest.approx(from_main.score, abs=0.1)
    assert best.box == pytest.approx(from_main.box, abs=0.05)


def test_the_appliance_with_two_cameras(tmp_path: Path) -> None:
    config = tmp_path / "edge.toml"
    config.write_text(
        f'[paths]\ndata = "{tmp_path / "data"}"\nmodels = "{MODELS}"\n'
        '[[camera]]\nname = "first"\nsource = "picamera:cat"\n[[camera]]\nname = "second"\nsource = "picamera:cup"\n'
    )
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen(
            [*EDGE, "run", "--config", str(config), "--json"], stdout=subprocess.PIPE, stderr=log
        )
    try:
        wait_for_events(config, running)
        running.send_signal(signal.SIGTERM)
        output, _ = running.communicate(timeout=30)
    finally:
        running.kill()
    assert running.returncode == 0, (tmp_path / "log").read_text()
    assert json.loads(output)["frames"] >= 6


def wait_for_events(config: Path, running: "subprocess.Popen[bytes]") -> None:
    expected = {("first", "Cat"), ("second", "Coffee cup")}
    deadline_s = time.monotonic() + 60
    while (found := kept_events(config)) != expected:
        assert found < expected
        assert running.poll() is None, "edge run ended"
        assert time.monotonic() < deadline_s, f"only {found} in 60 s"


def kept_events(config: Path) -> set[tuple[str, str]]:
    """Camera and label of each event in the store."""
    listing = [*EDGE, "events", "list", "--config", str(config), "--json"]
    lines = subprocess.run(listing, capture_output=True, text=True, check=False).stdout.splitlines()
    return {(event["camera"], event["label"]) for event in map(json.loads, lines)}
