"""Second looks with real models at real pictures, and the thread that they run in."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from edge import config
from edge.camera.port import Frame
from edge.clock import Instant, SystemClock
from edge.errors import ConfigError, DetectorError
from edge.events.keeper import Keeper
from edge.events.lifecycle import LifeCycle
from edge.events.looks import QUEUE, LookThread
from edge.events.port import LookRequest, LookResult
from edge.events.tracks import TrackSettings
from edge.geometry import WHOLE, Box
from edge.health import Health
from edge.ids import IdSource
from edge.pictures import read_picture
from edge.pipeline import Pipeline
from edge.recognition import tflite
from edge.recognition.port import NOTHING, Detection, Detector, Insight, detect
from edge.recognition.second_look import SecondLook
from edge.store.events import EventStore
from edge.testing.camera import MemoryCamera
from tests.support import until

LABELS = ("Dog", "Cat", "Person", "Bird")


def fail(error: BaseException) -> None:
    raise AssertionError("a thread died") from error


def second_look(shared: Path, model: str, threshold: float = 0.4) -> SecondLook:
    return SecondLook([config.SecondLook(labels=LABELS, model=model, threshold=threshold)], LABELS, shared / "models")


@pytest.fixture(scope="module")
def detector(models_dir: Path) -> Detector:
    return tflite.load("ssd_mobilenet_v2_oid", models_dir)


def found_in(detector: Detector, picture: Path) -> list[Detection]:
    return detect(detector, Frame("test", 0, read_picture(picture), Instant(0, 0)))


def test_the_dogs_have_breeds(detector: Detector, shared: Path) -> None:
    picture, under_test = shared / "pictures" / "pets.jpg", second_look(shared, "mobilenet_v2_imagenet")
    looks = {
        found.box.centre[0] > 0.5: under_test.look(read_picture(picture), found.label, found.box)
        for found in found_in(detector, picture)
    }
    assert looks[False].sub_label == "Italian greyhound"
    assert looks[True].sub_label == "Boston bull, Boston terrier"
    assert looks[True].sub_score == pytest.approx(0.7, abs=0.1)


def test_the_parrot_is_a_scarlet_macaw(shared: Path) -> None:
    pixels = read_picture(shared / "pictures" / "parrot.jpg")
    insight = second_look(shared, "mobilenet_v2_inat_birds").look(pixels, "Bird", Box(0.1, 0.1, 0.9, 0.9))
    assert insight.sub_label == "Ara macao (Scarlet Macaw)"
    assert insight.keypoints == ()


def test_a_look_below_its_threshold_finds_nothing(shared: Path) -> None:
    pixels = read_picture(shared / "pictures" / "parrot.jpg")
    assert second_look(shared, "mobilenet_v2_inat_birds", 0.99).look(pixels, "Bird", WHOLE) == NOTHING


@pytest.mark.parametrize("picture", ["grace_hopper.png", "astronaut.png"])
def test_the_nose_is_in_the_head(detector: Detector, shared: Path, samples: Path, picture: str) -> None:
    path = next(
        folder / picture for folder in (shared / "pictures", samples / "pictures") if (folder / picture).exists()
    )
    (person,) = found_in(detector, path)
    insight = second_look(shared, "movenet_lightning", 0.3).look(read_picture(path), person.label, person.box)
    points = {point.name: point for point in insight.keypoints}
    nose, box = points["nose"], person.box
    assert box.left + box.width / 4 < nose.x < box.right - box.width / 4
    assert box.top < nose.y < box.top + box.height / 2
    assert points["right eye"].x < nose.x < points["left eye"].x, "the person's own left and right"
    shoulders = [points[name].y for name in ("left shoulder", "right shoulder") if name in points]
    assert max(points["left eye"].y, points["right eye"].y) < nose.y < min(shoulders)


def test_a_classifier_and_a_pose_together(detector: Detector, shared: Path) -> None:
    sections = [
        config.SecondLook(labels=("Person",), model="movenet_lightning", threshold=0.3),
        config.SecondLook(labels=("Person",), model="mobilenet_v2_imagenet", threshold=0.5),
    ]
    under_test = SecondLook(sections, LABELS, shared / "models")
    picture = shared / "pictures" / "grace_hopper.png"
    (person,) = found_in(detector, picture)
    insight = under_test.look(read_picture(picture), "Person", person.box)
    assert insight.sub_label == "military uniform"
    assert len(insight.keypoints) > 5
    assert not under_test.wants("Dog")


def test_a_model_that_does_not_look_at_parts(models_dir: Path) -> None:
    section = config.SecondLook(labels=("Dog",), model="ssd_mobilenet_v2_oid")
    with pytest.raises(ConfigError, match="ssd_mobilenet_v2_oid finds things in whole pictures"):
        SecondLook([section], LABELS, models_dir)


def test_a_label_that_the_detector_does_not_have(shared: Path) -> None:
    section = config.SecondLook(labels=("Dogg",), model="mobilenet_v2_imagenet")
    with pytest.raises(ConfigError, match="no label 'Dogg' \\(did you mean 'Dog'"):
        SecondLook([section], LABELS, shared / "models")


class Held:
    """A second look that waits until it is let go; it fails when `error` is set."""

    def __init__(self) -> None:
        self.begun, self.go = threading.Semaphore(0), threading.Semaphore(0)
        self.error: DetectorError | None = None

    def wants(self, label: str) -> bool:
        return True

    def look(self, pixels: object, label: str, box: Box) -> Insight:
        self.begun.release()
        self.go.acquire()
        if self.error is not None:
            raise self.error
        return Insight(label, 0.9)


def request(number: int) -> LookRequest:
    return LookRequest(f"id{number}", "Dog", WHOLE, Frame("cam", number, np.zeros((4, 4, 3), np.uint8), Instant(0, 0)))


@pytest.fixture
def held() -> Held:
    return Held()


@pytest.fixture
def results() -> list[LookResult]:
    return []


def test_asking_never_waits_and_the_newest_requests_win(held: Held, results: list[LookResult]) -> None:
    under_test = LookThread(held, fail)  # type: ignore[arg-type]
    under_test.start(results.append)
    under_test.ask(request(0))
    held.begun.acquire()
    for number in range(1, QUEUE + 4):
        under_test.ask(request(number))
    assert under_test.dropped == 3
    assert [(result.request.event, result.insight) for result in results] == [(f"id{n}", NOTHING) for n in (1, 2, 3)]
    held.go.release(QUEUE + 1)
    under_test.stop(5)
    assert [result.request.event for result in results[3:]] == ["id0", "id4", "id5", "id6", "id7"]
    assert len(results) == QUEUE + 4, "every request has one result"


def test_a_look_that_hangs_does_not_hold_up_the_stop(held: Held, results: list[LookResult]) -> None:
    under_test = LookThread(held, fail)  # type: ignore[arg-type]
    under_test.start(results.append)
    under_test.ask(request(0))
    under_test.stop(0.1)
    assert results == []
    held.go.release()
    until(lambda: results, 5, "the end of the look")


def test_a_model_that_fails_is_said_once_and_finds_nothing(
    held: Held, results: list[LookResult], caplog: pytest.LogCaptureFixture
) -> None:
    held.go.release(10)
    held.error = DetectorError("inference failed")
    under_test = LookThread(held, fail)  # type: ignore[arg-type]
    under_test.start(results.append)
    for number in range(3):
        under_test.ask(request(number))
    under_test.stop(5)
    assert [result.insight for result in results] == [NOTHING] * 3
    assert sum("second look failed" in message for message in caplog.messages) == 1


def test_the_whole_path_of_a_live_camera(detector: Detector, shared: Path, data_dir: Path) -> None:
    pixels = read_picture(shared / "pictures" / "pets.jpg")
    clock = SystemClock()
    keeper = Keeper(data_dir, "dev", config.Pictures(), lambda: None, fail)
    keeper.start()
    looks = LookThread(second_look(shared, "mobilenet_v2_imagenet"), fail)
    ids = IdSource(clock)
    make: Callable[[str], LifeCycle] = lambda name: LifeCycle(  # noqa: E731
        name, "boot", TrackSettings(), detector.threshold_of, ids.next, looks
    )
    pipeline = Pipeline(
        [MemoryCamera("yard", [pixels] * 12, start=clock.now())],
        detector, make, keeper.submit, fail, Health(clock), retry=False, looks=looks,
    )  # fmt: skip
    pipeline.start()
    until(lambda: not pipeline.running, 60, "the end")
    pipeline.stop()
    keeper.stop()
    events = EventStore(data_dir).newest(10)
    assert sorted(event.title for event in events) == ["Dog (Boston bull, Boston terrier)", "Dog (Italian greyhound)"]
    assert all(event.end_reason == "camera" and event.picture for event in events)
    assert {event.revision for event in events} <= {2, 3}, "at most one update between start and end"
