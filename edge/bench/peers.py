"""`edge bench peers`: ours beside the loop that people copy (`copied_loop`), on the same video with the same model and threads.

Each runs in a process of its own, in turn: once as fast as it goes, for frames and processor time, and once at the recorded pace, for the
time from decoded frame to received message. Ours does more meanwhile: it follows things, keeps pictures and rows on the disk, and publishes
at QoS 1.
"""

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from typing import Any, Literal

import msgspec

from edge.bench import copied_loop
from edge.bench.report import BenchReport, Figure
from edge.bench.rig import Rig, broker_and_folder
from edge.camera.file import FileCamera
from edge.camera.port import Frame
from edge.clock import SystemClock
from edge.errors import EdgeError
from edge.events.message import EventMessage
from edge.events.tracks import TrackSettings
from edge.mqtt.subscriber import Subscriber
from edge.recognition import tflite
from edge.recognition.catalogue import DEFAULT_DETECTOR

KEEP_SCORE = 0.6
RECEIVE_S = 10.0
UNITS = {"frames_per_s": "frames/s", "cpu_s_per_1000_frames": "s", "latency_ms": "ms"}
BETTER: dict[str, Literal["higher", "lower"]] = {
    "frames_per_s": "higher",
    "cpu_s_per_1000_frames": "lower",
    "latency_ms": "lower",
}


class Spent(msgspec.Struct):
    """What one pass over the video took. `latencies_s`: of each message, from the decoding of its frame to its arrival."""

    frames: int
    wall_s: float
    cpu_s: float
    latencies_s: list[float]


def run(video: Path, models: Path, parent: Path, *, rounds: int, threads: int) -> BenchReport:
    """Let both see the whole video, `rounds` times in turn."""
    measured: dict[str, list[dict[str, float]]] = {"ours": [], "loop": []}
    for _ in range(rounds):
        for who, results in measured.items():
            fast, paced = (_in_process(who, pace, video, models, parent, threads) for pace in ("fast", "realtime"))
            results.append(
                {
                    "frames_per_s": fast.frames / fast.wall_s,
                    "cpu_s_per_1000_frames": fast.cpu_s / fast.frames * 1000,
                    "latency_ms": median(paced.latencies_s) * 1000,
                }
            )
    ours, loop = ({key: median(each[key] for each in results) for key in UNITS} for results in measured.values())
    ratios = [Figure.of(f"{key}_ratio", ours[key] / loop[key], "of the loop", BETTER[key]) for key in UNITS]
    absolute = [
        Figure.of(f"{who}_{key}", values[key], UNITS[key], BETTER[key])
        for who, values in (("ours", ours), ("loop", loop))
        for key in UNITS
    ]
    details = {
        "video": video.name,
        "model": DEFAULT_DETECTOR,
        "threads": threads,
        "rounds": rounds,
        "measured": measured,
    }
    return BenchReport("peers", ratios + absolute, details)


def _in_process(who: str, pace: str, video: Path, models: Path, parent: Path, threads: int) -> Spent:
    command = [sys.executable, "-m", "edge.bench.peers", who, pace, *map(str, (video, models, parent, threads))]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EdgeError(f"bench peers: {who} ended with code {done.returncode}: {done.stderr.strip().splitlines()[-1]}")
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Spent)


class NotingCamera(FileCamera):
    """Notes when each frame left the decoder, by the time that the frame says it was taken."""

    def __init__(self, video: Path, *, realtime: bool) -> None:
        super().__init__("bench", video, SystemClock(), realtime=realtime)
        self.given_s: dict[float, float] = {}

    def read(self, timeout_s: float) -> Frame | None:
        frame = super().read(timeout_s)
        if frame is not None:
            self.given_s[frame.taken.boot_s] = time.monotonic()
        return frame


def ours(video: Path, models: Path, parent: Path, threads: int, *, realtime: bool) -> Spent:
    detector = tflite.load(DEFAULT_DETECTOR, models, threads=threads, keep_score=KEEP_SCORE)
    camera = NotingCamera(video, realtime=realtime)
    with broker_and_folder(parent) as (broker, data_dir):
        cpu_s = _cpu_s()
        with Rig(camera, detector, data_dir, broker, TrackSettings()) as rig:
            rig.wait()
            stats = rig.pipeline.stats
            wall_s, cpu_s = stats.last_result_s - stats.first_frame_s, _cpu_s() - cpu_s
    changes = [change for _, outcome in rig.outcomes for change in outcome.changes if change.kind == "started"]
    given_s = {change.event.id: camera.given_s[change.event.seen.boot_s] for change in changes}
    events = [(arrived_s, msgspec.json.decode(payload, type=EventMessage)) for arrived_s, payload in rig.received]
    latencies_s = [arrived_s - given_s[event.id] for arrived_s, event in events if event.type == "started"]
    return Spent(stats.frames + stats.dropped, wall_s, cpu_s, latencies_s)


def loop(video: Path, models: Path, parent: Path, threads: int, *, realtime: bool) -> Spent:
    detector = tflite.load(DEFAULT_DETECTOR, models, threads=threads)
    received: list[tuple[float, Any]] = []
    with (
        broker_and_folder(parent) as (broker, _),
        Subscriber(
            broker.host,
            broker.port,
            [copied_loop.TOPIC],
            lambda message: received.append((time.monotonic(), json.loads(message.payload))),
        ),
    ):
        begin_s, cpu_s = time.monotonic(), _cpu_s()
        frames, sent = copied_loop.run(video, detector, broker.host, broker.port, realtime=realtime)
        wall_s, cpu_s = time.monotonic() - begin_s, _cpu_s() - cpu_s
        deadline_s = time.monotonic() + RECEIVE_S
        while len(received) < sent and time.monotonic() < deadline_s:
            time.sleep(0.01)
    return Spent(frames, wall_s, cpu_s, [arrived_s - body["given_s"] for arrived_s, body in received])


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(who: str, pace: str, video: str, models: str, parent: str, threads: str) -> None:
    """One pass in this process; prints a `Spent`."""
    measure = ours if who == "ours" else loop
    spent = measure(Path(video), Path(models), Path(parent), int(threads), realtime=pace == "realtime")
    print(msgspec.json.encode(spent).decode())


if __name__ == "__main__":
    main(*sys.argv[1:])
