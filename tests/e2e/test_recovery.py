"""`edge run` with cameras that fail, watched over MQTT and, as systemd would, over the notification socket."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from edge.demo.broker import Broker
from edge.mqtt.subscriber import Subscriber
from tests.streams import RtspServer, lengthen
from tests.support import ROOT, Collector, environment, until

pytestmark = pytest.mark.e2e

RUN = (
    "import sys\n"
    "from edge.camera.watch import CameraWatch\n"
    "CameraWatch.__init__.__kwdefaults__['blocked_after_s'] = 1.5\n"  # not the minute that a user waits
    "from edge.cli import main\n"
    "sys.exit(main())\n"
)

HANGING = (
    "import sys, threading\n"
    "from edge.recognition.tflite import TfliteDetector\n"
    "from edge.runtime import Appliance\n"
    "Appliance.__init__.__kwdefaults__['result_limit_s'] = 2.0\n"
    "compute, count = TfliteDetector.compute, iter(range(10**9))\n"
    "TfliteDetector.compute = lambda self, item: compute(self, item) if next(count) < 30 else threading.Event().wait()\n"
    "from edge.cli import main\n"
    "sys.exit(main())\n"
)
"""Recognition that never answers after its first 30 frames."""


class Device:
    """The program as a service: its states, notices and words to the service manager."""

    def __init__(self, tmp_path: Path, base_dir: Path, broker: Broker, cameras: str) -> None:
        self.log = tmp_path / "log"
        self.collector = Collector()
        self.heard: list[str] = []
        self._config = tmp_path / "edge.toml"
        self._config.write_text(
            f"""
            [device]
            id = "box"
            [paths]
            data = "{tmp_path / "data"}"
            models = "{base_dir / "models"}"
            [mqtt]
            host = "{broker.host}"
            port = {broker.port}
            {cameras}
            [[camera]]
            name = "loop"
            source = "file:{base_dir / "samples" / "bikes.mp4"}"
            loop = true
            """
        )
        self._manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._manager.bind(str(tmp_path / "notify"))
        self._manager.settimeout(0.2)
        self._closing = threading.Event()
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()
        self._environment = {
            **environment(),
            "NOTIFY_SOCKET": str(tmp_path / "notify"),
            "WATCHDOG_USEC": "1000000",
        }

    @contextmanager
    def running(self, script: str = RUN) -> Iterator[subprocess.Popen[bytes]]:
        with self.log.open("ab") as log:
            program = subprocess.Popen(
                [sys.executable, "-c", script, "run", "--config", str(self._config)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, env=self._environment,
            )  # fmt: skip
        try:
            yield program
        finally:
            program.kill()
            program.wait()

    def states(self, camera: str) -> list[str]:
        return [message["state"] for message in self._about(camera)]

    def cause(self, camera: str) -> str:
        cause: str = self._about(camera)[-1]["cause"]
        return cause

    def notices(self, camera: str) -> list[str]:
        messages = [json.loads(each.payload) for each in self.collector.all if each.topic == "edge/box/notices"]
        return [message["state"] for message in messages if message["name"] == camera]

    def events_of(self, camera: str) -> int:
        return sum(event["camera"] == camera for event in self.collector.events())

    def _listen(self) -> None:
        while not self._closing.is_set():
            try:
                self.heard.append(self._manager.recv(4096).decode())
            except TimeoutError:
                continue

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._listener.join()
        self._manager.close()

    def _about(self, camera: str) -> list[dict[str, Any]]:
        topic = f"edge/box/state/camera/{camera}"
        return [json.loads(message.payload) for message in self.collector.all if message.topic == topic]


def test_a_killed_rtsp_server_is_told_over_mqtt_both_ways(
    base_dir: Path, samples: Path, tmp_path: Path, broker: Broker
) -> None:
    lengthen(samples / "bikes.mp4", tmp_path / "street.mkv", 12)
    (tmp_path / "password").write_text("s3cret\n")
    with RtspServer(tmp_path / "street.mkv", "viewer", "s3cret") as server:
        cameras = f"""
            [[camera]]
            name = "street"
            source = "{server.address}"
            username = "viewer"
            password_file = "password"
        """
        with (
            Device(tmp_path, base_dir, broker, cameras) as device,
            Subscriber(broker.host, broker.port, ["edge/#"], device.collector),
            device.running() as program,
        ):
            until(lambda: device.states("street") == ["running"], 30, "the state running")
            server.kill()
            until(lambda: device.states("street") == ["running", "failed"], 10, "the state failed")
            assert f"rtsp://127.0.0.1:{server.port}/street" in device.cause("street")
            events = device.events_of("loop")
            until(lambda: device.events_of("loop") > events, 20, "events of the other camera meanwhile")
            server.start()
            until(lambda: device.states("street")[-1] == "running", 30, "its return")
            events = device.events_of("street")
            until(lambda: device.events_of("street") > events, 30, "events of it again")
            until(lambda: device.notices("street") == ["failed", "running"], 5, "the notices")
            assert device.states("loop") == ["running"]
            program.send_signal(signal.SIGTERM)
            assert program.wait(15) == 0
    late = Collector()
    with Subscriber(broker.host, broker.port, ["edge/box/state/#"], late):
        until(lambda: late.last("edge/box/state/camera/street"), 5, "the retained state")
    everything = device.log.read_text() + "".join(str(message.payload) for message in device.collector.all)
    assert "s3cret" not in everything
    words = device.heard
    assert words[0] == "READY=1"
    assert words[-1] == "STOPPING=1"
    assert words.count("WATCHDOG=1") >= 4
    assert "STATUS=1 camera running; camera street failed" in words


def test_a_camera_that_blocks_ends_the_program_three_times_and_is_then_left_out(
    base_dir: Path, tmp_path: Path, broker: Broker
) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it waits in native code for somebody who writes, for ever
    door = '[[camera]]\nname = "door"\nsource = "file:pipe"\n'
    with (
        Device(tmp_path, base_dir, broker, door) as device,
        Subscriber(broker.host, broker.port, ["edge/#"], device.collector),
    ):
        for time in (1, 2, 3):
            with device.running() as program:
                assert program.wait(40) == 1, f"time {time}"
            assert device.states("door")[-1] == "failed"
            assert "camera door: open has not returned for" in device.cause("door")
        assert device.log.read_text().count("edge: camera door: open has not returned for") == 3
        with device.running() as program:
            until(
                lambda: "left out after it blocked the program 3 times" in device.cause("door"),
                20,
                "its being left out",
            )
            events = device.events_of("loop")
            until(lambda: device.events_of("loop") > events, 30, "events of the other camera")
            assert device.states("loop")[-1] == "running"
            program.send_signal(signal.SIGTERM)
            assert program.wait(15) == 0
    assert device.heard.count("READY=1") == 4
    assert device.notices("door").count("failed") == 4


def test_recognition_that_hangs_gets_no_sign_of_life_and_ends_the_program(
    base_dir: Path, tmp_path: Path, broker: Broker
) -> None:
    with Device(tmp_path, base_dir, broker, "") as device, device.running(HANGING) as program:
        until(lambda: "STATUS=1 camera running" in device.heard, 30, "the start")
        assert program.wait(30) == 1
        signs = device.heard.count("WATCHDOG=1")
    assert "recognition: frames came for 2 s without a result" in device.log.read_text()
    assert signs >= 2
    assert device.heard[-1] == "STOPPING=1"
