"""Servers of streams for the tests: GStreamer's for RTSP, as a process; one of Python's for MJPEG over HTTP."""

import contextlib
import io
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from PIL import Image

from edge.demo.broker import free_port

SYSTEM_PYTHON = "/usr/bin/python3"
SCRIPT = Path(__file__).with_name("rtsp_server.py")


def lengthen(source: Path, target: Path, times: int) -> None:
    """The same video again and again in one file, without decoding it."""
    with av.open(str(target), "w") as out:
        begin, stream = 0, None
        for _ in range(times):
            with av.open(str(source)) as container:
                original = container.streams.video[0]
                stream = stream or out.add_stream_from_template(original)
                for packet in container.demux(original):
                    if packet.size and packet.pts is not None and packet.dts is not None:
                        packet.pts, packet.dts, packet.stream = packet.pts + begin, packet.dts + begin, stream
                        out.mux(packet)
                begin += original.duration or 0


class RtspServer:
    """Serves a Matroska file with H.264 at its own pace, from its beginning to each client; runs while it is entered."""

    def __init__(self, video: Path, *credentials: str) -> None:
        self._video = video
        self._credentials = credentials
        self.port = free_port()
        self.address = f"rtsp://127.0.0.1:{self.port}/street"
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        command = [SYSTEM_PYTHON, str(SCRIPT), str(self.port), str(self._video), *self._credentials]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True)
        assert self._process.stdout is not None
        ready = self._process.stdout.readline()
        assert ready == "ready\n", "the RTSP server does not start: scripts/setup --dev installs what it needs"

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    def hang(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()


class MjpegServer:
    """`multipart/x-mixed-replace`, as web cameras give it; runs while it is entered.

    Args:
        picture: the JPEG of that number.
        fps: 0: as fast as it is taken.
        frames: then the connection ends.
    """

    def __init__(self, picture: Callable[[int], bytes], *, fps: float = 20, frames: int = 10**9) -> None:
        self.connections = 0
        self.sent = 0
        self.silent = threading.Event()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.connections += 1
                self.send_response(200)
                self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
                self.end_headers()
                try:
                    for number in range(frames):
                        data = picture(number)
                        head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                        self.wfile.write(head.encode() + data + b"\r\n")
                        outer.sent = number + 1
                        time.sleep(1 / fps if fps else 0)
                        while outer.silent.is_set() and not outer._closing:
                            time.sleep(0.02)
                except (BrokenPipeError, ConnectionResetError):
                    pass

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self._closing = False
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.address = f"http://127.0.0.1:{self._server.server_port}/video"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def sound_behind_video(path: Path, pictures: int, sound_s: int) -> bytes:
    """An MPEG transport stream whose video ends early: 25 pictures a second, beside sound that goes on."""
    with av.open(str(path), "w", format="mpegts") as out:
        video, sound = out.add_stream("mpeg1video", rate=25), out.add_stream("mp2", rate=44100)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        for number in range(pictures):
            out.mux(video.encode(av.VideoFrame.from_ndarray(np.full((48, 64, 3), number, np.uint8), format="rgb24")))
        out.mux(video.encode(None))
        for number in range(sound_s * 44100 // 1152):
            part = av.AudioFrame.from_ndarray(np.zeros((1, 2 * 1152), np.int16), format="s16", layout="stereo")
            part.sample_rate, part.pts = 44100, number * 1152
            out.mux(sound.encode(part))
    return path.read_bytes()


@contextmanager
def trickling(data: bytes, at_once_bytes: int) -> Iterator[str]:
    """The address of a server that gives the rest of the data bit by bit, in some seconds, and then ends the connection."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.wfile.write(data[:at_once_bytes])
                for begin in range(at_once_bytes, len(data), 1880):
                    self.wfile.write(data[begin : begin + 1880])
                    time.sleep(0.01)

        def log_message(self, *_: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/video"
        finally:
            server.shutdown()
            thread.join()


def jpeg(number: int, size: tuple[int, int] = (64, 48)) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, (number * 20 % 256, 0, 255)).save(out, "JPEG", quality=95)
    return out.getvalue()
