"""The keeper on the real store: order of writing, a full disk, a killed program."""

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.camera.port import Frame
from edge.camera.still import Still
from edge.clock import Instant, local_day
from edge.config import Pictures
from edge.events.keeper import QUEUE, Keeper
from edge.events.port import Change, Outcome
from edge.geometry import Box
from edge.store.events import EventStore
from edge.store.outbox import Outbox
from edge.store.pictures import PictureFolder
from edge.store.port import Crossing, Event, Message, Record
from tests.disks import memory_disk
from tests.support import until


def fail(error: BaseException) -> None:
    raise AssertionError("the keeper died") from error


def keeper(data_dir: Path) -> Keeper:
    return Keeper(data_dir, "dev", Pictures(), lambda: None, fail)


def frame(number: int = 0, size: int = 64) -> Frame:
    pixels = np.random.default_rng(number).integers(0, 255, (size, size, 3), dtype=np.uint8)
    return Frame("door", number, pixels, Instant(1000, 10))


def event(id_: str, revision: int = 1, end_reason: str | None = None) -> Event:
    return Event(
        id=id_, camera="door", label="Car", score=0.8, box=Box(0.1, 0.1, 0.5, 0.5), started=Instant(1000, 10),
        seen=Instant(1001, 11), boot_id="boot", revision=revision, end_reason=end_reason,  # type: ignore[arg-type]
    )  # fmt: skip


def payloads(data_dir: Path) -> list[dict]:  # type: ignore[type-arg]
    return [json.loads(message.payload) for message in Outbox(data_dir).waiting(0, 1000)]


def test_picture_row_and_message_belong_together(data_dir: Path) -> None:
    under_test = keeper(data_dir)
    under_test.start()
    under_test.submit(Outcome([Change("started", event("a"), frame())]))
    under_test.submit(Outcome([Change("ended", event("a", 2, "left"), None)]))
    under_test.stop()
    (kept,) = EventStore(data_dir).newest(10)
    assert kept.picture is not None
    assert PictureFolder(data_dir).path_of(kept.picture).stat().st_size == kept.picture.size_bytes
    started, ended = payloads(data_dir)
    assert [started["type"], ended["type"]] == ["started", "ended"]
    assert started["picture"]["sha256"] == ended["picture"]["sha256"] == kept.picture.sha256
    assert (data_dir / ended["picture"]["path"]).exists()
    assert (started["ended_at"], ended["ended_at"]) == (None, "1970-01-01T00:16:41.000Z")
    assert (under_test.events, under_test.pictures, under_test.lost) == (1, 1, 0)


def test_things_in_one_frame_share_its_picture(data_dir: Path) -> None:
    under_test, shared = keeper(data_dir), frame()
    under_test.start()
    under_test.submit(Outcome([Change("started", event(name), shared) for name in "abc"]))
    under_test.stop()
    assert under_test.pictures == 1
    assert len({kept.picture for kept in EventStore(data_dir).newest(10)}) == 1


def test_a_large_picture_is_scaled_down(data_dir: Path) -> None:
    under_test = Keeper(data_dir, "dev", Pictures(max_edge_px=100), lambda: None, fail)
    under_test.start()
    under_test.submit(Outcome([Change("started", event("a"), frame(size=400))]))
    under_test.stop()
    (kept,) = EventStore(data_dir).newest(1)
    assert kept.picture is not None
    assert (kept.picture.width_px, kept.picture.height_px) == (100, 100)


def test_a_stored_picture_without_findings_is_done_too(data_dir: Path) -> None:
    under_test = keeper(data_dir)
    under_test.start()
    under_test.submit(Outcome([], ("gallery", Still("/a.jpg", 1, 2))))
    under_test.stop()
    from edge.store.stills import StillLedger

    assert StillLedger(data_dir).is_done("gallery", Still("/a.jpg", 1, 2))


def test_events_that_a_kill_left_open_are_ended_at_the_next_start(data_dir: Path) -> None:
    store = EventStore(data_dir)
    store.commit([Record((event("a"), event("b", 2, "left")))])
    under_test = keeper(data_dir)
    under_test.start()
    under_test.stop()
    assert {kept.id: (kept.revision, kept.end_reason) for kept in store.newest(10)} == {
        "a": (2, "interrupted"),
        "b": (2, "left"),
    }
    (message,) = payloads(data_dir)
    assert (message["id"], message["revision"], message["type"], message["end_reason"]) == (
        "a",
        2,
        "ended",
        "interrupted",
    )


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    with memory_disk(tmp_path / "small", "2m") as folder:
        yield folder


