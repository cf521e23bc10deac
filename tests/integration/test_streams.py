"""Network streams against real servers: GStreamer's RTSP server, and MJPEG over HTTP."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from edge.camera.port import Frame
from edge.camera.stream import Login, StreamCamera, options_for
from edge.clips.copying import CopyTap
from edge.clock import SystemClock
from edge.demo.broker import free_port
from edge.errors import CameraError, CameraStalledError
from tests.streams import MjpegServer, RtspServer, jpeg, lengthen, sound_behind_video, trickling
from tests.support import until


@pytest.fixture(scope="module")
def video(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("video") / "street.mkv"
    lengthen(samples / "bikes.mp4", path, 6)
    return path


@pytest.fixture
def server(video: Path) -> Iterator[RtspServer]:
    with RtspServer(video) as running:
        yield running


def camera(address: str, **options: object) -> StreamCamera:
    settings = {"open_limit_s": 3.0, "read_limit_s": 1.0, **options}
    return StreamCamera("street", address, SystemClock(), **settings)  # type: ignore[arg-type]


def open_and_read(cam: StreamCamera) -> None:
    cam.open()
    cam.read(1)


def read(cam: StreamCamera, count: int) -> list[Frame]:
    frames = []
    for _ in range(count):
        frame = cam.read(0.5)
        assert frame is not None
        frames.append(frame)
    return frames


@pytest.mark.parametrize("transport", ["tcp", "udp"])
def test_rtsp(server: RtspServer, transport: str) -> None:
    cam = camera(server.address, transport=transport)
    cam.open()
    begin_s = time.monotonic()
    frames = read(cam, 40)
    took_s = time.monotonic() - begin_s
    cam.close()
    assert frames[0].size == (640, 272)
    assert frames[0].pixels.flags.c_contiguous
    assert frames[0].pixels.std() > 20
    numbers = [frame.sequence for frame in frames]
    assert numbers[0] == 0
    assert numbers[-20:] == list(range(numbers[-20], numbers[-20] + 20)), "what came while it was opened may be skipped"
    assert took_s > 0.6, "at the pace of the stream, 25 a second"


def test_it_can_be_opened_again(server: RtspServer) -> None:
    cam = camera(server.address)
    for _ in range(2):
        cam.open()
        assert read(cam, 3)[0].sequence == 0
        cam.close()
        cam.close()


def test_a_killed_server_is_an_error_and_a_new_one_serves(server: RtspServer) -> None:
    cam = camera(server.address)
    cam.open()
    read(cam, 5)
    server.kill()
    with pytest.raises(CameraError, match=r"street: rtsp://127\.0\.0\.1:\d+/street: (broke off|the other side)"):
        read(cam, 1000)
    cam.close()
    with pytest.raises(CameraError, match="cannot be opened: Connection refused"):
        cam.open()
    server.start()
    cam.open()
    read(cam, 5)
    cam.close()


def test_a_hanging_server_is_a_stall_within_the_bound(server: RtspServer) -> None:
    cam = camera(server.address)
    cam.open()
    read(cam, 5)
    server.hang()
    with pytest.raises(CameraStalledError, match="nothing came for 1 s"):
        read(cam, 1000)
    cam.close()
    begin_s = time.monotonic()
    with pytest.raises(CameraError, match="cannot be opened: no answer in 3 s"):
        cam.open()
    assert time.monotonic() - begin_s < 4
    server.go_on()
    cam.open()
    read(cam, 5)
    cam.close()


def test_an_address_from_which_nothing_comes_back() -> None:
    with pytest.raises(CameraError, match="cannot be opened: Connection refused"):
        camera(f"rtsp://127.0.0.1:{free_port()}/x").open()


def test_the_password_from_a_file_and_never_in_words(
    video: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "p w@/:?s3cret"
    file = tmp_path / "password"
    file.write_text(f"{secret}\nsecond line\n")
    said = []
    with RtspServer(video, "viewer", secret) as server:
        cam = camera(server.address, login=Login("viewer", str(file)))
        cam.open()
        read(cam, 3)
        cam.close()
        for address, login in (
            (server.address, Login()),
            (server.address.replace("//", "//viewer:s3cret@"), Login()),
            (server.address.replace("//", "//viewer:s3cret@") + "?pwd=s3cret", Login()),
        ):
            with pytest.raises(CameraError, match="401 Unauthorized") as caught:
                camera(address, login=login).open()
            error: BaseException | None = caught.value
            while error is not None:
                said.append(str(error) + repr(error))
                assert error.__cause__ is not None or error.__suppress_context__ or error.__context__ is None
                error = error.__cause__
    file.unlink()
    with pytest.raises(CameraError, match=r"password: No such file or directory \(write the password into it"):
        cam.open()
    printed = capfd.readouterr()
    everything = "\n".join([*said, caplog.text, printed.out, printed.err])
    assert "***@127.0.0.1" in everything
    assert "s3cret" not in everything
    assert "s3cret" not in repr(cam) + str(cam)


def test_mjpeg_over_http() -> None:
    with MjpegServer(lambda number: jpeg(number % 5 * 2)) as server:
        cam = camera(server.address)
        cam.open()
        frames = read(cam, 10)
        cam.close()
    assert frames[0].size == (64, 48)
    assert np.abs(frames[0].pixels[0, 0].astype(int) - (0, 0, 255)).max() <= 6
    assert len({tuple(frame.pixels[0, 0] // 16) for frame in frames}) == 5


def test_http_errors_silence_and_an_end() -> None:
    with MjpegServer(jpeg, frames=30) as server:
        cam = camera(server.address)
        cam.open()
        read(cam, 5)
        server.silent.set()
        with pytest.raises(CameraStalledError):
            read(cam, 100)
        cam.close()
        server.silent.clear()
        cam.open()
        with pytest.raises(CameraError, match=r"video: (broke off|the other side ended it)"):
            read(cam, 100)
        cam.close()


@pytest.mark.parametrize("tapped", [False, True])
def test_a_video_that_stops_while_its_sound_goes_on_does_not_block(tmp_path: Path, tapped: bool) -> None:
    data = sound_behind_video(tmp_path / "video.ts", pictures=25, sound_s=30)
    tap = CopyTap("street", lambda packet: None) if tapped else None
    with trickling(data, at_once_bytes=len(data) // 4) as address:
        cam = camera(address, tap=tap)
        cam.open()
        assert cam.read(0.1) is not None
        while cam.read(0.1) is not None:  # it would wait for a picture until the server ends, which is an error
            pass
        cam.close()


def test_a_backlog_is_skipped_and_the_newest_given() -> None:
    skipped = []
    with MjpegServer(jpeg, fps=100) as server:
        cam = camera(server.address)
        cam.open()
        while len(skipped) < 3 and not any(
            skipped
        ):  # a busy machine makes us wait, which looks as if nothing more were there
            last = read(cam, 20)[-1].sequence
            until(lambda last=last: server.sent - last > 130, 20, "a backlog")
            skipped.append(read(cam, 15)[-1].sequence - last > 80)
        cam.close()
    assert any(skipped), "15 pictures were given, the others counted"


def test_a_stream_may_not_lead_to_a_file_of_this_machine(tmp_path: Path, samples: Path) -> None:
    assert "file" not in options_for("http://x", "tcp")["protocol_whitelist"].split(",")
    playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile://{samples / 'bikes.mp4'}\n#EXT-X-ENDLIST\n"
    (tmp_path / "list.m3u8").write_text(playlist)
    import http.server
    import threading
    from functools import partial

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Quiet."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=tmp_path)) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        cam = camera(f"http://127.0.0.1:{server.server_port}/list.m3u8")
        with pytest.raises(CameraError):
            open_and_read(cam)
        cam.close()
        server.shutdown()
        thread.join()
