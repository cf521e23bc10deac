"""Cameras that fail in every way, in the real pipeline: the others go on, and what comes back is taken up again."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from edge.camera.file import FileCamera
from edge.camera.folder import FolderCamera
from edge.camera.pattern import PatternCamera
from edge.camera.port import Camera, Frame
from edge.camera.stream import StreamCamera
from edge.camera.watch import CameraWatch
from edge.camera.wrapper import WrappedCamera
from edge.clock import SystemClock
from edge.errors import CameraBlockedError, CameraError
from edge.events.lifecycle import LifeCycle
from edge.events.port import Outcome
from edge.events.tracks import TrackSettings
from edge.health import Condition, Health
from edge.pipeline import Pipeline
from edge.recognition import tflite
from edge.recognition.port import Detection, Prepared
from edge.recognition.tflite import TfliteDetector
from tests.streams import RtspServer, lengthen
from tests.support import until

CLOCK = SystemClock()


class CountingDetector:
    """The default detector, which also counts the frames that it recognised by camera."""

    def __init__(self, inner: TfliteDetector) -> None:
        self._inner = inner
        self.seen: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.name = inner.name
        self.threshold_of = inner.threshold_of
        self.prepare = inner.prepare
        self.close = inner.close

    def infer(self, prepared: Prepared) -> list[Detection]:
        detections = self._inner.infer(prepared)
        self.seen[prepared.frame.camera] += 1
        self.found[prepared.frame.camera] += len(detections)
        return detections


class Run:
    """A pipeline that runs, and what is told of it."""

    def __init__(self, cameras: list[Camera], detector: CountingDetector, **bounds: object) -> None:
        self.detector = detector
        self.states: list[tuple[str, str]] = []
        self.causes: dict[tuple[str, str], str] = {}
        self.blocked: list[CameraBlockedError] = []
        self.deaths: list[BaseException] = []
        health = Health(CLOCK)
        health.listen(self._told)
        watch = CameraWatch(health, self.blocked.append, **bounds)  # type: ignore[arg-type]
        ids = iter(range(10**9))
        self.pipeline = Pipeline(
            cameras,
            detector,
            lambda name: LifeCycle(name, "boot", TrackSettings(), detector.threshold_of, lambda: str(next(ids))),
            self._submit,
            self.deaths.append,
            health,
            watch=watch,
        )
        self.outcomes: list[Outcome] = []

    def _told(self, condition: Condition) -> None:
        self.states.append((condition.name, condition.state))
        self.causes[condition.name, condition.state] = condition.cause

    def _submit(self, outcome: Outcome) -> None:
        self.outcomes.append(outcome)

    def states_of(self, camera: str) -> list[str]:
        return [state for name, state in self.states if name == camera]

    def is_now(self, camera: str, state: str) -> Callable[[], bool]:
        return lambda: self.states_of(camera)[-1:] == [state]

    def sees(self, camera: str, more: int = 5) -> Callable[[], bool]:
        wanted = self.detector.seen[camera] + more
        return lambda: self.detector.seen[camera] >= wanted


Start = Callable[..., Run]


@pytest.fixture(scope="module")
def detector(models_dir: Path) -> Iterator[TfliteDetector]:
    loaded = tflite.load("ssd_mobilenet_v2_oid", models_dir, threads=1, keep_score=0.6)
    yield loaded
    loaded.close()


@pytest.fixture(scope="module")
def video(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "street.mkv"
    lengthen(samples / "bikes.mp4", path, 12)
    return path


@pytest.fixture
def start(detector: TfliteDetector) -> Iterator[Start]:
    runs = []

    def begin(*cameras: Camera, **bounds: object) -> Run:
        run = Run(list(cameras), CountingDetector(detector), **bounds)
        runs.append(run)
        run.pipeline.start()
        return run

    yield begin
    for run in runs:
        run.pipeline.stop()
        assert run.deaths == []


def loop(samples: Path) -> FileCamera:
    return FileCamera("loop", samples / "bikes.mp4", CLOCK, realtime=True, loop=True)


def street(address: str) -> StreamCamera:
    return StreamCamera("street", address, CLOCK, open_limit_s=2, read_limit_s=1.5)


def test_a_killed_rtsp_server_and_the_other_camera_goes_on(video: Path, samples: Path, start: Start) -> None:
    with RtspServer(video) as server:
        run = start(street(server.address), loop(samples))
        until(run.sees("street", 20), 20, "recognition of both")
        assert run.states_of("street") == ["running"]
        server.kill()
        until(run.is_now("street", "failed"), 5, "the state failed")
        until(run.sees("loop", 30), 20, "recognition of the other camera meanwhile")
        server.start()
        until(run.is_now("street", "running"), 30, "the return of the first")
        until(run.sees("street", 20), 20, "recognition of the first again")
        assert run.states_of("street") == ["running", "failed", "running"]
        assert run.states_of("loop") == ["running"]
        assert "rtsp://127.0.0.1" in run.causes["street", "failed"]
        assert run.detector.found["street"] > 0
        assert run.detector.found["loop"] > 0


@pytest.mark.parametrize("remedy", ["go on", "restart"])
def test_a_hanging_rtsp_server_is_stalled_and_comes_back(video: Path, samples: Path, start: Start, remedy: str) -> None:
    with RtspServer(video) as server:
        run = start(street(server.address), loop(samples))
        until(run.sees("street"), 20, "recognition of both")
        server.hang()
        begin_s = time.monotonic()
        until(lambda: "stalled" in run.states_of("street"), 5, "the state stalled")
        assert time.monotonic() - begin_s < 3.5, "silence of 1.5 s, and what was on its way"
        until(run.sees("loop", 20), 20, "recognition of the other camera meanwhile")
        if remedy == "go on":
            server.go_on()
        else:
            server.kill()
            server.start()
        until(run.is_now("street", "running"), 30, "its return")
        until(run.sees("street", 10), 20, "recognition of it again")
        assert run.states_of("loop") == ["running"]


class SilentCamera(WrappedCamera):
    """Gives nothing more after its first frames, and no error, until it is opened again."""

    def __init__(self, camera: Camera, frames: int) -> None:
        super().__init__(camera)
        self._left = self._frames = frames
        self.openings = 0

    def open(self) -> None:
        self.openings += 1
        self._left = self._frames
        super().open()

    def read(self, timeout_s: float) -> Frame | None:
        if self._left == 0:
            time.sleep(min(timeout_s, 0.05))
            return None
        self._left -= 1
        return super().read(timeout_s)


def test_silence_without_an_error_is_mended_by_opening_again(start: Start) -> None:
    camera = SilentCamera(PatternCamera("door", CLOCK, fps=20, size=(320, 240)), 10)
    run = start(camera, stall_after_s={"door": 1.0})
    until(lambda: camera.openings >= 3, 20, "two reopenings")
    assert run.states_of("door")[:4] == ["running", "stalled", "running", "stalled"]
    assert run.causes["door", "stalled"] == "camera door: no frame for 1 s, and no error"
    assert not run.blocked


class BlockingCamera(WrappedCamera):
    """Its driver does not return from the method that is named, until it is let go."""

    def __init__(self, camera: Camera, method: str) -> None:
        super().__init__(camera)
        self._method = method
        self.let_go = threading.Event()
        self.frames = 0

    def _maybe_block(self, method: str) -> None:
        if method == self._method:
            self.let_go.wait()

    def open(self) -> None:
        self._maybe_block("open")
        super().open()

    def read(self, timeout_s: float) -> Frame | None:
        self.frames += 1
        if self.frames > 5:
            self._maybe_block("read")
            if self._method == "close":
                raise CameraError("camera door: broken")
        return super().read(timeout_s)

    def close(self) -> None:
        self._maybe_block("close")
        super().close()


@pytest.mark.parametrize("method", ["open", "read", "close"])
def test_a_driver_that_does_not_return_is_told_once_and_the_other_goes_on(
    samples: Path, start: Start, method: str
) -> None:
    camera = BlockingCamera(PatternCamera("door", CLOCK, fps=20, size=(320, 240)), method)
    run = start(camera, loop(samples), stall_after_s={"door": 0.5}, blocked_after_s=1.5)
    until(lambda: run.blocked, 10, "the word that it blocks")
    assert run.blocked[0].camera == "door"
    expected = {"open": ["failed"], "read": ["running", "stalled", "failed"], "close": ["running", "failed"]}
    assert run.states_of("door") == expected[method]
    until(run.sees("loop", 10), 20, "recognition of the other camera meanwhile")
    assert len(run.blocked) == 1
    camera.let_go.set()


def test_the_pipeline_stops_though_a_driver_does_not_return(
    start: Start, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("edge.pipeline.CAPTURE_STOP_S", 0.5)
    camera = BlockingCamera(PatternCamera("door", CLOCK, fps=20, size=(320, 240)), "read")
    run = start(camera)
    until(lambda: camera.frames > 5, 10, "the block")
    begin_s = time.monotonic()
    run.pipeline.stop()
    assert time.monotonic() - begin_s < 3
    assert "camera left behind thread=camera-door" in caplog.text
    camera.let_go.set()


def test_a_result_is_owed_while_recognition_hangs(detector: TfliteDetector) -> None:
    class Hanging(CountingDetector):
        hang, let_go = threading.Event(), threading.Event()

        def infer(self, prepared: Prepared) -> list[Detection]:
            if self.hang.is_set():
                self.let_go.wait()
            return super().infer(prepared)

    hanging = Hanging(detector)
    run = Run([PatternCamera("door", CLOCK, fps=20, size=(320, 240))], hanging)
    run.pipeline.start()
    until(run.sees("door"), 10, "recognition")
    assert run.pipeline.owing_s < 1
    hanging.hang.set()
    until(lambda: run.pipeline.owing_s > 1, 10, "a result that is owed")
    hanging.hang.clear()
    hanging.let_go.set()
    until(lambda: run.pipeline.owing_s < 0.5, 10, "the result")
    run.pipeline.stop()
    assert run.deaths == []


def test_a_folder_without_pictures_is_a_camera_that_works(tmp_path: Path, start: Start) -> None:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    run = start(FolderCamera("inbox", inbox, CLOCK))
    until(run.is_now("inbox", "running"), 10, "the folder is watched")
    assert not run.detector.seen
