"""Clips on a real file system and store: what is in them, what a power cut or a full card leaves."""

import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from edge.camera.port import Frame
from edge.clips.encoder import SoftwareEncoder
from edge.clips.note import ClipNote
from edge.clips.packets import Packet
from edge.clips.recorder import Recorder
from edge.clips.recovery import recover
from edge.clips.ring import Ring
from edge.clips.source import RecordedCamera
from edge.clips.writer import ClipWriter
from edge.clock import Instant
from edge.config import Clips, Pictures
from edge.errors import ClipError
from edge.events.keeper import Keeper
from edge.events.port import Change, Outcome
from edge.geometry import Box
from edge.health import Health
from edge.ids import IdSource
from edge.store.clips import ClipFolder, ClipStore
from edge.store.events import EventStore
from edge.store.outbox import Outbox
from edge.store.port import Event, Record
from edge.store.removal import Remover
from edge.testing.camera import MemoryCamera
from edge.testing.clock import SimulatedClock
from tests.clip_pictures import numbered, numbers_in, packets
from tests.disks import small_card
from tests.support import until

NOTE = ClipNote(
    id="01a1fc80-0f56-7000-9f4a-808097882ed7", camera="door", trigger="button", started=Instant(1000, 10), boot_id="b", events=()
)  # fmt: skip


def fail(error: BaseException) -> None:
    raise AssertionError("a thread died") from error


def event(id_: str, started_s: float, seen_s: float, end_reason: str | None = None) -> Event:
    return Event(
        id=id_, camera="door", label="Car", score=0.8, box=Box(0.1, 0.1, 0.5, 0.5), started=Instant(1000 + started_s, started_s),
        seen=Instant(1000 + seen_s, seen_s), boot_id="simulated", revision=1 if end_reason is None else 2, end_reason=end_reason,  # type: ignore[arg-type]
    )  # fmt: skip


class Room:
    """A keeper and a recorder with one camera, whose clock goes as told. Runs while it is entered."""

    def __init__(self, data_dir: Path, settings: Clips | None = None, keep_s: float = 60, **options: Any) -> None:
        self.clock = SimulatedClock(wall_s=1100, boot_s=100)
        self.health = Health(self.clock)
        self.ring = Ring(keep_s, 1 << 24)
        self.keeper = Keeper(data_dir, "dev", Pictures(), lambda: None, fail)
        ids = IdSource(self.clock)
        self.recorder = Recorder(
            data_dir, "dev", settings or Clips(pre_s=2, post_s=1, max_s=20), {"door": self.ring}, self.clock, ids.next,
            self.keeper.submit_record, self.health, fail, **options,
        )  # fmt: skip

    def __enter__(self) -> "Room":
        self.keeper.start()
        self.recorder.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.recorder.stop()
        self.keeper.stop()

    def feed(self, some: list[Packet]) -> None:
        for packet in some:
            self.ring.put(packet)
            self.clock.advance(max(0.0, packet.boot_s - self.clock.now().boot_s))

    def happens(self, change: str, what: Event) -> None:
        outcome = Outcome([Change(change, what, None)])  # type: ignore[arg-type]
        self.keeper.submit(outcome)
        self.recorder.on_outcome(outcome)

    def state(self) -> str | None:
        return next((each.state for each in self.health.conditions() if each.part == "clips"), None)


def clips_in(data_dir: Path) -> list[Any]:
    store = ClipStore(data_dir)
    try:
        return store.newest(100)
    finally:
        store.close()


def probe(path: Path) -> dict[str, Any]:
    command = ["ffprobe", "-v", "error", "-of", "json", "-show_format", "-show_streams", "-count_frames", path]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_an_event_has_the_seconds_before_it_and_after(data_dir: Path) -> None:
    stream = packets(150)  # pictures 0 to 149, ten a second from 100 s on, a key each second
    with Room(data_dir) as room:
        room.feed(stream[:60])
        room.happens("started", event("e", 105.5, 105.9))
        room.feed(stream[60:80])
        room.happens("ended", event("e", 105.5, 108.0, "left"))
        room.feed(stream[80:])
        until(lambda: room.recorder.clips == 1, 5, "the clip")
    (clip,) = clips_in(data_dir)
    path = ClipFolder(data_dir).path_of(clip.id)
    assert numbers_in(path) == list(range(30, 90)), "from the key before 103.5 until 1 s after 108"
    assert (clip.camera, clip.trigger, clip.events, clip.boot_id) == ("door", "track", ("e",), "simulated")
    assert clip.started == pytest.approx((1103.0, 103.0))
    assert clip.duration_s == pytest.approx(6.0)
    assert clip.size_bytes == path.stat().st_size
    found = probe(path)
    (video,) = found["streams"]
    assert float(found["format"]["duration"]) == pytest.approx(6.0, abs=0.01)
    assert (video["codec_name"], video["width"], video["height"], video["nb_read_frames"]) == ("h264", 192, 64, "60")
    message = [json.loads(each.payload) for each in Outbox(data_dir).waiting(0, 10) if each.topic == "clips"]
    assert [(each["id"], each["events"], data_dir / each["path"], each["sha256"]) for each in message] == [
        (clip.id, ["e"], path, clip.sha256)
    ]
    import hashlib

    assert hashlib.sha256(path.read_bytes()).hexdigest() == clip.sha256
    assert room.state() == "running"