def test_a_full_disk_loses_nothing_and_is_over_when_there_is_space(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    under_test = keeper(small_disk)
    under_test.start()
    under_test.submit(Outcome([Change("started", event("first"), frame())]))
    until(lambda: Outbox(small_disk).count() == 1, 5, "the first event")
    ballast = small_disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        try:
            while file.write(b"x" * 4096):
                pass
        except OSError:
            pass
    for number in range(50):
        under_test.submit(Outcome([Change("started", event(f"e{number:02}"), frame(number))]))
    until(lambda: "store failed" in caplog.text, 10, "the report")
    assert "No space left" in caplog.text
    assert caplog.text.count("store failed what=picture") == 1, "said once, not for each event"
    ballast.unlink()
    until(lambda: EventStore(small_disk).count() == 51, 10, "the events that waited")
    under_test.submit(Outcome([Change("started", event("last"), frame(99))]))
    under_test.stop()
    assert under_test.lost == 0
    assert Outbox(small_disk).count() == 52
    (last,) = EventStore(small_disk).find("last")
    assert last.picture is not None, "pictures are kept again"
    folder = PictureFolder(small_disk)
    for kept in EventStore(small_disk).newest(100):
        assert kept.picture is None or folder.path_of(kept.picture).stat().st_size == kept.picture.size_bytes
    assert not list(small_disk.rglob("*.tmp"))


def test_an_update_between_start_and_end_keeps_the_picture(data_dir: Path) -> None:
    under_test = keeper(data_dir)
    under_test.start()
    under_test.submit(Outcome([Change("started", event("a"), frame())]))
    under_test.submit(Outcome([Change("updated", event("a", 2), None)]))
    under_test.submit(Outcome([Change("ended", event("a", 3, "left"), None)]))
    under_test.stop()
    messages = payloads(data_dir)
    assert [message["type"] for message in messages] == ["started", "updated", "ended"]
    assert len({message["picture"]["sha256"] for message in messages}) == 1
    assert (under_test.events, under_test.pictures) == (1, 1)


def test_a_message_never_waits_where_outcomes_do(data_dir: Path) -> None:
    under_test = keeper(data_dir)

    def submit() -> None:
        for number in range(QUEUE + 1):
            under_test.submit(Outcome([Change("started", event(f"{number:02}"), None)]))

    submitting = threading.Thread(target=submit, daemon=True)
    submitting.start()
    until(lambda: under_test.waiting == QUEUE, 5, "a full queue")
    telling = threading.Thread(target=under_test.submit_message, args=(Message("notices", b"{}"),), daemon=True)
    telling.start()
    telling.join(5)
    assert (telling.is_alive(), submitting.is_alive()) == (False, True)
    under_test.start()
    submitting.join(5)
    under_test.stop()
    topics = [message.topic for message in Outbox(data_dir).waiting(0, 99)]
    assert (topics.index("notices"), len(topics)) == (QUEUE, QUEUE + 2), "in the order of submitting"


def test_crossings_are_counted_by_day_and_published(data_dir: Path) -> None:
    under_test = keeper(data_dir)
    under_test.start()
    at = Instant(1_700_000_000.0, 5.0)
    for _ in range(2):
        under_test.submit(
            Outcome([], crossings=[Crossing("gate", "Person", "in"), Crossing("gate", "Car", "out")], at=at)
        )
    under_test.stop()
    counted = EventStore(data_dir).crossings("gate", local_day(at.wall_s))
    assert counted == {("Person", "in"): 2, ("Car", "out"): 2}
    waiting = Outbox(data_dir).waiting(0, 10)
    assert [message.topic for message in waiting] == ["counts/gate"] * 4
    assert json.loads(waiting[0].payload) == {
        "schema": 1, "device": "dev", "line": "gate", "label": "Person", "way": "in", "at": "2023-11-14T22:13:20.000Z",
    }  # fmt: skip
