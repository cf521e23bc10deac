"""Packets of network streams are copied into clips as they came."""

import json
import subprocess
from pathlib import Path

import av
import pytest

from edge.camera.opening import make_camera
from edge.camera.stream import StreamCamera
from edge.clips.copying import CopyTap
from edge.clips.h264 import split_lengths
from edge.clips.note import ClipNote
from edge.clips.packets import Packet
from edge.clips.ring import Ring
from edge.clips.room import mode_of
from edge.clips.writer import ClipWriter
from edge.clock import Instant, SystemClock
from edge.config import Camera, Clips
from edge.store.clips import ClipFolder
from edge.store.stills import StillLedger
from tests.streams import MjpegServer, RtspServer, jpeg, lengthen

PICTURE, IDR = 1, 5


@pytest.fixture(scope="module")
def video(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "street.mkv"
    lengthen(samples / "bikes.mp4", path, 3)
    return path


def pictures_of(units: list[bytes]) -> list[bytes]:
    """What is a picture: parameter sets and remarks may be repeated by a server."""
    return [unit for unit in units if unit[0] & 31 in (PICTURE, IDR)]


def slices_of_file(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        packets = [bytes(packet) for packet in container.demux(video=0) if packet.size]
    return [unit for data in packets for unit in pictures_of(list(split_lengths(data, 4)))]


def read(camera: StreamCamera, count: int) -> None:
    for _ in range(count):
        assert camera.read(1) is not None


def test_every_byte_of_a_picture_is_the_servers(video: Path, data_dir: Path) -> None:
    ring = Ring(60, 1 << 24)
    tap = CopyTap("street", ring.put)
    with RtspServer(video) as server:
        camera = StreamCamera("street", server.address, SystemClock(), tap=tap)
        camera.open()
        read(camera, 120)
        assert tap.copying
        camera.close()
        ring.stop()
        _, before = ring.after(0)
        camera.open()
        read(camera, 10)
        camera.close()
    _, after = ring.after(0)
    assert after[0].boot_s > before[-1].boot_s, "another opening, the same packets anew, later"
    sent = slices_of_file(video)
    got = [unit for packet in before for unit in pictures_of(list(split_lengths(packet.data, 4)))]
    assert len(got) >= 100
    begin = sent.index(got[0])
    assert got == sent[begin : begin + len(got)]
    check_clip(before, data_dir)


def check_clip(packets: list[Packet], data_dir: Path) -> None:
    """It plays whole, at the pace of the stream, and has the bytes that were copied."""
    folder = ClipFolder(data_dir)
    note = ClipNote(
        id="01a1fc80-0f56-7000-9f4a-808097882ed7", camera="street", trigger="command",
        started=Instant(0, packets[0].boot_s), boot_id="b", events=(),
    )  # fmt: skip
    writer = ClipWriter(folder, note, packets[0].format)
    writer.write(packets)
    clip = writer.finish()
    assert clip is not None
    command = ["ffprobe", "-v", "error", "-count_frames", "-show_streams", "-show_format", "-of", "json"]
    done = subprocess.run([*command, folder.path_of(clip.id)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    (stream,) = json.loads(done.stdout)["streams"]
    assert (int(stream["nb_read_frames"]), stream["width"], stream["height"]) == (len(packets), 640, 272)
    assert clip.duration_s == pytest.approx(len(packets) / 25, rel=0.1)
    with av.open(str(folder.path_of(clip.id))) as container:
        assert [bytes(each) for each in container.demux(video=0) if each.size] == [packet.data for packet in packets]


def test_what_is_no_h264_is_not_copied() -> None:
    ring = Ring(60, 1 << 24)
    tap = CopyTap("street", ring.put)
    with MjpegServer(jpeg) as server:
        camera = StreamCamera("street", server.address, SystemClock(), tap=tap)
        camera.open()
        read(camera, 5)
        camera.close()
    assert not tap.copying
    assert ring.after(0)[1] == []


def test_packets_of_a_camera_with_privacy_masks_are_never_seen(video: Path, data_dir: Path) -> None:
    ring = Ring(60, 1 << 24)
    square = ((0.1, 0.1), (0.9, 0.1), (0.9, 0.9))
    with RtspServer(video) as server:
        section = Camera(name="street", source=server.address, privacy=(square,))
        camera = make_camera(section, SystemClock(), StillLedger(data_dir), tap=CopyTap("street", ring.put))
        camera.open()
        assert camera.read(1) is not None
        camera.close()
    assert ring.after(0)[1] == []
    assert mode_of(section, Clips(mode="copy")) == "off"
    assert mode_of(section, Clips(mode="encode")) == "encode"


@pytest.mark.parametrize(
    ("source", "own", "mode", "expected"),
    [
        ("rtsp://a/b", None, "copy", "copy"),
        ("rtsp://a/b", "off", "copy", "off"),
        ("v4l2:a", None, "copy", "off"),
        ("v4l2:a", "encode", "off", "encode"),
        ("test:", None, "encode", "encode"),
        ("folder:a", "encode", "encode", "off"),
    ],
)
def test_the_mode_of_a_camera(source: str, own: str | None, mode: str, expected: str) -> None:
    section = Camera(name="a", source=source, clips=own)  # type: ignore[arg-type]
    assert mode_of(section, Clips(mode=mode)) == expected  # type: ignore[arg-type]
