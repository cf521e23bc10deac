"""Clips of the running program, and what kill -9 in the middle of one leaves."""

import json
import subprocess
from pathlib import Path

import av
import pytest

from edge.demo.broker import Broker
from edge.mqtt.subscriber import Subscriber
from edge.store.clips import ClipFolder, ClipStore
from edge.store.events import EventStore
from tests.streams import RtspServer, lengthen
from tests.support import Collector, edge, start_edge, until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(200)]


@pytest.fixture
def config(base_dir: Path, tmp_path: Path, broker: Broker) -> Path:
    path = tmp_path / "edge.toml"
    path.write_text(
        f"""
        [paths]
        data = "{tmp_path / "data"}"
        models = "{base_dir / "models"}"
        [clips]
        pre_s = 1
        post_s = 1
        [mqtt]
        host = "{broker.host}"
        port = {broker.port}
        """
    )
    return path


def pictures_in(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_a_clip_that_was_cut_off_by_a_kill_plays_and_is_kept(
    base_dir: Path, tmp_path: Path, config: Path, broker: Broker
) -> None:
    video, data_dir, collector = tmp_path / "street.mkv", tmp_path / "data", Collector()
    lengthen(base_dir / "samples" / "bikes.mp4", video, 12)
    folder = ClipFolder(data_dir)
    with RtspServer(video) as server, Subscriber(broker.host, broker.port, ["edge/#"], collector, session="t"):
        with config.open("a") as file:
            file.write(f'[[camera]]\nname = "street"\nsource = "{server.address}"\n')
        program = start_edge("run", "--config", config, log=tmp_path / "log")
        try:
            until(lambda: any(part.stat().st_size > 200_000 for part in folder.unfinished()), 60, "a growing clip")
        finally:
            program.kill()
            program.wait()
        (part,) = folder.unfinished()
        torn = part.stat().st_size
        program = start_edge("run", "--config", config, log=tmp_path / "log")
        try:
            until(lambda: ClipStore(data_dir).ids(), 30, "the clip in the store")
        finally:
            program.terminate()
            assert program.wait(30) == 0, (tmp_path / "log").read_text()
    clips = {clip.id: clip for clip in ClipStore(data_dir).newest(100)}
    cut = clips[part.name[1:].removesuffix(".mp4.part")]
    assert 100_000 < cut.size_bytes <= torn
    assert cut.events
    assert all(EventStore(data_dir).find(event) for event in cut.events)
    assert not folder.unfinished()
    assert {id_ for id_, _ in folder.finished()} == clips.keys(), "every file has its row"
    for clip in clips.values():
        assert pictures_in(folder.path_of(clip.id)) == pytest.approx(clip.duration_s * 25, rel=0.2)
    announced = [json.loads(each.payload) for each in collector.all if each.topic.endswith("/clips")]
    assert {each["id"] for each in announced} == clips.keys()
    assert all((data_dir / each["path"]).stat().st_size == each["size_bytes"] for each in announced)


def test_clips_of_a_file_are_encoded_and_can_be_copied_out(base_dir: Path, tmp_path: Path, config: Path) -> None:
    with config.open("a") as file:
        file.write(
            f'[[camera]]\nname = "street"\nsource = "file:{base_dir}/samples/bikes.mp4"\npace = "fast"\nclips = "encode"\n'
        )
    run = edge("run", "--once", "--config", config)
    assert run.returncode == 0, run.stderr
    listed = [json.loads(line) for line in edge("clips", "list", "--json", "--config", config).stdout.splitlines()]
    assert listed, run.stderr
    first = listed[-1]
    copy = tmp_path / "copy.mp4"
    shown = edge("events", "show", first["events"][0], "--clip", copy, "--config", config, check=True)
    assert first["path"] in shown.stdout
    assert copy.stat().st_size == first["size_bytes"]
    assert pictures_in(copy) == pytest.approx(first["duration_s"] * 10, abs=3), "ten a second"
    assert "MB" in edge("clips", "list", "--config", config, check=True).stdout
    event = EventStore(tmp_path / "data").find(first["events"][0])[0]
    assert first["started_boot_s"] <= event.started.boot_s <= first["started_boot_s"] + first["duration_s"]


def test_clips_on_request_unless_recording_is_switched_off(tmp_path: Path, config: Path, broker: Broker) -> None:
    with config.open("a") as file:
        file.write('[device]\nid = "box"\n[[camera]]\nname = "door"\nsource = "test:"\nclips = "encode"\n')
    collector = Collector()
    state = "edge/box/switch/recording/state"

    def switch(payload: str) -> None:
        command = ["mosquitto_pub", "-h", broker.host, "-p", str(broker.port), "-q", "1"]
        subprocess.run([*command, "-t", "edge/box/switch/recording/set", "-m", payload], check=True)
        until(lambda: collector.last(state) == payload.encode(), 20, f"recording {payload}")

    def start() -> "subprocess.Popen[bytes]":
        program = start_edge("run", "--config", config, log=tmp_path / "log")
        until(lambda: (tmp_path / "data" / "control.sock").exists(), 30, "the program")
        return program

    with Subscriber(broker.host, broker.port, ["edge/#"], collector, session="t"):
        program = start()
        try:
            until(lambda: collector.last(state) == b"ON", 30, "the switch")
            switch("OFF")
            program.terminate()
            assert program.wait(30) == 0
            program = start()
            refused = edge("ask", "clip", "--config", config)
            assert "recording is off" in refused.stderr
            switch("ON")
            (clip,) = json.loads(until(lambda: edge("ask", "clip", "--config", config).stdout, 20, "a clip"))
            until(lambda: clip in ClipStore(tmp_path / "data").ids(), 30, "the clip in the store")
        finally:
            program.terminate()
            assert program.wait(30) == 0, (tmp_path / "log").read_text()
    (kept,) = ClipStore(tmp_path / "data").newest(10)
    assert (kept.trigger, kept.events) == ("command", ())
    assert kept.duration_s > 1.5
