"""The whole appliance around one camera, with a real store and a real broker, in a folder that goes away."""

import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from edge import config
from edge.camera.port import Camera, Frame
from edge.clock import SystemClock
from edge.demo.broker import Broker
from edge.errors import EdgeError
from edge.events.keeper import Keeper
from edge.events.lifecycle import LifeCycle
from edge.events.message import TOPIC
from edge.events.port import Outcome
from edge.events.tracks import TrackSettings
from edge.health import Health
from edge.ids import IdSource
from edge.mqtt.sender import Sender
from edge.mqtt.subscriber import Received, Subscriber
from edge.pipeline import Pipeline
from edge.recognition.port import Detection, Detector, Prepared
from edge.runtime import Fatal

DEVICE = "bench"
END_S = 30.0


class TimedDetector:
    """Notes how long the inference of each frame took; everything else is the detector's own."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self.name = detector.name
        self.labels = detector.labels
        self.took_s: dict[int, float] = {}

    def prepare(self, frame: Frame) -> Prepared:
        return self._detector.prepare(frame)

    def infer(self, prepared: Prepared) -> list[Detection] | None:
        begin_s = time.monotonic()
        found = self._detector.infer(prepared)
        self.took_s[prepared.frame.sequence] = time.monotonic() - begin_s
        return found

    def threshold_of(self, label: str) -> float:
        return self._detector.threshold_of(label)

    def close(self) -> None:
        self._detector.close()


class Rig:
    """Runs while it is entered. `outcomes` and `received` come with the monotonic second at which each was there."""

    def __init__(
        self, camera: Camera, detector: Detector, data_dir: Path, broker: Broker, settings: TrackSettings
    ) -> None:
        self.outcomes: list[tuple[float, Outcome]] = []
        self.received: list[tuple[float, bytes]] = []
        self.fatal = Fatal()
        clock = SystemClock()
        mqtt = config.Mqtt(host=broker.host, port=broker.port)
        self._sender = Sender(data_dir, mqtt, DEVICE, self.fatal)
        self._keeper = Keeper(data_dir, DEVICE, config.Pictures(), self._sender.wake, self.fatal)
        ids = IdSource(clock)
        self.pipeline = Pipeline(
            [camera],
            detector,
            lambda name: LifeCycle(name, clock.boot_id, settings, detector.threshold_of, ids.next),
            self._submit,
            self.fatal,
            Health(clock),
            retry=False,
        )
        self._subscriber = Subscriber(broker.host, broker.port, [f"{mqtt.prefix}/{DEVICE}/{TOPIC}"], self._receive)

    def __enter__(self) -> Self:
        self._subscriber.__enter__()
        self._keeper.start()
        self._sender.start()
        self._sender.wait_drained(END_S)
        self.pipeline.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pipeline.stop()
        self._keeper.stop()
        self._sender.wait_drained(END_S)
        self._sender.stop()
        self._subscriber.__exit__(None, None, None)

    def wait(self) -> None:
        """Until the camera has ended and everything was received.

        Raises:
            EdgeError: a room died, or not all that was kept arrived.
        """
        while self.pipeline.running and self.fatal.error is None:
            time.sleep(0.01)
        self.fatal.reraise()
        deadline_s = time.monotonic() + END_S
        while len(self.received) < self.changes and time.monotonic() < deadline_s:
            time.sleep(0.005)
        if len(self.received) < self.changes:
            raise EdgeError(f"bench: {len(self.received)} of {self.changes} messages arrived in {END_S:.0f} s")

    @property
    def changes(self) -> int:
        return sum(len(outcome.changes) for _, outcome in self.outcomes)

    def _submit(self, outcome: Outcome) -> None:
        self.outcomes.append((time.monotonic(), outcome))
        self._keeper.submit(outcome)

    def _receive(self, message: Received) -> None:
        self.received.append((time.monotonic(), message.payload))


@contextmanager
def broker_and_folder(parent: Path) -> Iterator[tuple[Broker, Path]]:
    """A broker and an empty data folder on the file system of `parent`, both gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as folder, Broker(Path(folder) / "broker") as broker:
        yield broker, Path(folder) / "data"


def settle(seconds: float = 0.5) -> None:
    """Let threads of the last round end."""
    threading.Event().wait(seconds)