def test_a_button_and_events_together_are_one_clip(data_dir: Path) -> None:
    stream = packets(150)
    with Room(data_dir) as room:
        room.feed(stream[:50])
        (id_,) = room.recorder.trigger("door", "button")
        room.happens("started", event("e", 104.8, 105.0))
        room.happens("started", event("f", 104.9, 105.0))
        assert room.recorder.trigger(None, "command") == (id_,)
        room.happens("ended", event("f", 104.9, 105.0, "left"))
        room.feed(stream[50:80])
        room.happens("ended", event("e", 104.8, 107.0, "left"))
        room.feed(stream[80:])
        until(lambda: room.recorder.clips == 1, 5, "the clip")
    (clip,) = clips_in(data_dir)
    assert (clip.id, clip.trigger, clip.events) == (id_, "button", ("e", "f"))
    assert numbers_in(ClipFolder(data_dir).path_of(id_)) == list(range(20, 80))


def test_an_event_that_begins_while_the_end_is_being_written_is_in_the_clip(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream, room, sync = packets(150), Room(data_dir), os.fdatasync
    room.feed(stream)
    room.happens("started", event("e", 105.5, 105.9))
    room.happens("ended", event("e", 105.5, 108.0, "left"))

    def slow_sync(fd: int) -> None:
        monkeypatch.setattr(os, "fdatasync", sync)
        room.happens("started", event("f", 108.5, 109.0))
        room.happens("ended", event("f", 108.5, 110.0, "left"))
        sync(fd)

    monkeypatch.setattr(os, "fdatasync", slow_sync)
    with room:  # now it looks for the first time: all that the clip wants is there
        until(lambda: room.recorder.clips == 1, 5, "the clip")
    (clip,) = clips_in(data_dir)
    assert numbers_in(ClipFolder(data_dir).path_of(clip.id)) == list(range(30, 110)), "until 1 s after the second"
    assert clip.events == ("e", "f")


def test_an_event_that_goes_on_for_long_is_cut_and_the_stop_finishes_what_is_recorded(data_dir: Path) -> None:
    stream = packets(140)
    with Room(data_dir, Clips(pre_s=2, post_s=1, max_s=5)) as room:
        room.feed(stream[:50])
        room.happens("started", event("e", 104.0, 104.5))
        room.feed(stream[50:110])
        until(lambda: room.recorder.clips == 1, 5, "the first clip")
        room.happens("started", event("f", 110.0, 110.5))
        room.feed(stream[110:120])
    second, first = clips_in(data_dir)
    assert numbers_in(ClipFolder(data_dir).path_of(first.id)) == list(range(20, 70))
    assert numbers_in(ClipFolder(data_dir).path_of(second.id)) == list(range(80, 120))
    assert (first.events, second.events) == (("e",), ("f",))


@pytest.mark.parametrize("before", [0, 30], ids=["has just been started", "comes back"])
def test_a_clip_that_was_promised_waits_for_a_camera_that(data_dir: Path, before: int) -> None:
    stream = packets(150)
    with Room(data_dir) as room:
        room.feed(stream[:before])
        room.ring.stop()
        room.clock.advance(max(0.0, 110.0 - room.clock.now().boot_s))
        (promised,) = room.recorder.trigger("door", "command")
        time.sleep(0.2)  # the recorder has looked, and has found nothing
        room.feed(stream[102:])
        until(lambda: room.recorder.clips == 1, 5, "the clip")
    (clip,) = clips_in(data_dir)
    assert clip.id == promised
    assert numbers_in(ClipFolder(data_dir).path_of(clip.id)) == list(range(110, 120)), "a second from the first key"


def test_a_camera_that_gives_nothing_is_not_waited_for_without_end(
    data_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Room(data_dir) as room:
        room.recorder.trigger("door", "command")
        room.clock.advance(7.0)
        until(lambda: "nothing that could be copied came" in caplog.text, 5, "the end of the patience")
    assert clips_in(data_dir) == []


def test_what_is_not_wanted_or_disarmed_or_silent_is_not_recorded(data_dir: Path) -> None:
    armed = threading.Event()
    room = Room(data_dir, Clips(labels=("Person",)), armed=lambda camera, at: armed.is_set())
    with room:
        room.feed(packets(50))
        room.happens("started", event("e", 104.0, 104.5))
        with pytest.raises(ClipError, match="disarmed"):
            room.recorder.trigger("door", "button")
        armed.set()
        room.happens("started", event("f", 104.0, 104.5))
        room.clock.advance(3600)
        room.recorder.trigger("door", "button")
        with pytest.raises(ClipError, match="shed"):
            room.recorder.trigger("shed", "button")
    assert clips_in(data_dir) == []
    assert not list(data_dir.rglob("*.mp4*"))


def test_pictures_that_refer_to_later_ones_are_in_their_order(data_dir: Path) -> None:
    with Room(data_dir) as room:
        room.feed(packets(100, options={"bf": "2", "preset": "medium", "x264-params": "b-adapt=0"}))
        room.recorder.trigger("door", "button")
    (clip,) = clips_in(data_dir)
    numbers = numbers_in(ClipFolder(data_dir).path_of(clip.id))
    assert numbers == list(range(numbers[0], 100))


def test_a_torn_clip_is_finished_up_to_its_last_whole_fragment_whatever_its_length(data_dir: Path) -> None:
    stream, folder = packets(50), ClipFolder(data_dir)
    store = EventStore(data_dir)
    store.commit([Record((event("e1", 1, 2),))])
    writer = ClipWriter(folder, NOTE, stream[0].format)
    writer.link(["e1", "unknown"])
    writer.write(stream)
    whole = folder.part_of(NOTE.id).read_bytes()
    writer.abandon()
    assert not folder.unfinished()
    for length in [*range(0, len(whole), max(1, len(whole) // 40)), len(whole)]:
        folder.part_of(NOTE.id).write_bytes(whole[:length])
        clips = list(recover(folder, ClipStore(data_dir)))
        assert not folder.unfinished(), "nothing is left over"
        files = list(folder.finished())
        assert [clip.id for clip in clips] == [id_ for id_, _ in files]
        for clip, (_, path) in zip(clips, files, strict=True):
            assert numbers_in(path) == list(range(round(clip.duration_s * 10)))
            assert clip.events == ("e1",), "those that the database has"
            assert list(recover(folder, ClipStore(data_dir))) == [clip], "told again until the database knows it"
            path.unlink()
    assert clip.duration_s == 4.0, "the last two fragments of two seconds"
    store.commit([Record(clip=clip)])
    assert ClipStore(data_dir).of_event("e1") == [clip]


def test_files_of_others_are_left_alone(data_dir: Path) -> None:
    folder = ClipFolder(data_dir)
    other = folder.path_of(NOTE.id)
    other.parent.mkdir(parents=True)
    other.write_bytes(b"mine")
    assert list(recover(folder, ClipStore(data_dir))) == []
    assert other.read_bytes() == b"mine"


def test_clips_go_with_the_last_event_that_has_them(data_dir: Path) -> None:
    stream, folder, store = packets(50), ClipFolder(data_dir), EventStore(data_dir)
    store.commit([Record((event("e1", 1, 2, "left"), event("e2", 3, 4, "left")))])
    for number, events in enumerate((("e1", "e2"), ("e1",), ())):
        id_ = NOTE.id[:-1] + str(number)
        writer = ClipWriter(folder, msgspec.structs.replace(NOTE, id=id_, events=events), stream[0].format)
        writer.write(stream)
        store.commit([Record(clip=writer.finish())])
    remover = Remover(data_dir)
    every_byte = remover.total_bytes()
    assert every_byte == sum(path.stat().st_size for _, path in folder.finished())
    first, second = remover.oldest(10)
    remover.remove([first])
    remover.unlink(10)
    assert sorted(id_[-1] for id_, _ in folder.finished()) == ["0"], "the shared one; that of nobody was older"
    assert remover.total_bytes() == sum(path.stat().st_size for _, path in folder.finished()) < every_byte
    remover.remove([second])
    assert list(recover(folder, ClipStore(data_dir))) == [], "deleted, though its file is still there"
    remover.unlink(10)
    assert list(folder.finished()) == []
    assert remover.total_bytes() == 0


@pytest.fixture
def card(tmp_path: Path) -> Iterator[Path]:
    with small_card(tmp_path / "card", 8, "-O", "^has_journal") as folder:
        yield folder


def test_a_full_card_ends_the_clip_cleanly_and_it_goes_on_when_there_is_space(card: Path) -> None:
    data_dir = card / "data"
    stream = packets(300)
    with Room(data_dir) as room:
        room.feed(stream[:40])
        room.recorder.trigger("door", "button")
        until(lambda: list(data_dir.rglob("*.part")), 5, "the beginning of the clip")
        until(lambda: next(data_dir.rglob("*.part")).stat().st_size > 1500, 5, "the first fragment")
        ballast = card / "ballast"
        with ballast.open("wb", buffering=0) as file:
            try:
                while file.write(b"x" * 4096):
                    pass
            except OSError:
                pass
        room.recorder.trigger("door", "button")
        room.feed(_swollen(stream[40:100]))
        until(lambda: room.state() == "failed", 5, "the state")
        ballast.unlink()
        until(lambda: room.recorder.clips == 1, 5, "the clip as far as it goes")
        room.feed(stream[100:200])
        room.recorder.trigger("door", "button")
        room.feed(stream[200:])
        until(lambda: room.state() == "running", 5, "that it works again")
    second, first = clips_in(data_dir)
    folder = ClipFolder(data_dir)
    assert not folder.unfinished()
    numbers = numbers_in(folder.path_of(first.id))
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(numbers) >= 15
    assert len(numbers_in(folder.path_of(second.id))) >= 30


def _swollen(some: list[Packet]) -> list[Packet]:
    """With a unit of filler data in each, which players skip: more than the small card has in all."""
    from dataclasses import replace

    filler = b"\x0c" + b"\xff" * 4000 + b"\x80"
    return [replace(each, data=len(filler).to_bytes(4) + filler + each.data) for each in some]


def test_the_encoder_makes_what_a_browser_plays_and_drains_before_the_camera_is_closed(data_dir: Path) -> None:
    with Room(data_dir) as room:
        ring = room.ring
        encoder = SoftwareEncoder("door", ring.put, width_px=192, fps=10, failed=fail, unable=fail)
        encoder.start()
        pictures = [numbered(number, (384, 128)) for number in range(80)]
        camera = RecordedCamera(
            MemoryCamera("door", pictures, start=Instant(1100, 100), interval_s=0.1), ring, None, encoder
        )
        camera.open()
        while camera.read(1) is not None:
            pass
        camera.close()
        assert (encoder.encoded, encoder.dropped) == (80, 0), "one after the other, none left out, for what is not live"
        room.clock.advance(7)
        room.recorder.trigger("door", "command")
    (clip,) = clips_in(data_dir)
    path = ClipFolder(data_dir).path_of(clip.id)
    numbers = numbers_in(path)
    assert numbers == list(range(numbers[0], 80))
    assert numbers[0] <= 50 <= numbers[0] + 20, "the two seconds before, and what the key picture needs"
    (video,) = probe(path)["streams"]
    assert (video["width"], video["height"], video["pix_fmt"]) == (192, 64, "yuv420p")


def test_the_encoder_keeps_to_its_rate_and_follows_a_change_of_size(data_dir: Path) -> None:
    got: list[Packet] = []
    encoder = SoftwareEncoder("door", got.append, width_px=640, fps=5, failed=fail, unable=fail)
    encoder.start()
    small = np.zeros((90, 160, 3), np.uint8)
    for number in range(60):
        pixels = small if number < 30 else np.zeros((720, 1280, 3), np.uint8)
        encoder.offer(Frame("door", number, pixels, Instant(0, number / 30)), wait=True)
    encoder.drain()
    assert [len([each for each in got if each.format.size == size]) for size in ((160, 90), (640, 360))] == [5, 5]
    assert next(each.key for each in got if each.format.size == (640, 360))


def test_live_pictures_are_dropped_when_encoding_cannot_keep_up() -> None:
    got: list[Packet] = []
    slow = threading.Semaphore(0)

    def put(packet: Packet) -> None:
        slow.acquire(timeout=10)
        got.append(packet)

    encoder = SoftwareEncoder("door", put, width_px=64, fps=30, failed=fail, unable=fail)
    encoder.start()
    for number in range(30):
        encoder.offer(Frame("door", number, np.zeros((64, 64, 3), np.uint8), Instant(0, number / 10)), wait=False)
    slow.release(30)
    encoder.drain()
    assert encoder.encoded + encoder.dropped == 30
    assert encoder.encoded <= 3
    assert got[-1].boot_s == pytest.approx(2.9), "the newest"
