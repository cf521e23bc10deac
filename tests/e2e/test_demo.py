"""The main job as a user starts it."""

import json
import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from edge.demo.broker import Broker, free_port
from edge.store.events import EventStore
from edge.store.pictures import PictureFolder
from tests.support import edge, environment, start_edge, until

pytestmark = pytest.mark.e2e


@pytest.fixture
def base(base_dir: Path, tmp_path: Path) -> Path:
    """Model and samples as set up, and a place for this demo's own events."""
    base = tmp_path / "base"
    base.mkdir()
    for name in ("models", "samples"):
        (base / name).symlink_to(base_dir / name)
    return base


def listen(port: int, log: Path) -> subprocess.Popen[bytes]:
    """A `mosquitto_sub` beside the demo, which waits until the broker is there."""
    loop = f"until mosquitto_sub -h 127.0.0.1 -p {port} -q 1 -t 'edge/+/events' -F '%j'; do sleep 0.05; done"
    with log.open("wb") as file:
        return subprocess.Popen(["sh", "-c", loop], stdout=file, stderr=subprocess.DEVNULL, start_new_session=True)


def test_one_pass_of_the_samples_reaches_every_subscriber(base: Path, tmp_path: Path) -> None:
    port = free_port()
    beside = listen(port, tmp_path / "sub.log")
    try:
        done = edge("--log-level", "warning", "demo", "--once", "--port", port, "--data", base)
    finally:
        os.killpg(beside.pid, signal.SIGKILL)
        beside.wait()
    assert done.returncode == 0, done.stderr
    summary = dict(line.split(maxsplit=1) for line in done.stdout.strip().splitlines()[-5:])
    frames = re.match(r"2\d\d recognised, 0 dropped, ([\d.]+) a second", summary["frames"])
    assert frames, summary
    assert float(frames[1]) > 1
    for label in ("Car", "Bicycle", "Person", "Cat", "Coffee cup"):
        assert label in summary["events"]
    sent, received = re.match(r"(\d+) sent, (\d+) received, 0 twice, 0 waiting", summary["messages"]).groups()  # type: ignore[union-attr]
    assert sent == received

    events = EventStore(base / "demo").newest(1000)
    assert int(sent) == sum(event.revision for event in events), "each revision is a message"
    assert all(event.end_reason is not None for event in events)
    folder = PictureFolder(base / "demo")
    assert all(event.picture and folder.path_of(event.picture).is_file() for event in events)
    by_camera = {event.camera: {e.label for e in events if e.camera == event.camera} for event in events}
    assert by_camera["pictures"] == {"Cat", "Person", "Coffee cup"}
    assert {"Car", "Bicycle", "Person"} <= by_camera["street"]

    heard = [json.loads(line) for line in (tmp_path / "sub.log").read_text().splitlines()]
    payloads = [json.loads(item["payload"]) for item in heard]
    assert {(p["id"], p["revision"]) for p in payloads} == {
        (event.id, n) for event in events for n in range(1, event.revision + 1)
    }


def test_it_runs_until_it_is_interrupted_and_ends_in_order(base: Path, tmp_path: Path) -> None:
    log = tmp_path / "demo.log"
    demo = start_edge("--log-level", "warning", "demo", "--data", base, log=log)
    try:
        until(lambda: "street     ▶" in log.read_text(), 60, "an event of the video")
        demo.send_signal(signal.SIGINT)
        assert demo.wait(30) == 0, log.read_text()
    finally:
        demo.kill()
        demo.wait()
    assert "frames    " in log.read_text()
    assert EventStore(base / "demo").open_events() == []


def test_the_broker_does_not_outlive_a_killed_demo(base: Path, tmp_path: Path) -> None:
    log, port = tmp_path / "demo.log", free_port()
    demo = start_edge("--log-level", "warning", "demo", "--port", port, "--data", base, log=log)
    try:
        until(lambda: "pictures   ◆" in log.read_text(), 60, "an event")
    finally:
        demo.kill()
        demo.wait()
    with until(lambda: _try_broker(tmp_path / "next", port), 10, "the port to be free"):
        pass


def _try_broker(folder: Path, port: int) -> Broker | None:
    from edge.errors import MqttError

    try:
        with Broker(folder, port) as broker:
            return broker
    except MqttError:
        return None


def test_a_port_in_use_is_one_line_and_a_code(base: Path, broker: Broker) -> None:
    done = edge("demo", "--once", "--port", broker.port, "--data", base)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith(f"edge: 127.0.0.1:{broker.port}: the port is in use (")
    assert "Traceback" not in done.stderr


def test_the_scripts_refuse_politely_without_the_packages(tmp_path: Path) -> None:
    """No mosquitto, no right to install: the missing packages are named and nothing is half done."""
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in ("bash", "dirname", "pwd", "tr", "id", "python3", "env", "grep", "cut", "cat", "sha256sum"):
        for folder in ("/usr/bin", "/bin"):
            if (Path(folder) / name).exists():
                (programs / name).symlink_to(Path(folder) / name)
                break
    (programs / "id").unlink()
    (programs / "id").write_text("#!/bin/sh\necho 1000\n")
    (programs / "id").chmod(0o755)
    project = tmp_path / "project"
    (project / "scripts").mkdir(parents=True)
    (project / "scripts" / "setup").write_bytes((Path(__file__).parents[2] / "scripts" / "setup").read_bytes())
    script = (project / "scripts" / "setup").read_text().replace(':/usr/sbin"', '"')  # where Debian hides mosquitto
    done = subprocess.run(
        ["bash", "-c", script, str(project / "scripts" / "setup")],
        capture_output=True,
        text=True,
        env={**environment(), "PATH": str(programs)},
        cwd=project,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert done.returncode == 1
    assert "these system packages are missing:" in done.stderr
    assert "mosquitto mosquitto-clients" in done.stderr
    assert "sudo apt-get install" in done.stderr
    assert not (project / ".venv").exists()
