"""`edge bench web`: what people who look cost the recognition. The whole program as a process, with nobody and with a crowd, in turns.

`crowd_cpu_percent` is what the program spends beyond what its frames cost it when nobody looks: it holds on a busy machine too.

The crowd: ten viewers of the live view and fifty requests a second for pages, pictures and the interface, from this process.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import NamedTuple

import msgspec

from edge.bench.report import BenchReport, Figure
from edge.clock import SystemClock
from edge.config.writing import as_toml
from edge.demo.broker import free_port
from edge.errors import EdgeError
from edge.web.access import Access

VIEWERS, REQUESTS_PER_S = 10, 50
PATHS = (
    "/",
    "/events",
    "/work",
    "/device",
    "/api/v1/events",
    "/api/v1/state",
    "/api/v1/works",
    "/cameras/bench/now.jpg",
    "/metrics",
    "/healthz",
)
RATIO_BOUND, LEFT_MB_BOUND = 0.95, 10.0
START_S, REST_S, WARM_UP_S, REQUEST_S = 120.0, 5.0, 10.0, 20.0


@dataclass(slots=True)
class Crowd:
    """What was answered."""

    refused: int = 0
    pictures: int = 0
    took_ms: list[float] = field(default_factory=list)


class Stretch(NamedTuple):
    """What the program did in it, and spent."""

    frames: int
    cpu_s: float
    took_s: float
    crowd: Crowd

    @property
    def rate(self) -> float:
        return self.frames / self.took_s


class _State(msgspec.Struct):
    frames: int


class Device:
    """The running program, as somebody with a token sees it."""

    def __init__(self, port: int, token: str, pid: int) -> None:
        self.port = port
        self.token = token
        self._pid = pid

    def frames(self) -> int:
        return msgspec.json.decode(self.get("/api/v1/state"), type=_State).frames

    def get(self, path: str) -> bytes:
        """Asks again while the crowd has all places. Raises OSError."""
        deadline_s = time.monotonic() + REQUEST_S
        while True:
            with closing(HTTPConnection("127.0.0.1", self.port, timeout=REQUEST_S)) as connection:
                connection.request("GET", path, headers={"Authorization": f"Bearer {self.token}"})
                response = connection.getresponse()
                if response.status == 200 or time.monotonic() > deadline_s:
                    return response.read()
            time.sleep(0.1)

    def cpu_s(self) -> float:
        """Processor time of the program so far, all threads."""
        fields = Path(f"/proc/{self._pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_mb(self) -> float:
        """Resident, without the pages of programs and libraries."""
        lines = Path(f"/proc/{self._pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("Pss_Anon:")) / 1024


def run(
    models_dir: Path, video: Path, parent: Path, *, rounds: int, seconds: float, model: str, threads: int
) -> BenchReport:
    """Measure with nobody and with the crowd, `rounds` times, in changing order.

    Args:
        video: what the camera sees, over and over.
        seconds: of each, in a round.
    """
    with _device(models_dir, video, parent, model, threads) as device:
        time.sleep(WARM_UP_S)
        memory_mb = [device.memory_mb()]
        # The first who comes has templates loaded and the like; what they take stays.
        _measure(device, min(seconds, WARM_UP_S), crowded=True)
        time.sleep(REST_S)
        memory_mb.append(device.memory_mb())
        stretches: dict[bool, list[Stretch]] = {False: [], True: []}
        for number in range(rounds):
            for crowded in (False, True) if number % 2 == 0 else (True, False):
                stretches[crowded].append(_measure(device, seconds, crowded=crowded))
        time.sleep(REST_S)
        memory_mb.append(device.memory_mb())
    return _report(stretches[False], stretches[True], memory_mb, seconds)


def _report(alone: list[Stretch], beside: list[Stretch], memory_mb: list[float], seconds: float) -> BenchReport:
    frame_cpu_s = sum(each.cpu_s for each in alone) / max(1, sum(each.frames for each in alone))
    crowd_cpu_s = sum(each.cpu_s - each.frames * frame_cpu_s for each in beside)
    ratio = sum(each.rate for each in beside) / max(1e-6, sum(each.rate for each in alone))
    total_s = seconds * len(beside)
    took_ms = sorted(took for each in beside for took in each.crowd.took_ms)
    rates = {
        "nobody": [round(each.rate, 1) for each in alone],
        "crowd": [round(each.rate, 1) for each in beside],
    }
    return BenchReport(
        "web",
        [
            Figure.of("frame_rate_ratio", ratio, "times", "higher", RATIO_BOUND),
            Figure.of("crowd_cpu_percent", crowd_cpu_s / total_s * 100, "of one core", "lower"),
            Figure.of("memory_left_mb", memory_mb[2] - memory_mb[1], "MB", "lower", LEFT_MB_BOUND),
            Figure.of("requests_per_s", len(took_ms) / total_s, "1/s", "higher"),
            Figure.of("answer_p99_ms", took_ms[int(len(took_ms) * 0.99)] if took_ms else 0.0, "ms", "lower"),
            Figure.of("viewer_fps", sum(each.crowd.pictures for each in beside) / VIEWERS / total_s, "1/s", "higher"),
        ],
        {
            "frames_per_s": rates,
            "memory_mb": dict(
                zip(
                    ("before anybody", "after the first", "at the end"), (round(mb, 1) for mb in memory_mb), strict=True
                )
            ),
            "refused": sum(each.crowd.refused for each in beside),
            "crowd": f"{VIEWERS} viewers, {REQUESTS_PER_S} requests a second, {len(beside)} times {seconds:g} s",
        },
    )


def _measure(device: Device, seconds: float, *, crowded: bool) -> Stretch:
    crowd, frames, cpu_s, begin_s = Crowd(), device.frames(), device.cpu_s(), time.monotonic()
    if crowded:
        asyncio.run(_look(device, seconds, crowd))
    else:
        time.sleep(seconds)
    return Stretch(device.frames() - frames, device.cpu_s() - cpu_s, time.monotonic() - begin_s, crowd)


async def _look(device: Device, seconds: float, crowd: Crowd) -> None:
    tasks = [asyncio.create_task(_watch(device, crowd)) for _ in range(VIEWERS)]
    begin_s = time.monotonic()
    for number in range(int(seconds * REQUESTS_PER_S)):
        await asyncio.sleep(max(0.0, begin_s + number / REQUESTS_PER_S - time.monotonic()))
        tasks.append(asyncio.create_task(_ask(device, PATHS[number % len(PATHS)], crowd)))
    await asyncio.sleep(max(0.0, begin_s + seconds - time.monotonic()))
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _ask(device: Device, path: str, crowd: Crowd) -> None:
    begin_s = time.monotonic()
    async with _requested(device, path) as reader:
        status = int((await reader.readline()).split()[1])
        while await reader.read(65_536):
            pass
    crowd.refused += status >= 400
    crowd.took_ms.append((time.monotonic() - begin_s) * 1000)


async def _watch(device: Device, crowd: Crowd) -> None:
    async with _requested(device, "/cameras/bench/live") as reader:
        while line := await reader.readline():
            crowd.pictures += line.startswith(b"--edge-frame")


class _requested:  # noqa: N801 - used as a function is
    """A request on a connection of its own; the reader of its answer."""

    def __init__(self, device: Device, path: str) -> None:
        self._device = device
        self._path = path

    async def __aenter__(self) -> asyncio.StreamReader:
        reader, self._writer = await asyncio.open_connection("127.0.0.1", self._device.port, limit=2**20)
        head = f"GET {self._path} HTTP/1.1\r\nHost: bench\r\nConnection: close\r\nAuthorization: Bearer {self._device.token}\r\n\r\n"
        self._writer.write(head.encode())
        return reader

    async def __aexit__(self, *error: object) -> None:
        self._writer.close()
        with suppress(OSError):
            await self._writer.wait_closed()


@contextmanager
def _device(models_dir: Path, video: Path, parent: Path, model: str, threads: int) -> Iterator[Device]:
    with tempfile.TemporaryDirectory(prefix="bench-", dir=parent) as folder:
        data, port = Path(folder) / "data", free_port()
        token = Access(data, SystemClock()).add_token("bench", "view")
        sections = {
            "paths": {"data": str(data), "models": str(models_dir)},
            "detector": {"model": model, "threads": threads, "accelerator": "cpu"},
            "camera": [{"name": "bench", "source": f"file:{video}", "loop": True, "motion": False}],
            "clips": {"mode": "off"},
            "web": {"host": "127.0.0.1", "port": port},
        }
        file = Path(folder) / "edge.toml"
        file.write_text(as_toml(sections), encoding="utf-8")
        process = subprocess.Popen(
            [sys.executable, "-m", "edge", "--log-level", "warning", "run", "--config", str(file)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        try:
            device = Device(port, token, process.pid)
            _wait(device, process)
            yield device
        finally:
            process.terminate()
            process.wait()


def _wait(device: Device, process: "subprocess.Popen[bytes]") -> None:
    deadline_s = time.monotonic() + START_S
    while time.monotonic() < deadline_s and process.poll() is None:
        with suppress(OSError, msgspec.MsgspecError):
            if device.frames():
                return
        time.sleep(0.2)
    raise EdgeError("bench web: the program did not start", hint="its log above says why")
