"""`edge bench isolates`: does recognition go on at its speed while a heavy work goes wrong beside it?

A busy process slows its neighbours by sharing caches and, on many machines, cores: no priority changes that. So each kind is compared
with as many busy processes of the same priority that are no business of the daemon's: what is left is what watching and reading costs.
"""

import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

from edge.bench.hostile import KINDS
from edge.bench.report import BenchReport, Figure
from edge.camera.port import Frame
from edge.clock import Instant
from edge.pictures import read_picture
from edge.recognition.port import Detector, detect
from edge.work.heavy import HeavyRun
from edge.work.messages import Begin
from edge.work.request import MIN_BACKOFF_S
from edge.work.states import StopReason

BOUND = 0.95
MEMORY_MB = 96
START_S = 0.5
"""Until a process has started; imports are not what is measured."""


class Beside:
    """A hostile work that is started again when it has ended, after the shortest back-off that there is."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._ending = threading.Event()
        self._run: HeavyRun | None = None
        self._thread = threading.Thread(target=self._again, name="hostile", daemon=True)
        self.runs = 0

    def __enter__(self) -> "Beside":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.set()
        if self._run is not None:
            self._run.ask_to_stop(StopReason.SHUTDOWN)
        self._thread.join()

    def _again(self) -> None:
        while not self._ending.is_set():
            begin = Begin(
                place=f"edge.bench.hostile:{self._kind}",
                worker=self._kind,
                id="bench",
                input={},
                attempt=0,
                tags=(),
                data_dir="/",
                models_dir="/",
                memory_mb=MEMORY_MB,
                nice=19,
            )
            self._run = HeavyRun(begin, time_limit_s=60.0, grace_s=0.2, report=lambda _: None)
            self._run.run()
            self.runs += 1
            self._ending.wait(MIN_BACKOFF_S)


class Strangers:
    """Busy processes of the least priority that nobody watches."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __enter__(self) -> "Strangers":
        command = [sys.executable, "-c", "import os\nos.nice(19)\nwhile True: pass"]
        self._processes = [subprocess.Popen(command) for _ in range(self._count)]
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


def run(detector: Detector, pictures: list[Path], *, rounds: int, seconds: float) -> BenchReport:
    """Each kind in turn, between two stretches beside strangers; the median over the rounds."""
    frame = Frame("bench", 0, read_picture(pictures[0]), Instant(0.0, 0.0))
    detect(detector, frame)
    ratios: dict[str, list[float]] = {kind: [] for kind in KINDS}
    runs = dict.fromkeys(KINDS, 0)
    alone = rate(detector, frame, seconds)
    for _ in range(rounds):
        for kind, busy in KINDS.items():
            before = _beside_strangers(busy, detector, frame, seconds)
            with Beside(kind) as beside:
                time.sleep(START_S)
                during = rate(detector, frame, seconds)
            ratios[kind].append(during / statistics.mean((before, _beside_strangers(busy, detector, frame, seconds))))
            runs[kind] += beside.runs
    one_stranger = _beside_strangers(1, detector, frame, seconds)
    medians = {kind: statistics.median(values) for kind, values in ratios.items()}
    return BenchReport(
        "isolates",
        [Figure.of("recognition_ratio", min(medians.values()), "", "higher", BOUND)],
        {
            "detector": detector.name,
            "by_kind": {kind: round(value, 3) for kind, value in medians.items()},
            "runs_that_ended": runs,
            "beside_one_stranger": round(one_stranger / alone, 3),
            "rounds": rounds,
        },
    )


def _beside_strangers(count: int, detector: Detector, frame: Frame, seconds: float) -> float:
    with Strangers(count):
        time.sleep(START_S if count else 0)
        return rate(detector, frame, seconds)


def rate(detector: Detector, frame: Frame, seconds: float) -> float:
    """Frames a second."""
    begin_s, count = time.perf_counter(), 0
    while (now_s := time.perf_counter()) - begin_s < seconds:
        detect(detector, frame)
        count += 1
    return count / (now_s - begin_s)
