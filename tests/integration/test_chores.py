"""The workers that ship, on real pictures, models and databases."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.camera.port import Frame
from edge.chores.device import FOLDER, Rooms, add_device_workers, keep_still
from edge.chores.gallery import recognise_folder
from edge.chores.models import check_models
from edge.clock import Instant
from edge.health import Health
from edge.recognition.catalogue import find
from edge.store.events import EventStore
from edge.store.outbox import Outbox
from edge.store.port import Message
from edge.store.retention import Pruned
from edge.testing.clock import SimulatedClock
from edge.testing.work import device_state
from edge.work import Fail, Result, Retry, Run, StopReason, Success
from edge.work.data import Data
from edge.work.registry import Registry


@pytest.fixture
def make_run(data_dir: Path, models_dir: Path) -> Callable[..., Run]:
    data_dir.mkdir()

    def made(report: Callable[[Data], None] = lambda _: None, **values: Any) -> Run:
        context: Data = {"device": "porch", "quality": 80, "max_edge_px": 320}
        return Run(
            id="1",
            worker="test",
            input=values,
            data_dir=data_dir,
            models_dir=models_dir,
            report=report,
            context=context,
        )

    return made


def test_a_folder_is_recognised_once(make_run: Callable[..., Run], samples: Path, data_dir: Path) -> None:
    folder = samples / "pictures"
    assert recognise_folder(make_run(folder=str(folder))) == Success({"pictures": 3, "events": 3, "unreadable": 0})
    assert recognise_folder(make_run(folder=str(folder))) == Success({"pictures": 0, "events": 0, "unreadable": 0})
    events = EventStore(data_dir).newest(9)
    assert {event.camera for event in events} == {"gallery"}
    assert all(event.end_reason == "still" for event in events)
    picture = events[0].picture
    assert picture is not None
    assert max(picture.width_px, picture.height_px) == 320
    assert (data_dir / "pictures" / picture.path).stat().st_size == picture.size_bytes
    assert len(Outbox(data_dir).waiting(0, 99)) == 6


def test_a_stopped_run_goes_on_where_it_was(
    make_run: Callable[..., Run], samples: Path, tmp_path: Path, data_dir: Path
) -> None:
    folder = tmp_path / "gallery"
    shutil.copytree(samples / "pictures", folder)
    seen: list[Data] = []

    def stop_after_the_first(progress: Data) -> None:
        seen.append(progress)
        run.ask_to_stop(StopReason.BATTERY)

    run = make_run(stop_after_the_first, folder=str(folder), keep_pictures=False, camera="album")
    assert recognise_folder(run) == Retry("stopped")
    assert seen == [{"done": 1, "of": 3, "events": 1}]
    (folder / "broken.jpg").write_bytes(b"no picture")
    again = recognise_folder(make_run(folder=str(folder), keep_pictures=False, camera="album"))
    assert again == Success({"pictures": 3, "events": 2, "unreadable": 1})
    events = EventStore(data_dir).newest(9, camera="album")
    assert sorted(event.label for event in events) == ["Cat", "Coffee cup", "Person"]
    assert all(event.picture is None for event in events)


def test_a_picture_whose_name_is_no_text_is_left_out(
    make_run: Callable[..., Run], samples: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "gallery"
    shutil.copytree(samples / "pictures", folder)
    shutil.copy(folder / "chelsea.png", os.fsdecode(bytes(folder) + b"/caf\xe9.png"))
    done = recognise_folder(make_run(folder=str(folder), keep_pictures=False))
    assert done == Success({"pictures": 3, "events": 3, "unreadable": 0})
    assert r"caf\udce9.png' error=its name is not UTF-8" in caplog.text


def test_no_folder_and_no_model_fail(make_run: Callable[..., Run], samples: Path) -> None:
    assert recognise_folder(make_run(folder="/nowhere")) == Fail("folder '/nowhere': there is none")
    unknown = recognise_folder(make_run(folder=str(samples / "pictures"), model="guess"))
    assert isinstance(unknown, Fail)
    assert "model 'guess': not in the catalogue" in unknown.message


def test_models_are_checked_against_the_catalogue(
    make_run: Callable[..., Run], models_dir: Path, tmp_path: Path
) -> None:
    run = make_run()
    run.models_dir = tmp_path / "models"
    run.models_dir.mkdir()
    for asset in find("ssd_mobilenet_v2_oid").assets:
        shutil.copy(models_dir / asset.file, run.models_dir)
    sound = check_models(run)
    assert isinstance(sound, Success)
    assert sound.output == {"ok": ["ssd_mobilenet_v2_oid"], "differ": []}
    largest = max(run.models_dir.iterdir(), key=lambda path: path.stat().st_size)
    largest.write_bytes(largest.read_bytes()[:-1])
    assert check_models(run) == Success({"ok": [], "differ": ["ssd_mobilenet_v2_oid"]})


# --- those of the running program


class House:
    """What the workers of the running program work on."""

    def __init__(self, tmp_path: Path) -> None:
        self.clock = SimulatedClock()
        self.health = Health(self.clock)
        self.messages: list[Message] = []
        self.frames: dict[str, Frame] = {}
        self.registry = Registry()
        rooms = Rooms(
            clock=self.clock,
            cameras=["door", "yard"],
            newest=self.frames.get,
            conditions=self.health.conditions,
            device_state=lambda: device_state(self.clock.now()),
            publish=self.messages.append,
            today=lambda: 20_000,
            prune=lambda today: Pruned(events=(today or 0) - 19_000),
        )
        add_device_workers(self.registry, rooms)
        self._folder = tmp_path

    def see(self, camera: str) -> None:
        self.frames[camera] = Frame(camera, 0, np.zeros((48, 64, 3), np.uint8), self.clock.now())

    async def run(self, name: str, **values: Any) -> Result:
        run = Run(
            id="1", worker=name, input=values, data_dir=self._folder, models_dir=self._folder, report=lambda _: None
        )
        result: Any = self.registry.required(name).function(run)
        return await result


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def test_the_health_report(house: House) -> None:
    house.health.report("camera", "door", "running")
    house.health.report("camera", "yard", "failed", "no route to host")
    assert await house.run("health-report") == Success({"troubles": 1})
    (message,) = house.messages
    report = msgspec.json.decode(message.payload)
    assert message.topic == "report"
    assert report["troubles"] == ["camera yard failed: no route to host"]
    assert (report["power"], report["network"], report["clock_synchronised"]) == ("mains", "ethernet", True)


async def test_the_time_lapse(house: House, tmp_path: Path) -> None:
    assert await house.run("time-lapse") == Retry("no camera gives pictures now")
    house.see("yard")
    house.clock.advance(60)
    house.see("door")
    result = await house.run("time-lapse")
    assert isinstance(result, Success)
    (path,) = (tmp_path / FOLDER).glob("*/*/*.jpg")
    assert result.output == {"stills": [str(path)]}
    assert path.parts[-3] == "door", "what the yard showed a minute ago is not now"
    assert isinstance(await house.run("time-lapse", camera="attic"), Fail)


def test_the_oldest_stills_go(tmp_path: Path) -> None:
    frame = Frame("door", 0, np.zeros((48, 64, 3), np.uint8), Instant(1_700_000_000.0, 1.0))
    for day in range(3):
        for second in range(3):
            taken = Instant(1_700_000_000.0 + day * 86_400 + second, 1.0)
            keep_still(tmp_path, Frame("door", 0, frame.pixels, taken), keep=4)
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.glob("*/*.jpg"))
    assert len(left) == 4
    assert len(list(tmp_path.iterdir())) == 2, "a day without stills goes too"


async def test_retention(house: House) -> None:
    result = await house.run("retention")
    assert isinstance(result, Success)
    assert result.output["unfinished"] is False
